"""Python's warnings of a library silenced while it works, without touching anybody else's."""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    Filter = tuple[str, re.Pattern[str] | None, type[Warning], re.Pattern[str] | None, int]

_LOCK = Lock()


class _Held(NamedTuple):
    """One entry of Python's list of filters, the list it went into, and how many blocks want it."""

    entry: Filter
    into: list[Filter]
    blocks: int


_HELD: dict[str, _Held] = {}


@contextmanager
def ignored_warnings(*modules: str) -> Iterator[None]:
    """Ignore the warnings that the modules of some packages raise.

    Python's filters belong to the whole process, and `warnings.catch_warnings` puts an old list back: with
    two threads the one that came first may put back what the other one silenced, for good. Here the first
    block adds an entry for these modules alone, the last one takes that very entry out again, and warnings of
    all other modules pass while it is there. Never hold it across a `yield`, which may keep it for good.

    Parameters
    ----------
    *modules
        Packages, such as ``"pydicom"``, their submodules included.
    """
    pattern = _pattern(modules)
    with _LOCK:
        held = _HELD.get(pattern)
        if held is None:
            warnings.filterwarnings("ignore", module=pattern)
            filters: list[Filter] = warnings.filters  # type: ignore[assignment]
            held = _Held(filters[0], filters, 0)
        _HELD[pattern] = held._replace(blocks=held.blocks + 1)
    try:
        yield
    finally:
        with _LOCK:
            held = _HELD[pattern]
            if held.blocks > 1:
                _HELD[pattern] = held._replace(blocks=held.blocks - 1)
            else:
                del _HELD[pattern]
                _take_out(held)


@cache
def _pattern(modules: tuple[str, ...]) -> str:
    return rf"(?:{'|'.join(re.escape(module) for module in modules)})(?:\.|$)"


def _take_out(held: _Held) -> None:
    """Remove the entry from the list it was put into, and from the one that is in use now.

    They differ where someone entered or left `catch_warnings` meanwhile.
    """
    current: list[Filter] = warnings.filters  # type: ignore[assignment]
    for filters in (held.into, current):
        for place, entry in enumerate(filters):
            if entry is held.entry:
                del filters[place]
                break
