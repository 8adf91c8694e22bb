"""An array that tensorstore has open, with its axes slowest first. Runs in the other process."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorstore

from mlarray_core.errors import LimitError
from mlarray_io import Reader
from mlarray_io.sdk import explained, voxel_dtype

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlarray_core import Meta
    from mlarray_io import Box

    Voxels = np.ndarray[Any, np.dtype[Any]]

LARGEST_BLOCK = 2 << 30
"""Bytes of a block, unpacked."""


class BlocksReader(Reader):
    """One open array, whose axes tensorstore has fastest first.

    Parameters
    ----------
    array
        The array.
    meta
        Its metadata.
    path
        Its folder, for errors.
    channel
        Whether the slowest axis, of length one, is left out.
    """

    def __init__(
        self, array: tensorstore.TensorStore, meta: Meta, path: Path, *, channel: bool = False
    ) -> None:
        self._array, self.meta, self._path, self._channel = array, meta, path, channel
        shape = [int(size) for size in array.shape][::-1]
        blocks = [int(size or 1) for size in array.chunk_layout.read_chunk.shape or array.shape][::-1]
        self.shape, self.chunks = tuple(shape[channel:]), tuple(blocks[channel:])
        self.dtype = voxel_dtype(np.dtype(array.dtype.numpy_dtype), path)

    def __getitem__(self, box: Box, /) -> Voxels:
        if any(part.start == part.stop for part in box):
            return np.empty([part.stop - part.start for part in box], self.dtype)
        wanted = (slice(0, 1), *box) if self._channel else box
        starts = self._array.domain.origin
        key = tuple(
            slice(start + part.start, start + part.stop)
            for start, part in zip(starts, reversed(wanted), strict=True)
        )
        with explained():
            found = np.asarray(self._array[key].read().result())
        voxels = found.transpose()
        return np.ascontiguousarray(voxels[0] if self._channel else voxels, self.dtype)


def opened(spec: Mapping[str, object]) -> tensorstore.TensorStore:
    """Return the array of a spec, opened for reading, from files of this machine only.

    Parameters
    ----------
    spec
        tensorstore's, with the driver ``file`` for its files.

    Raises
    ------
    MLArrayError
        tensorstore refuses it.
    """
    limits = {"cache_pool": {"total_bytes_limit": 0}, "data_copy_concurrency": {"limit": 1}}
    with explained():
        return tensorstore.open(spec, read=True, context=tensorstore.Context(limits)).result()


def check_block(sizes: list[int], itemsize: int, path: Path) -> None:
    """Refuse blocks that need more memory than any that are meant.

    Parameters
    ----------
    sizes
        Of a block.
    itemsize
        Bytes of a voxel.
    path
        The folder, for errors.

    Raises
    ------
    LimitError
        They do.
    """
    nbytes = math.prod(sizes) * itemsize
    if nbytes > LARGEST_BLOCK:
        raise LimitError(f"a block of it has {nbytes:,} bytes, the limit is {LARGEST_BLOCK:,}", path=path)
