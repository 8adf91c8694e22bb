"""Units of space and time: the header's codes, and what others are turned into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_core import Additions, geometry, units
from mlarray_nifti.axes import axis_units, steps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlarray_io import Context, Reader
    from mlarray_nifti.header import Header
    from mlarray_nifti.write_axes import Plan

_CODES = {"m": 1, "mm": 2, "um": 3, "s": 8, "ms": 16, "us": 24, "Hz": 32, "ppm": 40, "rad/s": 48}
"""nifti1.h, NIFTI_UNITS."""
_MM = _CODES["mm"]
_SPACE = {"m": "m", "mm": "mm", "cm": "mm", "um": "um", "nm": "um"}
_TIME = {"s": "s", "min": "s", "ms": "ms", "us": "us", "Hz": "Hz", "ppm": "ppm", "rad/s": "rad/s"}
"""The unit of the header in which each is told."""


def put_units(header: Header, reader: Reader, plan: Plan, context: Context) -> float:
    """Store the units, and the steps of the fourth axis. Return the factor for lengths.

    An image in a known world without units is taken for millimetres, unless its NIfTI source said nothing.

    Parameters
    ----------
    header
        The header that is filled.
    reader
        The image that is written.
    plan
        What was decided about the file.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.
    """
    labels, told = reader.labels, reader.meta.spatial.axis_units
    if plan.as_read and told == axis_units(header, labels):
        space, time = (header.get("xyzt_units") & 7, 1.0), (header.get("xyzt_units") & 56, 1.0)
    else:
        known = geometry.normal_world(reader.meta.spatial.coord_system) is not None
        given = reader.units
        fourth = plan.axes[3] if len(plan.axes) > 3 else None
        space = _code("length", {given[axis] for axis in plan.spatial}, _SPACE, context)
        space = (_MM, 1.0) if space == (0, 1.0) and known and told is None else space
        time = _code("time", set() if fourth is None else {given[fourth]}, _TIME, context)
        header.fields["xyzt_units"] = space[0] | time[0]
    _put_steps(header, reader, plan, time[1], context)
    return space[1]


def _code(what: str, given: Iterable[str], told: dict[str, str], context: Context) -> tuple[int, float]:
    """Return the code of a unit, and what to multiply numbers by."""
    spelt = sorted(set(given) - {""})
    if not spelt:
        return 0, 1.0
    symbols = {units.symbol_of(text) for text in spelt}
    target = told.get(symbols.pop()) if len(symbols) == 1 else None
    if target is not None:
        return _CODES[target], units.factor(spelt[0], target) or 1.0  # frequencies have no other unit
    names = ", ".join(spelt)
    context.loss(f"unit of {what} {names}", "NIfTI has one unit for all axes, of a few; the numbers are kept")
    return 0, 1.0


def _put_steps(header: Header, reader: Reader, plan: Plan, factor: float, context: Context) -> None:
    """Store distance and start of the fourth axis."""
    axis = plan.axes[3] if len(plan.axes) > 3 else None
    if axis is None:
        return
    known = Additions.of(reader.meta).axes.get(axis)
    values = None if known is None else known.values
    timed = reader.labels[axis] in ("temporal", "continuous")
    if plan.as_read and values == (steps(header, reader.shape[axis]) if timed else None):
        return
    header.fields["pixdim"][4] = header.fields["toffset"] = 0
    if not timed:
        if values:
            context.loss(f"positions along axis {axis}", "NIfTI has steps for time only")
        return
    if known is None or not values or len(values) != reader.shape[axis]:
        return
    if not all(isinstance(value, int | float) for value in values):
        return
    line = known.even_step(1e-4)  # pixdim is a float32
    if line is None:
        context.loss(f"positions along axis {axis}", "NIfTI holds only even steps")
        return
    header.fields["pixdim"][4], header.fields["toffset"] = line.step * factor, line.start * factor
