"""The part of `MLArray` that reads and writes voxels, and NumPy's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.array import indexing
from mlarray_core.array.state import ArrayState
from mlarray_core.chunks import codec
from mlarray_core.container.storage import PlainStorage, check_size
from mlarray_core.errors import ArgumentError, ArgumentTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import blosc2

Array = np.ndarray[Any, Any]


class ArrayVoxels(ArrayState):
    """Reading and writing voxels."""

    def __getitem__(self, key: Any) -> Any:
        """Return voxels, as NumPy's indexing does."""
        return self.read(key)

    def read(self, key: Any = ..., *, out: Array | None = None) -> Any:
        """Return voxels.

        Parameters
        ----------
        key
            Whatever NumPy's indexing takes.
        out
            Buffer for the result: C-contiguous, of the right shape and dtype. Needs a key of plain slices.
        """
        storage = self._need()
        box, rest = indexing.split(key, storage.shape)
        if out is not None:
            if rest is not None:
                raise ArgumentError("out= needs a key of plain slices")
            _check_out(out, tuple(part.stop - part.start for part in box), storage.dtype)
            return storage.read(box, out)
        voxels = storage.read(box)
        return voxels if rest is None else voxels[rest]

    def read_many(self, boxes: Iterable[Any], *, out: Array | None = None) -> Array:
        """Return the voxels of several boxes of one shape, such as the patches of a batch.

        Parameters
        ----------
        boxes
            Keys of plain slices.
        out
            Buffer for the result: C-contiguous, of the right shape and dtype.

        Returns
        -------
        numpy.ndarray
            One box after the other along a new first axis.

        Raises
        ------
        ArgumentError
            There is no box, or their shapes differ (a ValueError).
        """
        storage = self._need()
        cuts = _boxes(boxes, storage.shape)
        shapes = {tuple(part.stop - part.start for part in cut) for cut in cuts}
        if len(shapes) != 1:
            raise ArgumentError(f"expected boxes of one shape, got {len(shapes)} different ones")
        shape = (len(cuts), *shapes.pop())
        if out is None:
            check_size(shape, storage.dtype, path=self.filepath)
            out = np.empty(shape, storage.dtype)
        _check_out(out, shape, storage.dtype)
        for number, cut in enumerate(cuts):
            storage.read(cut, out[number, ...])
        return out

    def prefetch(self, boxes: Iterable[Any]) -> None:
        """Have the system read what these boxes need from the disk, while something else is computed.

        Returns at once. Worth it when a sampler knows what comes next and the file isn't in memory yet.

        Parameters
        ----------
        boxes
            Keys of plain slices.
        """
        storage = self._need()
        for cut in _boxes(boxes, storage.shape):
            storage.prefetch(cut)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Assign voxels, as NumPy's indexing does."""
        storage = self._writable()
        box, rest = indexing.split(key, storage.shape)
        shape = tuple(part.stop - part.start for part in box)
        if rest is None:
            storage.write(box, np.broadcast_to(np.asarray(value, storage.dtype), shape))
            return
        voxels = np.array(storage.read(box))
        voxels[rest] = value
        storage.write(box, voxels)

    def to_numpy(self, *, out: Array | None = None, max_bytes: int | None = None) -> Array:
        """Return all voxels as a NumPy array.

        Parameters
        ----------
        out
            As `read` takes it.
        max_bytes
            The most that they may need; None for the memory that the machine has.

        Raises
        ------
        ArgumentTypeError
            There is no array (a TypeError).
        LimitError
            They need more than `max_bytes`: a small file may claim any size.
        """
        if max_bytes is not None:
            storage = self._need()
            check_size(storage.shape, storage.dtype, max_bytes, self.filepath)
        voxels: Array = self.read(..., out=out)
        return voxels

    def to_blosc2(self) -> blosc2.NDArray:
        """Return all voxels as a Blosc2 array in memory, compressed as they are stored, without metadata.

        Raises
        ------
        ArgumentTypeError
            There is no array (a TypeError).
        """
        self._need()
        return codec.ndarray(self._frame_bytes(), self._dparams())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return all voxels, for `numpy.asarray`."""
        voxels = self.to_numpy()
        if copy is False and not isinstance(self._storage, PlainStorage):
            raise ArgumentError("compressed voxels can't be seen without a copy")
        if dtype is not None and np.dtype(dtype) != voxels.dtype:
            if copy is False:
                raise ArgumentError("another dtype needs a copy")
            return voxels.astype(dtype)
        return np.array(voxels) if copy and isinstance(self._storage, PlainStorage) else voxels

    def __iter__(self) -> Iterator[Any]:
        if not self._need().shape:
            raise ArgumentTypeError("iteration over a 0-d array")
        return (self[index] for index in range(len(self)))

    def __len__(self) -> int:
        storage = self._current() if self._has_array() else None
        if storage is None:
            return 0
        if not storage.shape:
            raise ArgumentTypeError("a 0-d array has no length")
        return storage.shape[0]

    def __bool__(self) -> bool:
        return True


def _boxes(keys: Iterable[Any], shape: tuple[int, ...]) -> list[indexing.Box]:
    split = [indexing.split(key, shape) for key in keys]
    if any(rest is not None for _, rest in split):
        raise ArgumentError("expected keys of plain slices")
    return [box for box, _ in split]


def _check_out(out: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous or not out.flags.writeable:
        raise ArgumentError(f"out must be a writable, C-contiguous array of shape {shape} and dtype {dtype}")
