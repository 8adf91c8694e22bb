"""Which axis of an image goes where in napari, and where its voxels lie.

napari's world has the axes of the display: the last two are rows, downwards, and columns, to the right. World
LPS with its rows as z, y, x shows a patient as a radiologist does: axial, front up, right side on the left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlarray_core import Additions, geometry, units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_core.array.image import MLArray
    from mlarray_core.meta import Meta

    Matrix = np.ndarray[Any, np.dtype[np.float64]]

NO_UNIT = "pixel"
"""What napari calls the unit of an axis without one."""
PLANES = "zyx"
"""Names of the axes of a world that is known, in their order on the display."""
NAMES = {"temporal": "t", "channel": "c"}
"""Of other axes; other labels stand for themselves."""


class Placement(NamedTuple):
    """An image's axes in the order of the display, and where they lie."""

    order: tuple[int, ...]
    """Axes of the array, as they are shown: those that aren't spatial first."""
    spatial: int
    """How many of them, the last ones, are spatial."""
    affine: Matrix
    """From indices in that order to napari's world."""
    names: tuple[str, ...]
    """Of the axes of napari's world."""
    units: tuple[str, ...]
    """Of the same."""


def placement(image: MLArray, hidden: Sequence[int] = ()) -> Placement:
    """Return how an image is shown.

    Parameters
    ----------
    image
        The image.
    hidden
        Axes that are no dimensions in napari: colours, channels that are layers of their own.
    """
    shape, spatial = image.shape or (), image.meta.spatial
    labels = spatial.axis_labels or ["spatial"] * len(shape)
    space = geometry.spatial_axes(labels, len(shape))
    affine = geometry.affine_of(spatial, len(space))
    own = _unknown_world(affine)
    known = geometry.normal_world(spatial.coord_system) is not None and 1 <= len(space) <= len(PLANES)
    if known:
        own = _known_world(affine, spatial.coord_system, [shape[axis] for axis in space])
    order, matrix = own
    others = [axis for axis in range(len(shape)) if axis not in space and axis not in hidden]
    shown = [space[at] for at in order]
    full = np.eye(len(others) + len(shown) + 1)
    full[len(others) :, len(others) :] = matrix
    unit = [""] * len(shape) if spatial.axis_units is None else list(spatial.axis_units)
    names = [*(NAMES.get(labels[axis], labels[axis]) for axis in others)]
    names += PLANES[len(PLANES) - len(space) :] if known else [f"axis {axis}" for axis in shown]
    words = [_step(image.meta, axis, full, row) for row, axis in enumerate(others)]
    words += [units.name_of(unit[axis]) or NO_UNIT for axis in shown]
    return Placement((*others, *shown), len(shown), full, tuple(names), tuple(words))


def transform(affine: Matrix) -> dict[str, Any]:
    """Return an affine as a layer takes it: by scale and translation where that is all.

    napari moves coarse levels by parts of the layer's scale, which it can't see in an affine.
    """
    matrix, place = affine[:-1, :-1], affine[:-1, -1]
    if np.array_equal(matrix, np.diag(np.diag(matrix))):
        return {"scale": np.diag(matrix).tolist(), "translate": place.tolist()}
    scale = np.linalg.norm(matrix, axis=0)
    rest = affine.copy()
    rest[:-1, :-1] = matrix / scale
    return {"scale": scale.tolist(), "affine": rest}


def _known_world(affine: Matrix, world: str | None, sizes: Sequence[int]) -> tuple[Sequence[int], Matrix]:
    """Return the spatial axes in the order of the world rows that they follow, and rows in LPS, x last."""
    count = len(sizes)
    # this is where they would go if they were flipped too: flips stay in the affine
    order = geometry.reorientation(affine, world, sizes, "LPS"[:count])[0] if count > 1 else (0,)
    lps = geometry.to_world(affine, world, "LPS")
    return order, lps[np.ix_([*reversed(range(count)), count], [*order, count])]


def _unknown_world(affine: Matrix) -> tuple[Sequence[int], Matrix]:
    """Return the axes in their order in the array, and of the rows the one that each axis follows most."""
    count = len(affine) - 1
    if not 2 <= count <= len(PLANES):
        return range(count), affine
    follows = geometry.reorientation(affine, "LPS", [1] * count, "LPS"[:count])[0]
    rows = [count - 1 - follows.index(axis) for axis in range(count)]
    return range(count), affine[[*rows, count]]


def _step(meta: Meta, axis: int, full: Matrix, row: int) -> str:
    """Put the step of evenly spaced values into an affine, and return its unit."""
    along = Additions.of(meta).axes.get(axis)
    line = None if along is None else along.even_step()
    unit = None if along is None else units.name_of(along.unit)
    if line is None or unit is None or line.step <= 0:
        return NO_UNIT
    full[row, row], full[row, -1] = line.step, line.start
    return unit
