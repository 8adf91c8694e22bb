"""TorchIO: whole images by `reader=`, and images that its samplers read patch by patch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
import torchio
from torch.utils._pytree import tree_map_only
from torchio.data.io import check_uint_to_int

from mlarray.kept import Kept
from mlarray_core.array.image import MLArray
from mlarray_core.exchange.arranged import arrangement, channel_axis

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Array = np.ndarray[Any, Any]
    Matrix = np.ndarray[Any, np.dtype[np.float64]]
    Path = str | os.PathLike[str]


@dataclass(frozen=True)
class Reader:
    """What TorchIO takes for ``reader=``: returns channels, x, y, z, and an affine to RAS in millimetres.

    Parameters
    ----------
    coord_system
        The world, ``RAS`` or ``LPS``, of images that don't name one; None refuses them.
    """

    coord_system: str | None = None

    def __call__(self, path: Path) -> tuple[Array, Matrix]:
        """Return the voxels of a `.mla` file in their stored type, and their place.

        Raises
        ------
        ArgumentError
            The image doesn't name its world (a ValueError).
        UnsupportedError
            More than one axis is not spatial.
        """
        voxels = _Voxels.of(MLArray.open(path), self.coord_system)
        return voxels.read((slice(None),) * 4), voxels.affine


read = Reader()


class _Voxels(NamedTuple):
    """A file as TorchIO sees it."""

    image: MLArray
    axes: tuple[int | None, ...]
    """The array's axis for each of channels, x, y, z; None for those that it hasn't got."""
    affine: Matrix

    @classmethod
    def of(cls, image: MLArray, coord_system: str | None) -> _Voxels:
        order, affine = arrangement(image.meta, len(image.shape or ()), "RAS", coord_system)
        channels = channel_axis(order, "TorchIO")
        missing = (None,) * (3 - order.spatial)
        first = None if channels is None else order.axes[channels]
        return cls(image, (first, *order.x_first, *missing), affine)

    @property
    def shape(self) -> tuple[int, ...]:
        shape = self.image.shape or ()
        return tuple(1 if axis is None else shape[axis] for axis in self.axes)

    def read(self, key: Sequence[slice]) -> Array:
        """Return a box: channels, x, y, z, in a type that TorchIO has."""
        own = {axis: part for axis, part in zip(self.axes, key, strict=True) if axis is not None}
        box = self.image.read(tuple(own[axis] for axis in range(len(own))))
        box = np.transpose(box, list(own))
        # axes that the image hasn't got have one voxel
        box = box[tuple(np.newaxis if axis is None else slice(None) for axis in self.axes)]
        box = box[
            tuple(part if axis is None else slice(None) for axis, part in zip(self.axes, key, strict=True))
        ]
        return _in_torch(np.ascontiguousarray(box))


def _in_torch(voxels: Array) -> Array:
    """Return voxels in the type that TorchIO gives them."""
    return voxels.astype(np.uint8) if voxels.dtype == bool else check_uint_to_int(voxels)


ALL = (slice(None),) * 4


class LazyTensor(torch.Tensor):
    """Voxels of a file as a tensor of four axes: a slice reads just itself, anything else reads all."""

    _voxels: _Voxels
    _load: Callable[[], torch.Tensor]

    @classmethod
    def of(cls, voxels: _Voxels, load: Callable[[], torch.Tensor]) -> LazyTensor:
        """Return a tensor that reads nothing yet.

        Parameters
        ----------
        voxels
            Of the file.
        load
            What reads and keeps all of them.
        """
        kind = torch.as_tensor(_in_torch(np.empty(0, voxels.image.dtype))).dtype
        made: LazyTensor = torch.empty(voxels.shape, dtype=kind, device="meta").as_subclass(cls)
        made._voxels, made._load = voxels, load
        return made

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        if func in _SIZES:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **(kwargs or {}))
        if func is torch.Tensor.__getitem__ and isinstance(args[0], LazyTensor) and _is_box(args[1]):
            return torch.as_tensor(args[0]._voxels.read((*args[1], *ALL[len(args[1]) :])))
        loaded, named = tree_map_only(LazyTensor, lambda one: one._load(), (args, kwargs or {}))
        return func(*loaded, **named)


_SIZES = {
    torch.Tensor.shape.__get__,
    torch.Tensor.ndim.__get__,
    torch.Tensor.dtype.__get__,
    torch.Tensor.__len__,
    torch.Tensor.size,
    torch.Tensor.dim,
    torch.Tensor.element_size,
}
"""What is known without any voxel."""


def _is_box(key: Any) -> bool:
    return isinstance(key, tuple) and all(isinstance(part, slice) and part.step in (None, 1) for part in key)


class _Key(NamedTuple):
    """One file as it is now: a file that replaces it is another one."""

    path: str
    coord_system: str | None
    number: int
    changed: int


def _opened(key: _Key) -> _Voxels:
    return _Voxels.of(MLArray.open(key.path), key.coord_system)


_OPEN = Kept(_opened, files=lambda _: 1)


class _Lazy(torchio.Image):
    """An image whose samplers read no more than the patches, as long as nothing else asks for voxels.

    Parameters
    ----------
    path
        Of a `.mla` file.
    reader
        Which also says the world of an image that names none.
    args, kwargs
        What TorchIO's images take.
    """

    def __init__(self, path: Any = None, *args: Any, reader: Any = read, **kwargs: Any) -> None:
        super().__init__(path, *args, reader=reader, **kwargs)

    @property
    def _stored(self) -> _Voxels | None:
        """The file; None when the voxels are in memory or come from elsewhere."""
        if self._loaded or not isinstance(self.reader, Reader) or self.path is None or self._is_multipath():
            return None
        path = str(self.path)
        where = os.stat(path)
        return _OPEN[_Key(path, self.reader.coord_system, where.st_ino, where.st_mtime_ns)]

    def _all(self) -> torch.Tensor:
        self.load()
        voxels: torch.Tensor = super().data
        return voxels

    @property
    def data(self) -> torch.Tensor:
        """Channels, x, y, z."""
        voxels = self._stored
        return self._all() if voxels is None else LazyTensor.of(voxels, self._all)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of channels, x, y, z."""
        voxels = self._stored
        return tuple(self._all().shape) if voxels is None else voxels.shape

    @property
    def affine(self) -> Matrix:
        """From indices along x, y, z to RAS, in millimetres."""
        voxels = self._stored
        found: Matrix = super().affine if voxels is None else voxels.affine.copy()
        return found

    @affine.setter
    def affine(self, matrix: Any) -> None:
        torchio.Image.affine.fset(self, matrix)


class ScalarImage(_Lazy, torchio.ScalarImage):
    """A `torchio.ScalarImage` of a `.mla` file, which TorchIO's samplers read patch by patch."""


class LabelMap(_Lazy, torchio.LabelMap):
    """A `torchio.LabelMap` of a `.mla` file, which TorchIO's samplers read patch by patch."""
