"""An image as napari slices it: voxels are read when they are shown, axes in the order of the display."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlarray_core.array.image import MLArray

    Array = np.ndarray[Any, Any]


class LazyVoxels:
    """What napari asks of an array (its ``LayerDataProtocol``), over an image that isn't read yet.

    Parameters
    ----------
    image
        The image.
    order
        Its axes as they are shown, without those in `fixed`.
    fixed
        Index along each axis that isn't shown.
    convert
        What makes the voxels such that napari can show them, and their type then; None where they are.
    """

    def __init__(
        self,
        image: MLArray,
        order: Sequence[int],
        fixed: Mapping[int, int] | None = None,
        convert: tuple[Callable[[Array], Array], np.dtype[Any]] | None = None,
    ) -> None:
        shape, dtype = image.shape or (), image.dtype
        assert dtype is not None
        self.image, self.order, self.fixed, self.convert = image, tuple(order), dict(fixed or {}), convert
        self.shape = tuple(shape[axis] for axis in self.order)
        self.dtype = dtype if convert is None else convert[1]
        self.ndim, self.size = len(self.order), math.prod(self.shape)
        self.nbytes = self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        """Return the voxels of integers and slices; any other key of NumPy's reads all of them first."""
        parts = key if isinstance(key, tuple) else (key,)
        if not all(isinstance(part, int | np.integer | slice) or part is ... for part in parts):
            return np.asarray(self)[key]
        parts = self._whole(parts)
        shown = dict(zip(self.order, parts, strict=True))
        stored = range(len(self.image.shape or ()))
        voxels = self.image.read(tuple(shown.get(axis, self.fixed.get(axis)) for axis in stored))
        # integers take their axes away: where the others are in what was read, and in which order they go
        left = [axis for axis in stored if isinstance(shown.get(axis), slice)]
        wanted = [axis for axis in self.order if axis in left]
        voxels = np.transpose(voxels, [left.index(axis) for axis in wanted])
        return voxels if self.convert is None else self.convert[0](voxels)

    def _whole(self, parts: tuple[Any, ...]) -> tuple[int | slice, ...]:
        """Return a key with one part for each axis."""
        places = [place for place, part in enumerate(parts) if part is ...]
        if len(places) > 1 or len(parts) - len(places) > self.ndim:
            raise IndexError(f"{self.ndim} axes, got the key {parts}")
        at = places[0] if places else len(parts)
        missing = (slice(None),) * (self.ndim - len(parts) + len(places))
        return (*parts[:at], *missing, *parts[at + len(places) :])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        voxels = self[...]
        return np.asarray(voxels, dtype)
