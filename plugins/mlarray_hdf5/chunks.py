"""Whether the chunks of a dataset unpack to what they should.

HDF5's library believes the sizes that an index gives, and hands back memory as it finds it where a chunk
unpacks to less than a chunk has: damage of LZF, which has no checksum, reads as noise.
"""

from __future__ import annotations

import ctypes
import itertools
import math
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import h5py
    import numpy as np

    from mlarray_io import Box

_DEFLATE, _SHUFFLE, _FLETCHER32 = 1, 2, 3
"""Filters of HDF5's library (H5Zpublic.h)."""
_CHECKED = frozenset({_DEFLATE, _FLETCHER32})
"""Filters with a checksum: zlib's adler32, and Fletcher's own."""
_SAME_SIZE = frozenset({_SHUFFLE, _FLETCHER32})
_SUM = 4
"""Bytes that Fletcher's checksum adds to a chunk."""
_PERTURB = -6
"""``M_PERTURB`` of glibc's malloc.h: what new memory is filled with."""


class Chunks:
    """The chunks of one dataset.

    Parameters
    ----------
    dataset
        Chunked or not.
    """

    def __init__(self, dataset: h5py.Dataset) -> None:
        created = dataset.id.get_create_plist()
        self._filters = [created.get_filter(index)[0] for index in range(created.get_nfilters())]
        self._shape = dataset.chunks if dataset.chunks and not dataset.is_virtual else None
        self._nbytes = math.prod(self._shape or ()) * dataset.id.get_type().get_size()
        self._dataset: Any = dataset

    def read(self, box: Box) -> np.ndarray[Any, Any]:
        """Return the voxels of a box as they are stored.

        Parameters
        ----------
        box
            Of the dataset.

        Raises
        ------
        CorruptError
            A chunk can't be what the file says of it, or unpacks to less than it should.
        """
        if self._shape is None:
            voxels: np.ndarray[Any, Any] = self._dataset[box]
            return voxels
        checked = [self._check(offset) for offset in self._offsets(box)]
        return self._dataset[box] if all(checked) else self._twice(lambda: self._dataset[box])

    def _offsets(self, box: Box) -> Iterator[tuple[int, ...]]:
        assert self._shape is not None
        return itertools.product(*(
            range(part.start // size * size, part.stop, size)
            for part, size in zip(box, self._shape, strict=True)
        ))  # fmt: skip

    def _check(self, offset: tuple[int, ...]) -> bool:
        """Say whether damage of a chunk would be noticed when it is unpacked."""
        found = self._dataset.id.get_chunk_info_by_coord(offset)
        if found.byte_offset is None:  # it was never written, and is the fill value
            return True
        used = [code for bit, code in enumerate(self._filters) if not found.filter_mask >> bit & 1]
        if _SAME_SIZE.issuperset(used):
            size = self._nbytes + _SUM * used.count(_FLETCHER32)
            if found.size != size:
                raise CorruptError(f"the chunk at {offset} has {found.size:,} bytes instead of {size:,}")
        return self._is_checked(used)

    def _is_checked(self, filters: list[int]) -> bool:
        return _SAME_SIZE.issuperset(filters) or not _CHECKED.isdisjoint(filters)

    def _twice(self, read: Callable[[], np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
        """Read with new memory filled in two ways: what nobody wrote to differs."""
        if not hasattr(ctypes.CDLL(None), "mallopt"):
            return read()
        try:
            _fill_memory(0x11)
            self._dataset.refresh()  # the library keeps chunks that it has unpacked
            voxels = read()
            _fill_memory(0x66)
            self._dataset.refresh()
            if voxels.tobytes() != read().tobytes():
                raise CorruptError(
                    "a chunk unpacks to less than it should", hint="The file is damaged: copy it again"
                )
        finally:
            _fill_memory(0)
        return voxels


def _fill_memory(byte: int) -> None:
    ctypes.CDLL(None).mallopt(_PERTURB, byte)
