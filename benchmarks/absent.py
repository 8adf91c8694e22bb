"""What a run can't measure, and why: a library that isn't there, or fails, ends no other's measurement."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.table import table

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE = "everything"
"""What is absent when our own side, or the reference, fails: there is nothing to compare then."""


class PeerError(Exception):
    """A library, in a process of its own, could not do what it was asked for."""


@contextmanager
def noting(absent: dict[str, str], who: str) -> Iterator[None]:
    """Go on behind the block when it fails, and note who is absent and why.

    Parameters
    ----------
    absent
        Reasons by name; gets one more.
    who
        The library, or `WHOLE`.
    """
    try:
        yield
    except Exception as error:
        absent[who] = reason(error)
        print(f"absent: {who}: {absent[who]}", file=sys.stderr, flush=True)


def reason(error: Exception) -> str:
    """Return one line that says what happened."""
    kind = "" if isinstance(error, PeerError) else f"{type(error).__name__}: "
    text = " ".join(str(error).split())
    return (kind + text)[:200].replace("|", "/").rstrip(": ")


def section(results: dict) -> str:
    """Return what the page says of it; nothing when all was measured."""
    rows = [
        [part, who, why] for part, names in results.get("absent", {}).items() for who, why in names.items()
    ]
    return "## Not measured\n\n" + table(["part", "what", "why"], rows) if rows else ""
