"""An array as Zarr's library has it, behind a store that reads checked paths and weighed chunks only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlarray_io.sdk import ignored_warnings

if TYPE_CHECKING:
    from mlarray_zarr.files import Files
    from mlarray_zarr.nodes import ArrayInfo, Node


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
