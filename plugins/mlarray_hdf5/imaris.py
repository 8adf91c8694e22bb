"""Imaris files (`.ims`, Imaris file format 5.5): one dataset for each resolution, time and channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from mlarray_core import Additions
from mlarray_core.errors import CorruptError, MLArrayError, OptionError
from mlarray_hdf5.chunks import Chunks
from mlarray_hdf5.files import FAILURES, attributes_of, check_filters, check_storage, damaged, find, is_image
from mlarray_hdf5.imaris_info import ImarisInfo
from mlarray_io import Box, Context, Reader
from mlarray_io.sdk import bare_meta, named_spatial, named_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_hdf5.options import Hdf5Options

KEY = "/DataSet"
_MOST = 100_000


def is_imaris(file: h5py.File) -> bool:
    """Whether a file is laid out as Imaris does."""
    return isinstance(file.get("DataSet", getlink=True), h5py.HardLink) and "DataSetInfo" in file


class ImarisReader(Reader):
    """One resolution: all times and channels, t, c, z, y, x.

    Parameters
    ----------
    datasets
        By time and channel.
    size
        Of z, y and x; the datasets are padded to whole chunks.
    """

    def __init__(self, datasets: list[list[h5py.Dataset]], size: tuple[int, ...]) -> None:
        self._datasets = datasets
        self._stored = [[Chunks(one) for one in row] for row in datasets]
        first = datasets[0][0]
        self.shape = (len(datasets), len(datasets[0]), *size)
        self.dtype = first.dtype.newbyteorder("=")
        chunks = first.chunks or first.shape
        self.chunks = (1, 1, *(min(c, s) for c, s in zip(chunks, size, strict=True)))
        self.levels: Sequence[Reader] = ()

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        for t in range(box[0].start, box[0].stop):
            for c in range(box[1].start, box[1].stop):
                try:
                    out[t - box[0].start, c - box[1].start] = self._stored[t][c].read(box[2:])
                except MLArrayError:
                    raise
                except FAILURES as error:
                    raise damaged(error, self._datasets[0][0].file.filename) from error
        return out

    def close(self) -> None:
        """Close the file."""
        if self._datasets and self._datasets[0][0]:
            self._datasets[0][0].file.close()
        self._datasets, self._stored = [], []


def open_imaris(file: h5py.File, options: Hdf5Options, context: Context) -> ImarisReader:
    """Open one resolution, and the coarser ones as its levels.

    Parameters
    ----------
    file
        Open.
    options
        The format's settings, which say what resolution.
    context
        Where it is told what isn't known.

    Raises
    ------
    OptionError
        There is no such resolution.
    """
    count = sum(name.startswith("ResolutionLevel ") for name in find(file, KEY))
    if not 0 <= options.level < count:
        raise OptionError(f"expected 0 to {count - 1}, got {options.level}", field="level")
    more = file.attrs.get("NumberOfDataSets", 1)
    if np.size(more) == 1 and np.ravel(more)[0] != 1:
        context.warn(f"one of {np.ravel(more)[0]} data sets is read")
    first = _level(file, options.level, options, context)
    # what there is to tell of the geometry was told
    first.levels = [_level(file, number, options, Context()) for number in range(options.level + 1, count)]
    return first


def _level(file: h5py.File, number: int, options: Hdf5Options, context: Context) -> ImarisReader:
    datasets = _datasets(file, find(file, f"{KEY}/ResolutionLevel {number}"))
    first = datasets[0][0]
    told = ImarisInfo({"": attributes_of(first.parent)})
    size = [told.number("", f"ImageSize{axis}") or n for axis, n in zip("ZYX", first.shape, strict=True)]
    if any(not 0 < s <= length for s, length in zip(size, first.shape, strict=True)):
        raise CorruptError(f"says a size of {size} for datasets of {first.shape}", path=file.filename)
    reader = ImarisReader(datasets, tuple(int(s) for s in size))
    info = ImarisInfo({name: attributes_of(group) for name, group in find(file, "/DataSetInfo").items()})
    axes = info.axes(reader.shape, context)
    spatial = named_spatial(axes, context, placed=True)
    reader.meta = bare_meta(options, 5, spatial=spatial, source={"DataSetInfo": info.told})
    Additions(axes=named_values(axes), channels=info.channels(reader.shape[1])).store(reader.meta)
    return reader


def _datasets(file: h5py.File, level: h5py.Group) -> list[list[h5py.Dataset]]:
    times = sum(name.startswith("TimePoint ") for name in level)
    channels = sum(name.startswith("Channel ") for name in level.get("TimePoint 0", ()))
    if not 0 < times * channels <= _MOST:
        raise CorruptError(f"has {times} times of {channels} channels", path=file.filename)
    found = [
        [find(file, f"{level.name}/TimePoint {t}/Channel {c}/Data") for c in range(channels)]
        for t in range(times)
    ]
    first = found[0][0]
    for dataset in (one for row in found for one in row):
        if (
            not is_image(dataset)
            or dataset.ndim != 3
            or (dataset.shape, dataset.dtype) != (first.shape, first.dtype)
        ):
            raise CorruptError(f"{dataset.name} doesn't fit the other channels", path=file.filename)
        check_storage(dataset)
        check_filters(dataset)
    return found
