"""What libraries load that a process of ours never uses, or only now and then."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import LazyLoader
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

LATER = frozenset({"httpx", "requests", "pydicom.examples"})
"""What Blosc2 and pydicom load for images at URLs and for their own sample files: a tenth of the time
in which a conversion starts. Each is loaded by one of their modules, which names it whole."""


class _Later:
    """Finds modules that are loaded when something of theirs is asked for."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load one of `LATER` when it is used; None for all others, or one that isn't there."""
        spec = PathFinder.find_spec(name, path, target) if name in LATER else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


_later = _Later()


def leave_out_commands() -> None:
    """Keep httpx, which Blosc2 loads, from loading its command line, and with it Rich, Click and Pygments.

    They take a tenth of the time in which a conversion starts. httpx goes without where they can't be
    imported, and None is Python's own word for that ("The module cache" of its reference).
    """
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]


def put_off_imports() -> None:
    """Have modules that are hardly ever used loaded when they are, by Python's own `LazyLoader`."""
    if _later not in sys.meta_path:
        sys.meta_path.insert(0, _later)
