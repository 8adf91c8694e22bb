"""Where an image's voxels are: in plain memory, in a frame, or in a frame that is being edited."""

from __future__ import annotations

import math
import operator
import os
import weakref
from bisect import bisect_left
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.chunks import codec
from mlarray_core.chunks.grid import cuts
from mlarray_core.chunks.header import DELTA
from mlarray_core.container.mapping import forget_pages
from mlarray_core.errors import CorruptError, MLArrayError
from mlarray_core.memory import check_size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import blosc2

    from mlarray_core.chunks.grid import Box, Grid
    from mlarray_core.container.contents import Contents, Unchecked

Array = np.ndarray[Any, Any]
_OWNING = Lock()


class Storage:
    """Voxels that can be read and written by boxes.

    Attributes
    ----------
    shape, dtype
        Of the array.
    grid
        How it is cut into chunks; None for plain memory.
    editable
        Whether `write` works.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    grid: Grid | None = None
    editable: bool = False

    def read(self, box: Box, out: Array | None = None) -> Array:
        """Return the voxels of `box`, in `out` when given: C-contiguous, of the right shape and dtype.

        Raises
        ------
        CorruptError
            A chunk that is needed is damaged.
        LimitError
            More is asked for than fits into memory.
        """
        raise NotImplementedError

    def read_many(self, boxes: Sequence[Box], out: Array) -> None:
        """Put the voxels of several boxes into `out`, one after the other. Raises as `read` does.

        Parameters
        ----------
        boxes
            Of one shape.
        out
            Of that shape, with an axis for the boxes before it.
        """
        for number, box in enumerate(boxes):
            self.read(box, out[number, ...])

    def write(self, box: Box, value: Array) -> None:
        """Put `value`, which has the shape of `box`, into the array.

        Raises
        ------
        WriteError
            What is written goes to a file, and there is no room.
        """
        raise NotImplementedError

    def change(self, box: Box, key: Any, value: Any) -> None:
        """Assign to some of the voxels of `box`.

        Parameters
        ----------
        box
            Those that are looked at.
        key
            What NumPy takes within them.
        value
            What it assigns.
        """
        voxels = np.array(self.read(box))
        voxels[key] = value
        self.write(box, voxels)

    def chunk(self, number: int) -> bytes | None:
        """Return an encoded chunk, None for zeros.

        Raises
        ------
        CorruptError
            A chunk that is needed is damaged.
        """
        raise NotImplementedError

    def release(self) -> None:
        """Give back memory that reading took and that reading again doesn't need."""

    def prefetch(self, box: Box) -> None:
        """Have the system read what `box` needs, without waiting; nothing where that can't be."""

    def close(self) -> None:
        """Free memory and files."""


class PlainStorage(Storage):
    """Voxels in an ordinary NumPy array."""

    editable = True

    def __init__(self, array: Array) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def read(self, box: Box, out: Array | None = None) -> Array:
        """Return a view of `box`, or copy it into `out`."""
        if out is None:
            return self.array[box]
        np.copyto(out, self.array[box])
        return out

    def write(self, box: Box, value: Array) -> None:
        """Put `value` into the array; into a copy of it when it may not be written to."""
        self._own()[box] = value

    def change(self, box: Box, key: Any, value: Any) -> None:
        """Assign to some of the voxels of `box`, where they are.

        Parameters
        ----------
        box
            The voxels, one slice for each axis.
        key
            Which of them, as NumPy indexes.
        value
            What they are set to.
        """
        whole: tuple[Any, ...] = (*box, ...)  # gives a view, of an array without axes too
        self._own()[whole][key] = value

    def _own(self) -> Array:
        """Return the array; a copy from now on, if it may not be written to."""
        with _OWNING:
            if not self.array.flags.writeable:
                self.array = self.array.copy()
        return self.array


AT_ONCE = 1 << 20
"""Bytes of voxels that are checked and decompressed together: what fits a core's cache is up to 1.25 times as
fast for patches of several MB."""

SLAB = 64 << 20
"""Bytes of voxels whose chunks are looked up together."""

_live: weakref.WeakSet[FrameStorage]


