"""The part of `MLArray` that gives coarser versions of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlarray_core import geometry
from mlarray_core.array.state import ArrayState
from mlarray_core.container.storage import FrameStorage, Storage
from mlarray_core.errors import ArgumentError
from mlarray_core.levels import store as stored_levels
from mlarray_core.processors import available_threads

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_core.container.level_index import StoredLevel
    from mlarray_core.meta import Meta

Array = np.ndarray[Any, Any]
Levels = str | int | None
"""``"auto"``, ``"none"``, ``"keep"`` or how many."""


class ArrayLevels(ArrayState):
    """Coarser versions that a file holds behind the image."""

    @property
    def levels(self) -> list[Self]:
        """The coarser versions in the file, finest first, each an image whose voxels are not yet read."""
        storage = self._current()
        if not isinstance(storage, FrameStorage) or not self._has_array():
            return []
        return [self._level(storage, level) for level in stored_levels.find(storage.contents)]

    def _level(self, storage: FrameStorage, level: StoredLevel) -> Self:
        image = type(self).__new__(type(self))
        image._clear()
        image._attach(stored_levels.open_level(storage.contents, level), self._dparams(), type(storage))
        return image

    def at(self, *, spacing: float | None = None, max_shape: int | Sequence[int] | None = None) -> Self:
        """Return the image or one of its levels, whichever suits.

        Parameters
        ----------
        spacing
            The coarsest whose voxels are at most so large along each spatial axis; the image itself when all
            its levels are coarser.
        max_shape
            The finest with at most so many voxels along each spatial axis; the coarsest when none is
            so small.

        Raises
        ------
        ArgumentError
            Neither or both are given.
        """
        if (spacing is None) == (max_shape is None):
            raise ArgumentError("give either spacing or max_shape")
        images = [self, *self.levels]
        if spacing is not None:
            fine = [image for image in images if max(_spacing(image)) <= spacing * (1 + 1e-6)]
            return fine[-1] if fine else self
        assert max_shape is not None
        return next((image for image in images if _fits(image, max_shape)), images[-1])

    def thumbnail(self, size: int = 256) -> Array:
        """Return the voxels of the finest level with at most `size` voxels along each spatial axis.

        Without such a level, every n-th voxel of the coarsest is taken.
        """
        image = self.at(max_shape=size)
        shape = image._need().shape
        steps = [1] * len(shape)
        for axis in geometry.spatial_axes(image.meta.spatial.axis_labels, len(shape)):
            steps[axis] = max(1, -(-shape[axis] // size))
        voxels: Array = image.read()  # type: ignore[attr-defined]
        return voxels[tuple(slice(None, None, step) for step in steps)]


def _spacing(image: ArrayLevels) -> list[float]:
    spacing = stored_levels.spacing_of(image.meta)
    if spacing is None:
        raise ArgumentError("the image has no spacing", field="spatial.spacing")
    return [float(size) for size in spacing]


def _fits(image: ArrayLevels, max_shape: int | Sequence[int]) -> bool:
    shape = image._need().shape
    axes = geometry.spatial_axes(image.meta.spatial.axis_labels, len(shape))
    limits = [max_shape] * len(axes) if isinstance(max_shape, int) else list(max_shape)
    if len(limits) != len(axes):
        raise ArgumentError(f"max_shape needs one number for each of {len(axes)} spatial axes")
    return all(shape[axis] <= limit for axis, limit in zip(axes, limits, strict=True))


def write_levels(path: Path, levels: Levels, source: Storage | None, meta: Meta) -> None:
    """Put levels into a file that was just written.

    Parameters
    ----------
    path
        Of the file.
    levels
        As `levels.build` takes it; ``"keep"`` copies those of `source`, if it has any and was not edited.
    source
        Where the voxels came from.
    meta
        Of the image.
    """
    if levels != "keep":
        stored_levels.build(path, levels, threads=available_threads(), meta=meta)
    elif isinstance(source, FrameStorage):
        stored_levels.copy(source.contents, path)
