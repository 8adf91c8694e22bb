"""What the axes of a variable are, and where it lies (CF 1.11, 4 "Coordinate Types", 5.6 "Grid Mappings")."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import AxisValues, geometry
from mlarray_core.headers import plain
from mlarray_core.units import is_length, symbol_of
from mlarray_io.sdk import labels_of_names
from mlarray_netcdf.files import attributes_of, visible
from mlarray_netcdf.values import values_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlarray_core import MetaSpatial
    from mlarray_netcdf.files import Library

LONGEST = 100_000
"""Most positions along an axis that are kept in the metadata."""
_EAST = re.compile(r"degrees?_?e(ast)?$", re.IGNORECASE)
_NORTH = re.compile(r"degrees?_?n(orth)?$", re.IGNORECASE)
_PRESSURES = {"bar", "millibar", "mbar", "decibar", "dbar", "atm", "atmosphere", "pa", "hpa"}
_STANDARD = {
    "longitude": "x", "projection_x_coordinate": "x", "grid_longitude": "x",
    "projection_x_angular_coordinate": "x", "latitude": "y", "projection_y_coordinate": "y",
    "grid_latitude": "y", "projection_y_angular_coordinate": "y", "time": "t", "altitude": "z", "height": "z",
    "depth": "z", "air_pressure": "z",
}  # fmt: skip
"""Standard names of coordinates, and the axis that they are."""
_EPSG = (
    re.compile(r'ID\["EPSG",\s*"?(\d+)"?\](?:\s*\])*\s*$'),
    re.compile(r'AUTHORITY\["EPSG",\s*"?(\d+)"?\](?:\s*\])*\s*$'),
)
"""The code of the whole system: the last one of its text (OGC 18-010r7, 7.3.4; OGC 01-009)."""


@dataclass
class Axis:
    """One axis of a variable.

    Parameters
    ----------
    name
        Of its dimension.
    kind
        ``x``, ``y``, ``z`` or ``t``; empty for any other.
    unit
        Of its positions, as the file spells it.
    values
        Its positions, None where there are none or too many.
    tolerance
        How far they may be rounded off, by their type.
    known
        What else is said of them.
    """

    name: str
    kind: str = ""
    unit: str = ""
    values: np.ndarray[Any, np.dtype[np.float64]] | None = None
    tolerance: float = 0.0
    known: dict[str, Any] = field(default_factory=dict)

    def line(self) -> tuple[float, float] | None:
        """Return first position and step where they are even, to the rounding of their type."""
        if self.values is None or len(self.values) < 2 or not np.isfinite(self.values).all():
            return None
        step = (self.values[-1] - self.values[0]) / (len(self.values) - 1)
        even = self.values[0] + step * np.arange(len(self.values))
        most = 4 * self.tolerance * np.abs(self.values).max() + 1e-6 * abs(step)
        fits = step != 0 and most < abs(step) / 4 and bool((np.abs(even - self.values) <= most).all())
        return (float(self.values[0]), float(step)) if fits else None


def axes_of(variable: Library) -> list[Axis]:
    """Return the axes of a variable, slowest first, by its coordinate variables."""
    found = []
    for name, size in zip(variable.dimensions, variable.shape, strict=True):
        coordinate = visible(variable, name)
        if coordinate is None or tuple(coordinate.dimensions) != (name,) or coordinate.dtype is str:
            found.append(Axis(name))
            continue
        found.append(_axis(name, coordinate, int(size)))
    kinds = [axis.kind for axis in found]
    for axis in found:
        if kinds.count(axis.kind) > 1:
            axis.kind = ""
    return found


def _axis(name: str, coordinate: Library, size: int) -> Axis:
    attributes = attributes_of(coordinate)
    unit = str(attributes.get("units", "")).strip()
    axis = Axis(name, _kind(attributes, unit), unit)
    axis.known = {
        key: plain(attributes[key])
        for key in ("standard_name", "long_name", "calendar", "positive")
        if key in attributes
    }
    if coordinate.dtype.kind not in "iuf" or size > LONGEST:
        return axis
    numbers = values_of(coordinate, attributes)
    stored = np.asarray(coordinate[:], numbers.stored).view(numbers.plain).astype(np.float64)
    axis.values = stored * numbers.slope + numbers.intercept
    if coordinate.dtype.kind == "f":
        axis.tolerance = float(np.finfo(coordinate.dtype).eps)
    bounds = visible(coordinate, str(attributes.get("bounds") or attributes.get("climatology") or ""))
    if bounds is not None and bounds.shape == (size, 2) and bounds.dtype.kind in "iuf":
        axis.known["bounds"] = plain(np.asarray(bounds[:], np.float64).tolist())
    return axis


def _kind(attributes: Mapping[str, object], unit: str) -> str:
    """Return which axis a coordinate is of: by `axis`, its units or its standard name (CF 4)."""
    said = str(attributes.get("axis", "")).lower()
    if said in ("x", "y", "z", "t"):
        return said
    if re.search(r"\bsince\b", unit):
        return "t"
    if _EAST.match(unit):
        return "x"
    if _NORTH.match(unit):
        return "y"
    if unit.lower() in _PRESSURES or str(attributes.get("positive", "")).lower() in ("up", "down"):
        return "z"
    return _STANDARD.get(str(attributes.get("standard_name", "")), "")


def labels_of(axes: list[Axis]) -> list[str]:
    """Return the labels of axes.

    Height, depth and pressure are space only beside x and y that are lengths as they are: metres over degrees
    make no geometry.
    """
    names: list[str | None] = []
    lengths = all(is_length(axis.unit) for axis in axes if axis.kind in ("x", "y", "z"))
    for axis in axes:
        if axis.kind == "t":
            names.append("time")
        elif axis.kind in ("x", "y") or (axis.kind == "z" and lengths):
            names.append(axis.kind)
        else:  # a dimension that is only called like an axis of space isn't one
            names.append(
                None if axis.name.lower() in ("x", "y", "z") and axis.values is not None else axis.name
            )
    return labels_of_names(names)


def positions(axes: list[Axis]) -> dict[int, AxisValues]:
    """Return what lies along the axes that have positions, by axis."""
    return {
        at: AxisValues(axis.name, symbol_of(axis.unit), axis.values.tolist(), axis.known)
        for at, axis in enumerate(axes)
        if axis.values is not None and np.isfinite(axis.values).all()
    }


def spatial_of(axes: list[Axis], labels: list[str], world: str | None) -> MetaSpatial:
    """Return where voxels lie: an affine in the coordinates of the file, where those are even.

    Parameters
    ----------
    axes, labels
        Of the variable.
    world
        Name of the reference system.
    """
    # a time axis counts days, hours ... since a date, which its positions say
    units = [symbol_of(axis.unit.split(" since ")[0]) for axis in axes]
    own = [(axis, label) for axis, label in zip(axes, labels, strict=True) if label.startswith("spatial_")]
    lines = [axis.line() for axis, _ in own]
    if not own or any(line is None for line in lines):
        return geometry.spatial_meta(None, axis_labels=labels, axis_units=units if any(units) else None)
    letters = sorted(label[-1] for _, label in own)
    affine = np.eye(len(own) + 1)
    affine[:-1, :-1] = 0
    for column, ((_, label), line) in enumerate(zip(own, lines, strict=True)):
        assert line is not None
        row = letters.index(label[-1])
        affine[row, column], affine[row, -1] = line[1], line[0]
    return geometry.spatial_meta(affine, axis_labels=labels, axis_units=units, coord_system=world)


def mapping_of(variable: Library, attributes: Mapping[str, object]) -> dict[str, object]:
    """Return the attributes of a variable's grid mapping; empty without one."""
    names = [word.rstrip(":") for word in str(attributes.get("grid_mapping", "")).split()]
    for name in names:
        found = visible(variable, name)
        if found is not None:
            return {"name": name, **attributes_of(found)}
    return {}


def world_of(mapping: Mapping[str, object]) -> str | None:
    """Return the name of the reference system: ``EPSG:32633``, or what the file calls its mapping."""
    if not mapping:
        return None
    for name in ("crs_wkt", "spatial_ref"):
        text = str(mapping.get(name, ""))
        code = next((found[1] for pattern in _EPSG if (found := pattern.search(text))), None)
        if code:
            return f"EPSG:{code}"
    code = re.fullmatch(r"(?:EPSG:)?(\d+)", str(mapping.get("epsg_code", "")).strip(), re.IGNORECASE)
    if code:
        return f"EPSG:{code[1]}"
    return str(mapping.get("grid_mapping_name") or "") or None
