"""What napari calls to save a layer as a `.mla` file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray.napari.metadata import Saved, saved
from mlarray_core.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    Array = np.ndarray[Any, Any]

SLAB = 64 << 20
"""Bytes that are read at once, at least one slice."""


def write_image(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Save an image (npe2: a writer of one layer).

    Parameters
    ----------
    path
        Ends in ``.mla``.
    data
        The array, or several resolutions of it, finest first.
    attributes
        Of the layer, as `layer.as_layer_data_tuple` gives them.

    Returns
    -------
    list
        The path.

    Raises
    ------
    UnsupportedError
        The layer's place can't be held.
    """
    levels = bool(attributes.get("multiscale"))
    array = data[0] if levels else data
    _write(path, array, saved(attributes, array.shape, labels=False), levels=levels)
    return [path]


def write_labels(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Save labels, with the names and colours of the layer; arguments and errors are those of `write_image`.

    Parameters
    ----------
    path, data, attributes
        As `write_image` takes them.
    """
    levels = bool(attributes.get("multiscale"))
    array = data[0] if levels else data
    _write(path, array, saved(attributes, array.shape, labels=True), levels=levels)
    return [path]


def _write(path: str, array: Any, image: Saved, *, levels: bool) -> None:
    """Write slab by slab along the file's first axis, each read when it is its turn."""
    from mlarray_core.array.image import MLArray

    shape = tuple(array.shape[axis] for axis in image.order)
    dtype = np.dtype(array.dtype)
    if dtype.kind not in "biufc":
        raise UnsupportedError(f"the voxels are {dtype}", path=path)
    if not all(shape):
        raise UnsupportedError("there are no voxels to save", path=path)
    along = image.order[0]
    with MLArray.create(path, shape, dtype, meta=image.meta, levels="auto" if levels else None) as file:
        chunks = file.meta.blosc2.chunk_size or shape
        slices = max(1, SLAB // (int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize) // chunks[0])
        step = int(slices * chunks[0])
        for first in range(0, shape[0], step):
            key: list[Any] = [slice(None)] * len(shape)
            key[along] = slice(first, min(first + step, shape[0]))
            file[key[along]] = np.transpose(np.asarray(array[tuple(key)]), image.order)
