"""What lies along an axis, and what a channel is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlarray_core.meta.checks import JsonDict


class Line(NamedTuple):
    """Evenly spaced numbers."""

    start: float
    """The first one."""
    step: float
    """From one to the next; 0 for a single number."""


@dataclass
class AxisValues:
    """Name and positions along one axis of an array: time points, echo times, b-values, volumes' names.

    Parameters
    ----------
    name
        Of the quantity, such as ``time`` or ``b-value``.
    unit
        Of the values, empty for none.
    values
        One for each index along the axis, in its order; None when only the name is known.
    others
        What a newer writer says about the axis; kept.
    """

    name: str = ""
    unit: str = ""
    values: list[Any] | None = None
    others: JsonDict = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> Self:
        """Return what a dict of JSON says; what isn't of the right type is kept in `others`."""
        axis, others = cls(), dict(content)
        if isinstance(others.get("name"), str):
            axis.name = others.pop("name")
        if isinstance(others.get("unit"), str):
            axis.unit = others.pop("unit")
        if isinstance(others.get("values"), list):
            axis.values = others.pop("values")
        axis.others = others
        return axis

    def to_mapping(self) -> JsonDict:
        """Return a dict of JSON: the name, and unit and values where there are any."""
        content: JsonDict = {"name": self.name}
        if self.unit or self.values is not None:
            content["unit"] = self.unit
        if self.values is not None:
            content["values"] = self.values
        return {**content, **self.others}

    def even_step(self, tolerance: float = 1e-6) -> Line | None:
        """Return start and step of evenly spaced numbers, None without values or for any others.

        Parameters
        ----------
        tolerance
            Twice so much of the mean step is what a single step may differ by: headers store rounded numbers.
        """
        values = self.values
        if not values or not all(type(value) in (int, float) for value in values):
            return None
        step = (values[-1] - values[0]) / max(len(values) - 1, 1)
        if not math.isfinite(step):
            return None
        most = 2 * tolerance * abs(step)
        even = all(abs(after - value - step) <= most for value, after in pairwise(values))
        return Line(float(values[0]), float(step)) if even else None


class Channel(dict[str, Any]):
    """What a source says about one channel: a dict of JSON in the source's words."""

    @property
    def name(self) -> str:
        """Name of the channel (``name``, or ``label`` in OME-Zarr), empty when unknown."""
        return str(self.get("name") or self.get("label") or "")

    @property
    def color(self) -> str | None:
        """The colour that it is shown in, as the source spells it; None when unknown."""
        color = self.get("color")
        return color if isinstance(color, str) else None
