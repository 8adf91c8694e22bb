"""Writes one dataset, slab by slab."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import h5py

from mlarray_core import geometry, units
from mlarray_core.errors import OptionError
from mlarray_hdf5.lasting_file import LastingFile
from mlarray_hdf5.marks import KEY, SIZES
from mlarray_io.sdk import default_labels, keep_meta, slab_shape, tiles

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_hdf5.options import Hdf5Options
    from mlarray_io import Context, Reader

BUDGET = 32 << 20
LONGEST = 60_000
"""Bytes that one attribute can hold in the layout that every HDF5 reads (64 KB with its header)."""
_SIZED = ("nm", "um", "mm", "cm", "m")
"""Units of voxel sizes that are written for ilastik, in micrometres."""
_CHUNK = 1 << 20


def write_hdf5(reader: Reader, target: Path, options: Hdf5Options, context: Context) -> None:
    """Write an image as one dataset.

    Parameters
    ----------
    reader
        The image.
    target
        Where to.
    options
        Path, chunks and compression of the dataset.
    context
        Where to report that the metadata is too long for an attribute.
    """
    chunks = _chunks(reader, options)
    with LastingFile(target) as lasting, h5py.File(lasting, "w") as file:
        dataset = file.create_dataset(
            options.dataset,
            reader.shape,
            reader.dtype,
            chunks=chunks,
            compression="gzip" if options.clevel else None,
            compression_opts=options.clevel or None,
            shuffle=bool(options.clevel),
        )
        _describe(dataset, reader, context)
        if 0 in reader.shape:
            return
        for box in tiles(
            reader.shape, slab_shape(reader.shape, reader.dtype.itemsize, reader.chunks, chunks, BUDGET)
        ):
            voxels = reader[box]
            dataset[box] = voxels
            lasting.check()
            context.progress(voxels.nbytes)


def _chunks(reader: Reader, options: Hdf5Options) -> tuple[int, ...]:
    if options.chunk_size is not None:
        if len(options.chunk_size) != len(reader.shape) or min(options.chunk_size) < 1:
            raise OptionError(f"expected {len(reader.shape)} numbers over 0", field="chunk_size")
        return tuple(max(1, min(c, s)) for c, s in zip(options.chunk_size, reader.shape, strict=True))
    sizes, room = [], _CHUNK
    for size in reversed(reader.shape):
        sizes.append(max(1, min(size, 128, room)))
        room //= sizes[-1]
    return tuple(reversed(sizes))


def _describe(dataset: Any, reader: Reader, context: Context) -> None:
    """Write labels of the axes, voxel sizes as ilastik and Fiji read them, and all metadata as JSON."""
    spatial = reader.meta.spatial
    labels = list(spatial.axis_labels or default_labels(len(reader.shape)))
    for dimension, label in zip(dataset.dims, labels, strict=True):
        dimension.label = label
    told = {
        u for u, label in zip(spatial.axis_units or [], labels, strict=False) if label.startswith("spatial")
    }
    unit = told.pop() if len(told) == 1 else ""
    factor = units.factor(unit, "um") if unit in _SIZED else None
    if factor is not None:
        sizes = geometry.decompose(geometry.affine_of(spatial, sum(x.startswith("spatial") for x in labels)))[
            0
        ]
        dataset.attrs[SIZES] = [size * factor for size in sizes]
    content = keep_meta(reader.meta, len(reader.shape))
    text = json.dumps(content, allow_nan=False)
    if len(text.encode()) > LONGEST:
        context.loss("the source's header", f"an HDF5 attribute holds {LONGEST:,} bytes")
        content["meta"].pop("source", None)
        text = json.dumps(content, allow_nan=False)
    if len(text.encode()) <= LONGEST:
        dataset.attrs[KEY] = text
    else:
        context.loss("metadata", f"an HDF5 attribute holds {LONGEST:,} bytes")
