"""Dask's arrays: voxels that are read when a task needs them, chunk by chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_core.errors import ArgumentTypeError, MissingDependencyError

if TYPE_CHECKING:
    import dask.array

    from mlarray_core.array.base import ImageBase

Chunks = str | int | tuple[int | tuple[int, ...] | str, ...] | dict[int, int] | None
"""What Dask takes for chunks; None for its own choice of sizes that fit the stored ones."""


def to_dask(image: ImageBase, chunks: Chunks) -> dask.array.Array:
    """Return an array whose tasks read an image.

    Parameters
    ----------
    image
        Of any kind; a file travels to other processes as its path.
    chunks
        As Dask takes them.

    Raises
    ------
    ArgumentTypeError
        There is no array (a TypeError).
    MissingDependencyError
        Dask isn't installed.
    """
    try:
        import dask.array
    except ImportError as error:
        raise MissingDependencyError(
            "Dask isn't installed", hint="Install it with: pip install 'dask[array]'"
        ) from error
    if image.shape is None or image.dtype is None:
        raise ArgumentTypeError("the image has no array")
    if chunks is None:
        # many stored chunks a task: one of 260 kB costs a scheduler more than reading it
        stored = image.meta.blosc2.chunk_size
        chunks = dask.array.core.normalize_chunks(
            "auto", image.shape, dtype=image.dtype, previous_chunks=None if stored is None else tuple(stored)
        )
    empty = np.empty((0,) * len(image.shape), image.dtype)
    return dask.array.from_array(image, chunks=chunks, asarray=True, meta=empty)
