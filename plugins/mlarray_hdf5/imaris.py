"""Imaris files (`.ims`, Imaris file format 5.5): one dataset for each resolution, time and channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from mlarray_core import Additions, Channel, MetaSpatial, geometry, units
from mlarray_core.errors import CorruptError, MLArrayError, OptionError
from mlarray_hdf5.chunks import Chunks
from mlarray_hdf5.files import FAILURES, attributes_of, check_storage, damaged, find, is_image
from mlarray_io import Box, Reader
from mlarray_io.sdk import bare_meta

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


def open_imaris(file: h5py.File, options: Hdf5Options) -> ImarisReader:
    """Open one resolution, and the coarser ones as its levels.

    Raises
    ------
    OptionError
        There is no such resolution.
    """
    count = sum(name.startswith("ResolutionLevel ") for name in find(file, KEY))
    if not 0 <= options.level < count:
        raise OptionError(f"expected 0 to {count - 1}, got {options.level}", field="level")
    first, *others = (_level(file, number, options) for number in range(options.level, count))
    first.levels = others
    return first


def _level(file: h5py.File, number: int, options: Hdf5Options) -> ImarisReader:
    datasets = _datasets(file, find(file, f"{KEY}/ResolutionLevel {number}"))
    first = datasets[0][0]
    told = attributes_of(first.parent)
    size = tuple(
        _number(told, f"ImageSize{axis}", length) for axis, length in zip("ZYX", first.shape, strict=True)
    )
    if any(not 0 < s <= length for s, length in zip(size, first.shape, strict=True)):
        raise CorruptError(f"says a size of {size} for datasets of {first.shape}", path=file.filename)
    reader = ImarisReader(datasets, tuple(int(s) for s in size))
    info = {name: attributes_of(group) for name, group in find(file, "/DataSetInfo").items()}
    reader.meta = bare_meta(
        options, 5, spatial=_spatial(info.get("Image", {}), reader), source={"DataSetInfo": info}
    )
    channels = [Channel(label=_text(info.get(f"Channel {c}", {}), "Name")) for c in range(reader.shape[1])]
    Additions(channels=channels if all(channel.name for channel in channels) else []).store(reader.meta)
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
    return found


def _spatial(told: Mapping[str, object], reader: ImarisReader) -> MetaSpatial:
    """Return the geometry: ExtMin and ExtMax are the outer edges of the first and last voxel, x first."""
    low, high = ([_number(told, f"Ext{end}{axis}", None) for axis in range(3)] for end in ("Min", "Max"))
    labels = ["temporal", "channel", "spatial_z", "spatial_y", "spatial_x"]
    unit = units.symbol_of(_text(told, "Unit"))
    axis_units = ["", "", unit, unit, unit] if unit else None
    if None in low or None in high or any(not b > a for a, b in zip(low, high, strict=True)):
        return geometry.spatial_meta(None, axis_labels=labels, axis_units=axis_units)
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for axis in range(3):
        step = (high[axis] - low[axis]) / reader.shape[4 - axis]
        affine[axis, 2 - axis] = step
        affine[axis, 3] = low[axis] + step / 2
    return geometry.spatial_meta(affine, axis_labels=labels, axis_units=axis_units)


def _text(told: Mapping[str, object], name: str) -> str:
    """Return an attribute: Imaris writes texts as arrays of single characters."""
    value = told.get(name, "")
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def _number(told: Mapping[str, object], name: str, default: Any) -> Any:
    try:
        value = float(_text(told, name))
    except ValueError:
        return default
    return value if np.isfinite(value) else default
