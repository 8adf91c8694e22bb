"""Voxels of an open image, read in boxes and cut into the chunks of a `.mla` file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlarray_io.sdk.boxes import slab_shape, tiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from mlarray_core.chunks.grid import Box, Grid
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.format import Reader

    Array = np.ndarray[Any, Any]

BUDGET = 16 << 20
"""Bytes of voxels that are read at once, if the source's and the target's chunks allow. While some are
compressed, the next are read: twice as much is in memory."""
LARGE = 20 << 20
"""Bytes from which on only a few chunks of a box wait, so that the box is free before the next is read."""
WHOLE = 64 << 20
"""Bytes that are read at once so that no chunk of the source is decompressed, or kept, for a second box."""
MOST = 256 << 20
"""Bytes that are read at once rather than decompressing the same chunk of the source twice."""


class Chunking:
    """How an image is read so that its chunks come out whole, each voxel once.

    Parameters
    ----------
    reader
        Of the image.
    grid
        Of the target, of the same shape.

    Attributes
    ----------
    step
        Size of the boxes to read: whole chunks of the target, and of the source where they fit.
    """

    def __init__(self, reader: Reader, grid: Grid) -> None:
        self._reader, self._grid = reader, grid
        self.step = _step(reader, grid)
        self._is_large = math.prod(self.step) * grid.dtype.itemsize > LARGE

    @property
    def ahead(self) -> int:
        """How many chunks may wait to be compressed: those of one box, unless boxes are large."""
        counts = [
            -(-size // chunk) for size, chunk in zip(self.step, self._grid.chunks, strict=True) if chunk
        ]
        return 0 if self._is_large else math.prod(counts)

    def chunks(self, context: Context) -> Iterator[tuple[int, Array]]:
        """Yield number and voxels of every chunk; tell `context` of the bytes that were read."""
        if 0 in self._grid.shape:
            return
        for box in tiles(self._grid.shape, self.step):
            voxels = self._reader[box].astype(self._grid.dtype, copy=False)
            for number, chunk in chunks_of(voxels, box, self._grid):
                # a copy frees a large box before the next is read
                yield number, chunk.copy() if self._is_large else chunk
            context.progress(voxels.nbytes)
            del voxels, chunk  # a chunk is a view that would keep the whole box while the next one is read


def _step(reader: Reader, grid: Grid) -> tuple[int, ...]:
    if 0 in grid.shape:
        return grid.shape
    source = reader.chunks or (1,) * len(grid.shape)
    whole = [min(s, math.lcm(a, b)) for s, a, b in zip(grid.shape, source, grid.chunks, strict=True)]
    if (nbytes := math.prod(whole) * grid.dtype.itemsize) <= WHOLE:
        unit = tuple(whole)
        return slab_shape(grid.shape, grid.dtype.itemsize, reader.chunks, unit, max(BUDGET, nbytes))
    both = [min(s, -(-max(a, b) // b) * b) for s, a, b in zip(grid.shape, source, grid.chunks, strict=True)]
    needed = math.prod(both) * grid.dtype.itemsize
    return slab_shape(
        grid.shape, grid.dtype.itemsize, reader.chunks, grid.chunks, max(BUDGET, min(needed, MOST))
    )


def chunks_of(voxels: Array, box: Box, grid: Grid) -> Iterator[tuple[int, Array]]:
    """Yield the chunks of a box of whole chunks, with their numbers.

    Parameters
    ----------
    voxels
        Of the box.
    box
        Where they are in the array.
    grid
        How the array is cut.
    """
    for number in grid.touched(box):
        own = grid.box(number)
        inside = tuple(slice(o.start - b.start, o.stop - b.start) for o, b in zip(own, box, strict=True))
        yield number, voxels[inside]
