"""An array as Zarr's library has it, behind a store that reads checked paths and weighed chunks only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_io.sdk import ignored_warnings, slab_shape, tiles_of

if TYPE_CHECKING:
    from mlarray_io import Box
    from mlarray_zarr.files import Files
    from mlarray_zarr.nodes import ArrayInfo, Node

WINDOW = 16 << 20
"""Bytes of voxels that the library is asked for at once, or two chunks: it holds all chunks of what it is
asked for, compressed and not."""


def open_library(files: Files, node: Node, info: ArrayInfo) -> Any:
    """Return the library's array. Its metadata were checked when `info` was made of them.

    Parameters
    ----------
    files
        Of the store.
    node
        The array's metadata.
    info
        What the array is.
    """
    import zarr

    from mlarray_zarr.store import FileStore

    # no codec doubles what it can't compress; unbounded, a chunk could inflate to terabytes
    largest = 2 * math.prod(info.outer) * info.dtype.itemsize + 65536
    store = FileStore(files, info, largest)
    version: Any = node.version
    with ignored_warnings("zarr"):  # of how fast it could be read
        return zarr.open_array(store, path=node.path, mode="r", zarr_format=version)


def read_box(array: Any, info: ArrayInfo, box: Box) -> np.ndarray[Any, Any]:
    """Return a box of the library's array, asking for a few whole chunks at a time.

    Parameters
    ----------
    array
        As `open_library` returns it.
    info
        What it is.
    box
        Not empty, axes as stored.
    """
    itemsize = info.dtype.itemsize
    budget = max(WINDOW, 2 * math.prod(info.chunks) * itemsize)
    step = slab_shape(info.shape, itemsize, info.chunks, None, budget)
    parts = list(tiles_of(box, step))
    if len(parts) == 1:
        return np.asarray(array[box])
    voxels = np.empty([part.stop - part.start for part in box], array.dtype)
    for part in parts:
        inside = [slice(p.start - b.start, p.stop - b.start) for p, b in zip(part, box, strict=True)]
        voxels[tuple(inside)] = array[part]
    return voxels