class FrameStorage(Storage):
    """Voxels in a frame that is not written to.

    Parameters
    ----------
    contents
        The checked frame.
    dparams
        Blosc2's decompression parameters.
    """

    def __init__(self, contents: Contents, dparams: Mapping[str, object] | None = None) -> None:
        self.contents = contents
        self.dparams: dict[str, Any] = dict(dparams or {})
        self.grid: Grid = contents.grid
        self.shape, self.dtype = self.grid.shape, self.grid.dtype
        self._array: blosc2.NDArray | None = None
        _live.add(self)

    @property
    def array(self) -> blosc2.NDArray:
        """The frame as Blosc2's array.

        Raises
        ------
        CorruptError
            Blosc2 refuses the frame.
        """
        if self._array is None:
            try:
                whole = memoryview(self.contents.buffer)[: self.contents.frame.length]
                self._array = codec.view_frame(whole, self.dparams)
            except (RuntimeError, ValueError, TypeError, SyntaxError, MemoryError) as error:
                raise CorruptError("Blosc2 can't open this frame", path=self.contents.path) from error
        return self._array

    def read(self, box: Box, out: Array | None = None) -> Array:
        """Return the voxels of `box`.

        Raises
        ------
        CorruptError
            A chunk that is needed is damaged.
        LimitError
            More is asked for than fits into memory.
        """
        start, stop = [part.start for part in box], [part.stop for part in box]
        if out is None:
            shape = list(map(operator.sub, stop, start))
            check_size(shape, self.dtype, path=self.contents.path)
            out = np.empty(shape, self.dtype)
        if not out.size:
            return out
        if self.contents.table is None and self.contents.index.all_zeros:
            out[...] = 0  # Blosc2 would unpack the whole index for it
            return out
        try:
            if start:
                self._read_rows(start, stop, out)
            else:
                out[...] = codec.decode(self.contents.chunk(0) or codec.special_chunk(self.grid), self.grid)
        except (RuntimeError, ValueError) as error:
            if isinstance(error, MLArrayError):
                raise
            raise CorruptError("the voxels can't be decompressed", path=self.contents.path) from error
        if self.contents.index.any_unwritten:
            self._clear_unwritten(box, out)
        return out

    def _read_rows(self, start: list[int], stop: list[int], out: Array) -> None:
        """Check and decompress some rows of chunks at a time: what was just checked is still in the cache.

        Rows are those of the first axis along which more than one voxel is read: an image with its channels
        first, as networks are trained with, has a single one along the axis before.
        """
        if DELTA in self.contents.frame.filters:
            self._read_chunks(tuple(map(slice, start, stop)), out)
            return
        axis = next((axis for axis, size in enumerate(out.shape) if size > 1), 0)
        slab = self._rows(out, axis, SLAB)
        step = self._rows(out, axis, AT_ONCE) if out.nbytes > 2 * AT_ONCE else slab
        here = (0,) * axis
        for begin, end in cuts(start[axis], stop[axis], slab):
            fresh = self.contents.unchecked_in(tuple(map(slice, *_between(start, stop, axis, begin, end))))
            for first, last in cuts(begin, end, step):
                if fresh:
                    fresh = self._checked_above((*start[:axis], last), fresh)
                rows: tuple[Any, ...] = (*here, slice(first - start[axis], last - start[axis]))
                self.array.get_slice_numpy(out[rows], _between(start, stop, axis, first, last))

    def _rows(self, out: Array, axis: int, nbytes: int) -> int:
        """Return how many rows of voxels along an axis, of whole chunks, take so many bytes."""
        chunk = self.grid.chunks[axis]
        fitting: int = nbytes * out.shape[axis] // (out.nbytes * chunk)
        return max(1, fitting) * chunk

    def _checked_above(self, place: tuple[int, ...], fresh: list[Unchecked]) -> list[Unchecked]:
        """Check those chunks that hold voxels above a row, which `place` ends with, and return the others."""
        number = 0
        for at, chunk, count in zip(place, self.grid.chunks, self.grid.counts, strict=False):
            number = number * count + at // chunk
        number += place[-1] % self.grid.chunks[len(place) - 1] > 0
        end = bisect_left(fresh, (number * math.prod(self.grid.counts[len(place) :]),))
        self.contents.check(fresh[:end])
        return fresh[end:]

    def _read_chunks(self, box: Box, out: Array) -> None:
        """Decompress whole chunks: Blosc2 makes other voxels of parts that went through its delta filter."""
        for number in self.grid.touched(box):
            here, inside = self.grid.overlap(number, box)
            chunk = self.contents.chunk(number)
            out[here] = 0 if chunk is None else codec.decode(chunk, self.grid)[inside]

    def prefetch(self, box: Box) -> None:
        """Have the system read the chunks that `box` needs from the disk."""
        self.contents.prefetch(box)

    def _clear_unwritten(self, box: Box, out: Array) -> None:
        """Make voxels that were never written zero: Blosc2 returns whatever was in memory."""
        for number in filter(self.contents.index.is_unwritten, self.grid.touched(box)):
            here, _ = self.grid.overlap(number, box)
            out[here] = 0

    def chunk(self, number: int) -> bytes | None:
        """Return an encoded chunk, None for zeros."""
        return self.contents.chunk(number)

    def release(self) -> None:
        """Forget the pages of the file that were read."""
        forget_pages(self.contents.buffer)

    def close(self) -> None:
        """Free the memory map."""
        self._array = None

    def _after_fork(self) -> None:
        """Drop what the parent's Blosc2 threads belong to: a child can't use or free it."""
        if self._array is not None and self.dparams.get("nthreads", 1) > 1:
            _abandoned.append(self._array)
            self._array = None
            self.dparams["nthreads"] = 1


_live = weakref.WeakSet()
_abandoned: list[object] = []


def _after_fork() -> None:
    for storage in list(_live):
        storage._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _between(
    start: list[int], stop: list[int], axis: int, first: int, last: int
) -> tuple[list[int], list[int]]:
    """Return the ends of a box of which only some rows along an axis are left."""
    return [*start[:axis], first, *start[axis + 1 :]], [*stop[:axis], last, *stop[axis + 1 :]]
