"""The axis that frames at one position make: its label, and name, unit and values along it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from mlarray_core import AxisValues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_dicom.frames.frame import FrameKeys

TEMPORAL = frozenset({"time", "trigger time", "acquisition", "frame reference time", "time slot"})
"""Names of axes that are times, or that count them."""


@dataclass
class RepeatAxis:
    """An axis before those of space.

    Parameters
    ----------
    name
        What varies along it: ``time``, ``b-value``, ``segment`` ...
    unit
        Of the values, empty where they have none.
    values
        One for each place: numbers, or texts where several dimensions count together.
    unknown
        Whether nothing is known but that it isn't space.
    """

    name: str
    unit: str
    values: Sequence[float] | Sequence[str]
    unknown: bool = False

    @property
    def label(self) -> str:
        """The axis label of the schema."""
        if self.unknown:
            return "non_spatial"
        return "temporal" if self.name in TEMPORAL else self.name.replace("-", "_").replace(" ", "_")

    def described(self) -> AxisValues:
        """Return it as the metadata hold it."""
        return AxisValues(self.name, self.unit, list(self.values))


def seconds_of(rows: Sequence[Sequence[FrameKeys]]) -> list[float] | None:
    """Return when each volume began, in s after the first; None unless later ones began later.

    Parameters
    ----------
    rows
        The keys of the frames of each volume.
    """
    begun = [{keys.began for keys in row} for row in rows]
    if all(len(one) == 1 and None not in one for one in begun):
        starts = [value for one in begun for value in one if value is not None]
        return _rising([round(start - starts[0], 6) for start in starts])
    moments = [[keys.moment for keys in row if keys.moment is not None] for row in rows]
    if any(len(known) < len(row) for known, row in zip(moments, rows, strict=True)):
        return None
    first = [min(known) for known in moments]
    return _rising([round((moment - first[0]).total_seconds(), 6) for moment in first])


def _rising(seconds: list[float]) -> list[float] | None:
    return seconds if all(later > earlier for earlier, later in pairwise(seconds)) else None
