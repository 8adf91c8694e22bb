"""What the attributes are that an object must have, as far as compound actions depend on it (PS3.15, E.1.1).

``types.tsv`` has the type of such attributes, directly in the data set or in the items of a sequence, in all
classes whose objects must have them with a value (1) or at least empty (2), by the modules of their IODs
(PS3.3, annexes A and C). The last part of a UID stands for a class, ``-`` for all that are known but those
which follow. Conditional types count as if the condition were met: the attribute is there, so it may be.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

Demand = Literal["1", "2", ""]
"""A value, the attribute, or nothing."""
_ROOT = "1.2.840.10008.5.1.4."


class Demands:
    """What the objects of one image must have.

    Parameters
    ----------
    storage_class
        UID of their class; empty when they are of several.
    multiframe
        Whether they have functional groups: of a class that isn't known, that decides.
    """

    def __init__(self, storage_class: str, *, multiframe: bool) -> None:
        self._types = _of_class(storage_class)
        self._unknown: Demand = "1" if multiframe else "2"

    def of(self, sequence: str, tag: str) -> Demand:
        """Return what is demanded of an attribute in a sequence, or in the data set when that is empty."""
        return self._unknown if self._types is None else self._types.get((sequence, tag), "")


@cache
def _of_class(storage_class: str) -> dict[tuple[str, str], Demand] | None:
    """Return the types of attributes by sequence and tag; None of a class that isn't known."""
    name = storage_class.removeprefix(_ROOT)
    found: dict[tuple[str, str], Demand] = {}
    for sequence, tag, kind, classes in _rows():
        if sequence == "classes":
            if name not in classes.split():
                return None
        elif (name in classes.split()) != classes.startswith("-"):
            found[sequence, tag] = "1" if kind == "1" else "2"
    return found


@cache
def _rows() -> list[list[str]]:
    text = Path(__file__).with_name("types.tsv").read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()[1:]]
