"""Axes as microscopes' files name them: labels, units, and what lies along them.

Letters are those of OME and of tifffile: T, C, Z, Y, X, and S for the samples of a colour. Other axes have a
name and no label of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import AxisValues, geometry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_core import MetaSpatial
    from mlarray_io.sdk.context import Context

_LABELS = {
    "T": "temporal",
    "C": "channel",
    "Z": "spatial_z",
    "Y": "spatial_y",
    "X": "spatial_x",
    "S": "components",
}


@dataclass(frozen=True, kw_only=True)
class NamedAxis:
    """One axis of an image.

    Parameters
    ----------
    letter
        ``T``, ``C``, ``Z``, ``Y``, ``X``, ``S``, or any other for an axis without a label.
    size
        How many voxels it has.
    step
        From one to the next; None or 0 for unknown. Below 0 where positions fall.
    unit
        Of `step`, `start` and `values`.
    start
        Position of the first voxel.
    values
        One for each index, where they aren't steps.
    name
        Of what lies along it, such as ``phase``.
    """

    letter: str
    size: int
    step: float | None = None
    unit: str = ""
    start: float = 0.0
    values: Sequence[Any] | None = None
    name: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a step."""
        return self.step is not None and math.isfinite(self.step) and self.step != 0

    @property
    def is_spatial(self) -> bool:
        """Whether it is one of x, y and z."""
        return self.letter in ("X", "Y", "Z")


def named_spatial(axes: Sequence[NamedAxis], context: Context, *, placed: bool = False) -> MetaSpatial:
    """Return labels, units and sizes of voxels.

    Where only some sizes are known the others are 1, without a unit, which is told.

    Parameters
    ----------
    axes
        Slowest first.
    context
        Where unknown sizes are told.
    placed
        Whether the axes say where the first voxel is, in a world without a name.
    """
    labels = [_LABELS.get(axis.letter, "non_spatial") for axis in axes]
    space = [axis for axis in axes if axis.is_spatial]
    known = [axis for axis in space if axis.known]
    units = [axis.unit if axis.known or axis.values is not None else "" for axis in axes]
    shown = units if any(units) else None
    if not known:
        return geometry.spatial_meta(None, axis_labels=labels, axis_units=shown)
    unknown = [axis.letter.lower() for axis in space if not axis.known]
    if unknown:
        context.warn(
            f"the size of voxels along {', '.join(unknown)} is unknown: 1 stands for it, without a unit"
        )
    steps = [float(axis.step or 1) if axis.known else 1.0 for axis in space]
    if not placed:
        sizes = [abs(step) for step in steps]
        return geometry.spatial_meta(None, axis_labels=labels, axis_units=shown, spacing=sizes)
    affine = np.eye(len(space) + 1)
    affine[:-1, :-1] = 0
    rows = sorted(axis.letter for axis in space)
    for column, (axis, step) in enumerate(zip(space, steps, strict=True)):
        affine[rows.index(axis.letter), column] = step
        affine[rows.index(axis.letter), -1] = axis.start
    return geometry.spatial_meta(affine, axis_labels=labels, axis_units=shown)


def named_values(axes: Sequence[NamedAxis]) -> dict[int, AxisValues]:
    """Return times, and names of axes without a label, by axis."""
    found = {}
    for index, axis in enumerate(axes):
        if axis.is_spatial or axis.letter in "CS":
            continue
        values = None if axis.values is None else list(axis.values)
        if values is None and axis.known:
            values = [axis.start + float(axis.step or 0) * at for at in range(axis.size)]
        name = axis.name or ("time" if axis.letter == "T" else axis.letter)
        if values is not None or axis.letter != "T":
            found[index] = AxisValues(name, axis.unit, values)
    return found
