"""Writing into an array that is stored in compressed chunks.

Chunks that are written to stay decompressed until room is needed or all is stored, so that filling a volume
slice by slice compresses each chunk once.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.chunks import codec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlarray_core.chunks.grid import Box, Grid

Array = np.ndarray[Any, Any]

BUDGET = 512 << 20
"""Bytes of decompressed chunks that are kept."""


class Editor:
    """A writable array over chunks that are loaded and stored one by one.

    Parameters
    ----------
    grid
        How the array is cut.
    cparams
        As `params.blosc2_params` returns them.
    load
        Returns an encoded chunk, None for zeros.
    store
        Takes an encoded chunk.
    """

    def __init__(
        self,
        grid: Grid,
        cparams: Mapping[str, object],
        load: Callable[[int], bytes | None],
        store: Callable[[int, bytes], None],
    ) -> None:
        self.grid, self.cparams = grid, cparams
        self._load, self._store = load, store
        self._kept: OrderedDict[int, Array] = OrderedDict()
        self._dirty: set[int] = set()
        self._room = max(1, BUDGET // max(1, grid.chunksize))

    def read(self, box: Box, out: Array) -> Array:
        """Copy the voxels of `box` into `out`."""
        for number in self.grid.touched(box):
            here, inside = self.grid.overlap(number, box)
            out[here] = self._chunk(number)[inside]
        return out

    def write(self, box: Box, value: Array) -> None:
        """Put `value`, which has the shape of `box`, into the array."""
        for number in self.grid.touched(box):
            here, inside = self.grid.overlap(number, box)
            self._chunk(number, overwritten=self._covers(number, box))[inside] = value[here]
            self._dirty.add(number)

    def flush(self) -> None:
        """Encode and store every chunk that was written to."""
        for number in sorted(self._dirty):
            self._put(number)

    def _put(self, number: int) -> None:
        self._store(number, codec.encode(self._kept[number], self.grid, self.cparams))
        self._dirty.discard(number)

    def _chunk(self, number: int, *, overwritten: bool = False) -> Array:
        """Return a chunk, decompressed and writable."""
        chunk = self._kept.pop(number, None)
        if chunk is None:
            self._make_room()
            stored = None if overwritten else self._load(number)
            chunk = (
                np.zeros(self.grid.extended, self.grid.dtype)
                if stored is None
                else codec.decode(stored, self.grid)
            )
        self._kept[number] = chunk
        return chunk

    def _make_room(self) -> None:
        while len(self._kept) >= self._room:
            oldest = next(iter(self._kept))
            if oldest in self._dirty:
                self._put(oldest)
            del self._kept[oldest]

    def _covers(self, number: int, box: Box) -> bool:
        own = self.grid.box(number)
        return all(part.start <= o.start and o.stop <= part.stop for part, o in zip(box, own, strict=True))
