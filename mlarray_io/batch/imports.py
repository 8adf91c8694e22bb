"""What libraries load that a process of ours never uses."""

from __future__ import annotations

import sys


def leave_out_commands() -> None:
    """Keep httpx, which Blosc2 loads, from loading its command line, and with it Rich, Click and Pygments.

    They take a tenth of the time in which a conversion starts. httpx goes without where they can't be
    imported, and None is Python's own word for that ("The module cache" of its reference).
    """
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
