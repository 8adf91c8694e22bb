"""Which coarser version of an image suits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mlarray_core import geometry
from mlarray_core.array.state import ImageState
from mlarray_core.container.storage import FrameStorage
from mlarray_core.errors import ArgumentError
from mlarray_core.levels import store as stored_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_core.array.base import ImageBase
    from mlarray_core.meta import Meta

I = TypeVar("I", bound="ImageBase")  # noqa: E741 - an image

SLAB = 64 << 20
"""Bytes of voxels up to which images are read at once to take a part of them."""


def levels_of(state: ImageState) -> list[ImageState]:
    """Return the coarser versions in a file, finest first."""
    storage = state.known_voxels
    if not isinstance(storage, FrameStorage):
        return []
    return [
        ImageState.of_frame(stored_levels.open_level(storage.contents, level), state.dparams(), type(storage))
        for level in stored_levels.find(storage.contents)
    ]


def coarsest_within(images: Sequence[I], spacing: float) -> I:
    """Return the coarsest image whose voxels are at most so large along each spatial axis, else the first.

    Raises
    ------
    ArgumentError
        An image has no spacing (a ValueError).
    """
    # spacings of levels are products: a millionth more is rounding
    fine = [image for image in images if max(_spacing(image)) <= spacing * (1 + 1e-6)]
    return fine[-1] if fine else images[0]


def finest_within(images: Sequence[I], max_shape: int | Sequence[int]) -> I:
    """Return the finest image with at most so many voxels along each spatial axis, else the last.

    Raises
    ------
    ArgumentError
        `max_shape` has the wrong length (a ValueError).
    """
    return next((image for image in images if _fits(image, max_shape)), images[-1])


def within_bytes(image: ImageBase, most: int) -> tuple[np.ndarray[Any, Any], Meta]:
    """Return voxels of an image that need at most so many bytes, and metadata with their place.

    They are those of the finest version that is small enough, else every n-th of the coarsest.

    Parameters
    ----------
    image
        The image.
    most
        Bytes of voxels.
    """
    image._state.need()
    choices = [image, *image.levels]
    small = next((one for one in choices if (one.nbytes or 0) <= most), choices[-1])
    storage = small._state.need()
    shape, size = storage.shape, math.prod(storage.shape) * storage.dtype.itemsize
    axes = geometry.spatial_axes(small.meta.spatial.axis_labels, len(shape))
    step = 1
    while step < max(shape, default=1) and size / math.prod(min(step, shape[axis]) for axis in axes) > most:
        step += 1
    steps = [min(step, count) if axis in axes else 1 for axis, count in enumerate(shape)]
    meta = small.meta.copy()
    if step > 1:
        affine = geometry.affine_of(meta.spatial, len(axes))
        affine[:-1, :-1] *= [steps[axis] for axis in axes]
        placed = geometry.spatial_meta(
            affine,
            axis_labels=meta.spatial.axis_labels or ["spatial"] * len(shape),
            axis_units=meta.spatial.axis_units,
            coord_system=meta.spatial.coord_system,
        )
        meta._set_by_library(spatial=placed, blosc2=None)
        meta.bbox = None
    return strided(small, steps), meta


def every_nth(image: ImageBase, size: int) -> np.ndarray[Any, Any]:
    """Return at most `size` voxels along each spatial axis, taking every n-th."""
    shape = image._state.need().shape
    steps = [1] * len(shape)
    for axis in geometry.spatial_axes(image.meta.spatial.axis_labels, len(shape)):
        steps[axis] = max(1, -(-shape[axis] // size))
    return strided(image, steps)


def strided(image: ImageBase, steps: Sequence[int]) -> np.ndarray[Any, Any]:
    """Return every n-th voxel along each axis. At most some rows of chunks are in memory beside them.

    Parameters
    ----------
    image
        The image.
    steps
        n for each axis.
    """
    storage = image._state.need()
    shape, within = storage.shape, tuple(slice(None, None, step) for step in steps)
    if max(steps, default=1) == 1 or image.nbytes <= SLAB:  # type: ignore[operator]
        return np.asarray(image.read())[within]
    axis = next(index for index, size in enumerate(shape) if size > 1)
    chunks = image.meta.blosc2.chunk_size or shape
    rows = max(1, SLAB // (math.prod(shape) // shape[axis] * storage.dtype.itemsize) // chunks[axis])
    thick = -(-int(rows * chunks[axis]) // steps[axis]) * steps[axis]
    found = np.empty([-(-size // step) for size, step in zip(shape, steps, strict=True)], storage.dtype)
    box = [slice(None)] * len(shape)
    for first in range(0, shape[axis], thick):
        box[axis] = slice(first, min(first + thick, shape[axis]))
        part = image.read(tuple(box))[within]
        box[axis] = slice(first // steps[axis], first // steps[axis] + part.shape[axis])
        found[tuple(box)] = part
    return found


def _spacing(image: ImageBase) -> list[float]:
    spacing = stored_levels.spacing_of(image.meta)
    if spacing is None:
        raise ArgumentError("the image has no spacing", field="spatial.spacing")
    return [float(size) for size in spacing]


def _fits(image: ImageBase, max_shape: int | Sequence[int]) -> bool:
    shape = image._state.need().shape
    axes = geometry.spatial_axes(image.meta.spatial.axis_labels, len(shape))
    limits = [max_shape] * len(axes) if isinstance(max_shape, int) else list(max_shape)
    if len(limits) != len(axes):
        raise ArgumentError(f"max_shape needs one number for each of {len(axes)} spatial axes")
    return all(shape[axis] <= limit for axis, limit in zip(axes, limits, strict=True))
