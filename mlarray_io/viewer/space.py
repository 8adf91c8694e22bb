"""Where an image lies, for a page that thinks in x, y, z and a world that leads right, anterior, superior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_core.exchange.arranged import arrangement
from mlarray_core.levels import pyramid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_core.meta import Meta
    from mlarray_io.viewer.versions import Version

    Matrix = np.ndarray[Any, np.dtype[np.float64]]

SMALL = 0.01
"""Millimetres below which voxels are shown in micrometres."""


@dataclass(frozen=True)
class Space:
    """Where the voxels of an image lie.

    Attributes
    ----------
    x_first
        Its spatial axes in the array, x first.
    affine
        4 x 4, from indices along x, y, z to millimetres of RAS; of an unknown world, to that as it is.
    known
        Whether the world is known.
    letters
        Where x, y and z lead, such as ``RAS``; empty where that is unknown.
    """

    x_first: tuple[int, ...]
    affine: Matrix
    known: bool
    letters: str

    def at(self, version: Version, spatial: Sequence[int]) -> Matrix:
        """Return the affine of a resolution.

        Parameters
        ----------
        version
            The resolution.
        spatial
            The spatial axes in the order of the array.
        """
        factors = [version.factors[axis] for axis in self.x_first]
        shifts = [version.shifts[spatial.index(axis)] for axis in self.x_first]
        missing = 3 - len(factors)
        return pyramid.affine_at(self.affine, factors + [1] * missing, shifts + [0.0] * missing)

    def index_at(self, point: Sequence[float]) -> tuple[float, ...]:
        """Return where a point of the world lies, in voxels along x, y, z."""
        inverse = np.linalg.inv(self.affine)
        place = inverse[:3, :3] @ np.asarray(point, np.float64) + inverse[:3, 3]
        return tuple(float(part) for part in place[: len(self.x_first)])

    def point_at(self, index: Sequence[float]) -> list[float]:
        """Return where a voxel along x, y, z lies in the world."""
        whole = [*index, *[0.0] * (3 - len(index))]
        point: list[float] = (self.affine[:3, :3] @ whole + self.affine[:3, 3]).tolist()
        return point


def space_of(meta: Meta, ndim: int) -> Space:
    """Return where an image lies.

    Parameters
    ----------
    meta
        Its metadata.
    ndim
        How many axes it has.

    Raises
    ------
    UnsupportedError
        There is no spatial axis, or more than three, or their units differ.
    """
    world = geometry.normal_world(meta.spatial.coord_system)
    placed = arrangement(meta, ndim, "RAS", None if world else "RAS")
    count = placed.order.spatial
    letters = ""
    if world and count == 3:
        columns = placed.affine[:, [2, 1, 0, 3]]  # the slowest axis first, as core has them
        letters = geometry.orientation(columns, "RAS")
    return Space(placed.order.x_first, placed.affine, world is not None, letters)


def box_around(
    affine: Matrix, shape: Sequence[int], centre: Sequence[float], most: int
) -> tuple[tuple[int, int], ...]:
    """Return a box of voxels around a point, about as long along each axis, of no more voxels than allowed.

    Parameters
    ----------
    affine, shape
        Of the resolution, x first.
    centre
        A point of the world.
    most
        How many voxels it may have.

    Returns
    -------
    tuple
        Start and stop along x, y, z.
    """
    steps = np.linalg.norm(affine[:3, : len(shape)], axis=0)
    low, high = 0.0, float(max(step * size for step, size in zip(steps, shape, strict=True)))
    for _ in range(40):
        middle = (low + high) / 2
        sizes = [_size(middle, step, size) for step, size in zip(steps, shape, strict=True)]
        low, high = (middle, high) if float(np.prod(sizes, dtype=np.float64)) <= most else (low, middle)
    sizes = [_size(low, step, size) for step, size in zip(steps, shape, strict=True)]
    inverse = np.linalg.inv(affine)
    place = inverse[:3, :3] @ np.asarray(centre, np.float64) + inverse[:3, 3]
    starts = [
        min(max(0, round(float(at)) - extent // 2), whole - extent)
        for at, extent, whole in zip(place, sizes, shape, strict=False)
    ]
    return tuple((start, start + extent) for start, extent in zip(starts, sizes, strict=True))


def _size(length: float, step: float, whole: int) -> int:
    return max(1, min(whole, int(length / step) if step else whole))


def box_over(
    affine: Matrix, shape: Sequence[int], corners: Sequence[Sequence[float]]
) -> tuple[tuple[int, int], ...] | None:
    """Return the box of voxels that covers points of the world; None when none of it is in the image.

    Parameters
    ----------
    affine, shape
        Of the resolution, x first.
    corners
        Points, such as the corners of another image.
    """
    inverse = np.linalg.inv(affine)
    places = np.asarray(corners, np.float64) @ inverse[:3, :3].T + inverse[:3, 3]
    box = []
    for axis, size in enumerate(shape):
        first = max(0, int(np.floor(places[:, axis].min())))
        last = min(size - 1, int(np.ceil(places[:, axis].max())))
        if first > last:
            return None
        box.append((first, last + 1))
    return tuple(box)
