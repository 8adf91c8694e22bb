"""Which coarser version of an image suits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from mlarray_core import geometry
from mlarray_core.array.state import ImageState
from mlarray_core.container.storage import FrameStorage
from mlarray_core.errors import ArgumentError
from mlarray_core.levels import store as stored_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from mlarray_core.array.base import ImageBase

I = TypeVar("I", bound="ImageBase")  # noqa: E741 - an image


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


def every_nth(image: ImageBase, size: int) -> np.ndarray[Any, Any]:
    """Return at most `size` voxels along each spatial axis, taking every n-th."""
    shape = image._state.need().shape
    steps = [1] * len(shape)
    for axis in geometry.spatial_axes(image.meta.spatial.axis_labels, len(shape)):
        steps[axis] = max(1, -(-shape[axis] // size))
    voxels: np.ndarray[Any, Any] = image.read()[tuple(slice(None, None, step) for step in steps)]
    return voxels


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
