"""Opens one dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions
from mlarray_core.errors import MLArrayError, OptionError, UnsupportedError
from mlarray_core.headers import plain
from mlarray_hdf5.axes import positions_of
from mlarray_hdf5.chunks import Chunks
from mlarray_hdf5.files import (
    FAILURES,
    attributes_of,
    check_filters,
    check_storage,
    damaged,
    find,
    is_image,
    open_file,
    voxel_type,
)
from mlarray_hdf5.imaris import KEY as IMARIS
from mlarray_hdf5.imaris import is_imaris, open_imaris
from mlarray_hdf5.marks import KEY, kept, spatial_of
from mlarray_hdf5.matlab import reason_against
from mlarray_io import Box, Context, Reader
from mlarray_io.sdk import bare_meta, packing_of

if TYPE_CHECKING:
    from pathlib import Path

    import h5py

    from mlarray_core import Meta
    from mlarray_hdf5.options import Hdf5Options


class Hdf5Reader(Reader):
    """A dataset.

    Parameters
    ----------
    dataset
        In a file that is closed with the reader.
    dtype
        Of its voxels, native.
    meta
        The metadata.
    """

    def __init__(self, dataset: h5py.Dataset, dtype: np.dtype[Any], meta: Meta) -> None:
        self._dataset: Any = dataset
        self._stored = Chunks(dataset)
        self.shape, self.meta, self.dtype = tuple(dataset.shape), meta, dtype
        self.chunks = None
        if dataset.chunks:
            self.chunks = tuple(min(c, s) for c, s in zip(dataset.chunks, self.shape, strict=True))

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        if out.size:
            try:
                stored = self._stored.read(box)
            except MLArrayError as error:
                error.name_path(self._dataset.file.filename)
                raise
            except FAILURES as error:
                raise damaged(error, self._dataset.file.filename) from error
            if stored.dtype.names is None:
                out[...] = stored
            else:
                out.real, out.imag = stored["real"], stored["imag"]
        return out

    def close(self) -> None:
        """Close the file."""
        if self._dataset is not None and self._dataset:
            self._dataset.file.close()
        self._dataset = None


def open_hdf5(path: Path, context: Context, key: str, options: Hdf5Options) -> Reader:
    """Open the dataset at the path `key`. Runs in the other process.

    Parameters
    ----------
    path
        The file.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.
    key
        Name of the image in the file.
    options
        The format's settings.

    Raises
    ------
    CorruptError
        HDF5's library finds the file damaged.
    UnsafeError
        The voxels lie outside of the file's folder.
    UnsupportedError
        It isn't a dataset of numbers.
    """
    file = open_file(path)
    try:
        reader = _opened(file, key, options, path, context)
        context.allow(reader.nbytes, path)
        return reader
    except BaseException as error:
        file.close()
        if isinstance(error, FAILURES) and not isinstance(error, MLArrayError):
            raise damaged(error, path) from error
        raise


def _opened(file: h5py.File, key: str, options: Hdf5Options, path: Path, context: Context) -> Reader:
    if key == IMARIS and is_imaris(file):
        return open_imaris(file, options, context)
    if options.level:
        raise OptionError("only Imaris files have levels", field="level")
    dataset = find(file, key)
    attributes = attributes_of(dataset, context)
    reason = reason_against(dataset, attributes)
    if not is_image(dataset) or reason is not None:
        raise UnsupportedError(f"{key} is no image: {reason or 'no dataset of numbers'}", path=path)
    stored = check_storage(dataset)
    check_filters(dataset)
    meta = _meta(dataset, key, attributes, options, context)
    reader = Hdf5Reader(dataset, voxel_type(dataset, attributes), meta)
    reader.stored = stored
    return reader


def _meta(
    dataset: h5py.Dataset, key: str, attributes: dict[str, object], options: Hdf5Options, context: Context
) -> Meta:
    ndim = len(dataset.shape)
    own = kept(attributes, ndim)
    if own is not None:
        told = bare_meta(options, ndim, spatial=own.spatial, is_seg=own.is_seg.is_seg)
        own.spatial, own.is_seg = told.spatial, told.is_seg
        return own
    attributes.pop(KEY, None)
    source = {
        "dataset": key,
        "attributes": plain(attributes),
        "file": plain(attributes_of(dataset.file, context)),
    }
    meta = bare_meta(options, ndim, spatial=spatial_of(dataset, attributes), source=source)
    Additions(axes=positions_of(dataset), rescale=packing_of(attributes, dataset.dtype, context)).store(meta)
    return meta
