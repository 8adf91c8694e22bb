"""Where a MetaImage puts its voxels, and what its axes are. Its world is LPS, its unit the millimetre."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import AxisValues, geometry
from mlarray_core.errors import CorruptError, MetadataError

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import MetaSpatial

WAY_OUT = "Read it without placement by -o geometry=none"
PLACES = ("spatial_x", "spatial_y", "spatial_z")
SPACINGS = ("ElementSpacing", "ElementSize")
ORIGINS = ("Offset", "Position", "Origin")
MATRICES = ("TransformMatrix", "Orientation", "Rotation")
UNITS = {"mm": "mm", "um": "um", "cm": "cm"}
"""MetaObject's DistanceUnits."""

Lines = dict[int, tuple[float, float]]


def spatial_of(fields: dict[str, Any], path: Path, *, wanted: bool = True) -> tuple[MetaSpatial, Lines]:
    """Return the spatial section, and start and step of each axis of the array that isn't of space.

    Axes beyond the third are of space only where the matrix mixes them with the first three.

    Raises
    ------
    CorruptError
        The geometry has no meaning: NaN, no extent, wrong numbers of values.
    """
    count = fields["NDims"]
    components = fields.get("ElementNumberOfChannels", 1) > 1
    if not wanted:
        return geometry.spatial_meta(None, axis_labels=_labels(count, min(count, 3), components)), {}
    spacing = _values(fields, SPACINGS, [1.0] * count, path)
    origin = _values(fields, ORIGINS, [0.0] * count, path)
    rows = _values(fields, MATRICES, np.eye(count).ravel().tolist(), path)
    directions = np.array(rows).reshape(count, count)
    mixed = np.any(directions[:3, 3:]) or np.any(directions[3:, :3])
    space = count if mixed else min(count, 3)
    columns = (directions.T * spacing)[:space, :space]
    affine = np.eye(space + 1)
    affine[:space, :space] = columns[:, ::-1]
    affine[:space, space] = origin[:space]
    labels = _labels(count, space, components)
    unit = UNITS.get(str(fields.get("DistanceUnits", "")).lower(), "mm")
    units = [unit if label.startswith("spatial") else "" for label in labels]
    steps = {
        count - 1 - axis: (origin[axis], spacing[axis] * directions[axis, axis])
        for axis in range(space, count)
    }
    try:
        spatial = geometry.spatial_meta(affine, axis_labels=labels, axis_units=units, coord_system="LPS")
    except MetadataError as error:
        raise CorruptError(error.message, path=path, field=_which(fields, MATRICES), hint=WAY_OUT) from error
    return spatial, steps


def _labels(count: int, space: int, components: bool) -> list[str]:
    places = [*PLACES[:space], *["spatial"] * (space - 3), *["non_spatial"] * (count - space)]
    return [*reversed(places), *(["components"] if components else [])]


def _which(fields: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((name for name in names if name in fields), names[0])


def _values(fields: dict[str, Any], names: tuple[str, ...], missing: list[float], path: Path) -> list[float]:
    name = _which(fields, names)
    values = fields.get(name, missing)
    lengths = name in SPACINGS
    if len(values) != len(missing) or not all(
        math.isfinite(value) and (value or not lengths) for value in values
    ):
        raise CorruptError(
            f"expected {len(missing)} numbers{' other than 0' if lengths else ''}, got {values}",
            path=path,
            field=name,
            hint=WAY_OUT,
        )
    return [float(value) for value in values]


def positions(steps: Lines, shape: tuple[int, ...]) -> dict[int, AxisValues]:
    """Return the positions along axes that aren't of space, where the header says more than nothing."""
    return {
        axis: AxisValues(values=[start + step * index for index in range(shape[axis])])
        for axis, (start, step) in steps.items()
        if (start, step) != (0.0, 1.0) and shape[axis] > 1
    }
