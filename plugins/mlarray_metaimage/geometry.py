"""Where a MetaImage puts its voxels, and what its axes are. Its world is LPS, its unit the millimetre."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import AxisValues, geometry
from mlarray_core.errors import CorruptError, MetadataError
from mlarray_core.meta import is_spatial

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import MetaSpatial
    from mlarray_metaimage.header import Fields

WAY_OUT = "Read it without placement by -o geometry=none"
PLACES = ("spatial_x", "spatial_y", "spatial_z")
SPACINGS = ("ElementSpacing", "ElementSize")
ORIGINS = ("Offset", "Position", "Origin")
MATRICES = ("TransformMatrix", "Orientation", "Rotation")
LABELS, UNITS_OF_AXES = "AxisLabels", "AxisUnits"
"""Fields of our own, a word for each axis, for what MetaIO has no place for; ITK reads past them."""
NO_UNIT = "-"
NAME = re.compile(r"[^\W\d][\w/%^.-]{0,39}|-|%")
"""What a label or unit may be: no blank, no line end, nothing that runs on."""
UNITS = {"mm": "mm", "um": "um", "cm": "cm"}
"""MetaObject's DistanceUnits."""

Lines = dict[int, tuple[float, float]]


def spatial_of(fields: Fields, path: Path, *, wanted: bool = True) -> tuple[MetaSpatial, Lines]:
    """Return the spatial section, and start and step of each axis of the array that isn't of space.

    Axes beyond the third are of space only where the matrix mixes them with the first three.

    Parameters
    ----------
    fields
        The fields of the header, by name.
    path
        The file, for errors.
    wanted
        False leaves position and size unread.

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
    labels = _named(fields, _labels(count, space, components), count)
    unit = UNITS.get(str(fields.get("DistanceUnits", "")).lower(), "mm")
    own = _words(fields, UNITS_OF_AXES, count) or [""] * count
    given = [*("" if word == NO_UNIT else word for word in reversed(own)), ""][: len(labels)]
    units = [unit if is_spatial(label) else other for label, other in zip(labels, given, strict=True)]
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


def _named(fields: Fields, labels: list[str], count: int) -> list[str]:
    """Return the labels with those that the header itself has for axes that aren't of space."""
    words = _words(fields, LABELS, count) or []
    taken = [
        word
        if label == "non_spatial" and not is_spatial(word) and word not in ("components", NO_UNIT)
        else label
        for label, word in zip(labels, reversed(words), strict=False)
    ]
    return [*taken, *labels[len(taken) :]]


def _words(fields: Fields, name: str, count: int) -> list[str] | None:
    """Return the words of a field of our own, None when they aren't one for each axis."""
    words = str(fields.get(name, "")).split()
    return words if len(words) == count and all(map(NAME.fullmatch, words)) else None


def _which(fields: Fields, names: tuple[str, ...]) -> str:
    return next((name for name in names if name in fields), names[0])


def _values(fields: Fields, names: tuple[str, ...], missing: list[float], path: Path) -> list[float]:
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


def positions(steps: Lines, shape: tuple[int, ...], spatial: MetaSpatial) -> dict[int, AxisValues]:
    """Return the positions along axes that aren't of space, where the header says more than nothing.

    Parameters
    ----------
    steps, spatial
        What `spatial_of` returns.
    shape
        Of the array.
    """
    labels, units = spatial.axis_labels or [], spatial.axis_units or [""] * len(shape)
    return {
        axis: AxisValues(
            "time" if labels[axis] == "temporal" else "",
            units[axis],
            values=[start + step * index for index in range(shape[axis])],
        )
        for axis, (start, step) in steps.items()
        if (start, step) != (0.0, 1.0) and shape[axis] > 1
    }
