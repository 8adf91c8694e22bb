"""Voxels of an AIM in single bits (``D3Tbit8``): a byte for each cell of 2 by 2 by 2, then their value.

So AimIO (Numerics88) writes and reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_io import Reader
from mlarray_io.sdk import RawData, read_box

if TYPE_CHECKING:
    from typing import Any

    from mlarray_core import Meta
    from mlarray_io import Box
    from mlarray_io.sdk import Bytes

SET = 127
"""What a bit that is set stands for where the file has no value for it: Scanco's programs set this."""


def cells_of(raw: RawData) -> RawData:
    """Return how the cells of an image lie in the file."""
    return RawData(tuple((size + 1) // 2 for size in raw.shape), np.dtype("u1"), raw.offset)


class CellReader(Reader):
    """An open image of bits. Bit ``x + 2 y + 4 z`` of a cell, counted from the lowest, is its voxel z, y, x.

    Parameters
    ----------
    file
        Where the voxels are.
    raw
        How they would lie there unpacked: z, y, x.
    meta
        The metadata.
    """

    def __init__(self, file: Bytes, raw: RawData, meta: Meta) -> None:
        self._file, self._cells, self.meta = file, cells_of(raw), meta
        self.shape, self.dtype = raw.shape, raw.dtype
        self.chunks = (2, *self.shape[1:])
        value = file.read(self._cells.offset + self._cells.nbytes, 1)
        self._value = np.frombuffer(value, np.int8)[0] or np.int8(SET)

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        halves = tuple(slice(part.start // 2, -(-part.stop // 2)) for part in box)
        cells = read_box(self._file, self._cells, halves)
        places = [np.arange(part.start, part.stop) for part in box]
        inside = np.ix_(*(place // 2 - half.start for place, half in zip(places, halves, strict=True)))
        # bytes, as wider numbers would need several times the memory of the box
        z, y, x = np.ix_(*((place % 2).astype("u1") for place in places))
        bits = (cells[inside] >> (4 * z + 2 * y + x)) & 1
        return np.where(bits, self._value, np.int8(0))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
