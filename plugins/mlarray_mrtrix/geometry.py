"""Where an MRtrix image puts its voxels. Its world is RAS, its unit the millimetre.

The transform holds the directions of the header's axes and the centre of the voxel at their beginning,
whatever the strides (MRtrix3 documentation, "The image transform"). The array has the axes as they lie in
the file, so an axis that is stored backwards leads the other way from its other end.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import geometry
from mlarray_core.errors import CorruptError, MetadataError
from mlarray_core.meta import is_spatial
from mlarray_io.sdk import spatial_labels
from mlarray_mrtrix.header import AXES, UNITS

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from mlarray_core import MetaSpatial
    from mlarray_io import Context
    from mlarray_mrtrix.header import MrtrixHeader
    from mlarray_mrtrix.layout import Layout

    Matrix = np.ndarray[Any, np.dtype[np.float64]]

SPACE = 3
"""The first axes of a header that are of space."""
WORLD = "RAS"
WAY_OUT = "Read it without placement by -o geometry=none"
NO_UNIT = "-"
LABEL = re.compile(r"[^\W\d][\w/%^.-]{0,39}|-|%")
"""What a label or unit may be: no blank, no comma, no ``#``."""


def added_axes(layout: Layout) -> int:
    """Return how many axes of length one MRtrix adds to a line or a plane, which have a place in space."""
    return max(SPACE - len(layout.sizes), 0)


def spatial_of(
    header: MrtrixHeader, layout: Layout, path: Path, context: Context, *, wanted: bool = True
) -> MetaSpatial:
    """Return the spatial section.

    Parameters
    ----------
    header, layout
        The header, and its sizes and strides.
    path
        The file, for errors.
    context
        Told of what the header leaves out.
    wanted
        False leaves position and size unread.

    Raises
    ------
    CorruptError
        The geometry has no meaning.
    """
    labels, units = labels_of(header, layout)
    if not wanted:
        return geometry.spatial_meta(None, axis_labels=labels)
    sizes = voxel_sizes(header, len(layout.sizes), path)[:SPACE]
    places = [axis for axis in layout.order if axis < SPACE]
    before = range(SPACE - 1, len(layout.sizes) - 1, -1)  # those that are added
    order = [*before, *places]
    if not all(math.isfinite(size) and size > 0 for size in sizes):
        context.warn(f"its voxel sizes are {sizes}: size and position are unset")
        return geometry.spatial_meta(None, axis_labels=labels, axis_units=units)
    transform = transform_of(header, path)
    if transform is None:
        context.warn("it has no transform: position and world are unset")
        spacing = [sizes[axis] for axis in order]
        return geometry.spatial_meta(None, axis_labels=labels, axis_units=units, spacing=spacing)
    affine = np.eye(SPACE + 1)
    affine[:SPACE, SPACE] = transform[:, SPACE]
    for column, axis in enumerate(order):
        step = transform[:, axis] * sizes[axis]
        back = axis < len(layout.sizes) and layout.backwards[axis]
        affine[:SPACE, column] = -step if back else step
        affine[:SPACE, SPACE] += step * (layout.sizes[axis] - 1) if back else 0
    try:
        return geometry.spatial_meta(
            geometry.to_world(affine, WORLD, "LPS"), axis_labels=labels, axis_units=units, coord_system="LPS"
        )
    except MetadataError as error:
        raise CorruptError(error.message, path=path, field="transform", hint=WAY_OUT) from error


def voxel_sizes(header: MrtrixHeader, count: int, path: Path) -> list[float]:
    """Return the size along each axis of the header; 1 for those of space that are added.

    Parameters
    ----------
    header
        The header.
    count
        Its number of axes.
    path
        The file, for errors.

    Raises
    ------
    CorruptError
        There are too few, or one is negative.
    """
    found = header.numbers("vox", header.last("vox", path), path)
    if len(found) < min(count, SPACE) or any(size < 0 for size in found):
        raise CorruptError(
            f"expected {count} sizes of voxels, got {found[:8]}", path=path, field="vox", hint=WAY_OUT
        )
    missing = [1.0] * (SPACE - count) if count < SPACE else [math.nan] * (count - len(found))
    return [*found[:count], *missing]


def transform_of(header: MrtrixHeader, path: Path) -> Matrix | None:
    """Return directions and position, a row for each of world x, y, z; None where there is no transform.

    Raises
    ------
    CorruptError
        It isn't three or four rows of four numbers.
    """
    lines = header.lines("transform")
    if not lines:
        return None
    rows = [header.numbers("transform", line, path) for line in lines]
    if len(rows) < SPACE or any(len(row) != SPACE + 1 for row in rows) or not np.isfinite(rows).all():
        raise CorruptError(
            f"expected three rows of four numbers, got {str(rows)[:60]}",
            path=path,
            field="transform",
            hint=WAY_OUT,
        )
    return np.array(rows[:SPACE])


def labels_of(header: MrtrixHeader, layout: Layout) -> tuple[list[str], list[str]]:
    """Return label and unit of each axis of the array: of space by their place, of others as told."""
    count = len(layout.sizes)
    names, measures = _words(header, AXES, count), _words(header, UNITS, count)
    spatial = spatial_labels(SPACE)
    labels, units = spatial[: added_axes(layout)], ["mm"] * added_axes(layout)
    at = len(labels)
    for axis in layout.order:
        if axis < SPACE:
            labels.append(spatial[at])
            at += 1
        else:
            name = names[axis] if names else ""
            labels.append("non_spatial" if not name or name == NO_UNIT or is_spatial(name) else name)
        own = measures[axis] if measures else NO_UNIT
        units.append("mm" if axis < SPACE else "" if own == NO_UNIT else own)
    return labels, units


def _words(header: MrtrixHeader, name: str, count: int) -> list[str] | None:
    """Return the words of a key of our own, None when they aren't one for each axis."""
    words = [word.strip() for line in header.lines(name)[-1:] for word in line.split(",")]
    return words if len(words) == count and all(map(LABEL.fullmatch, words)) else None
