"""Runs in the other process: lists the series of planes and opens one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import oiffile

from mlarray_core import Additions, Meta
from mlarray_core.errors import CorruptError
from mlarray_io import Box, Context, ImageRef
from mlarray_io.sdk import PlanesReader, explained, header_values, named_spatial, named_values
from mlarray_oif.settings import axis_of, channels_of

if TYPE_CHECKING:
    from pathlib import Path

    from tifffile import TiffSequence


class OifReader(PlanesReader):
    """One series: each plane is a TIFF of its own.

    Parameters
    ----------
    file
        Open.
    series
        One of its series.
    path
        Where the file is, for errors.

    Raises
    ------
    CorruptError
        Planes are missing, or are no planes.
    """

    def __init__(self, file: oiffile.OifFile, series: TiffSequence, path: Path) -> None:
        self._file = file
        outer = tuple(int(size) for size in series.shape)
        planes, count = list(series), math.prod(outer)
        if len(planes) != count:
            raise CorruptError(f"{count - len(planes)} of {count} planes are missing", path=path)
        names = dict(zip(series.indices, planes, strict=True))
        kept = [axis for axis, size in enumerate(outer) if size > 1]
        self._names = {tuple(place[axis] for axis in kept): name for place, name in names.items()}
        first = np.asarray(file.asarray(planes[0]))
        if first.ndim not in (2, 3):
            raise CorruptError(f"its planes have the shape {first.shape}", path=path)
        self.inner = first.ndim
        self.letters = [*(series.axes[axis] for axis in kept), *"YXS"[: first.ndim]]
        self.shape = (*(outer[axis] for axis in kept), *first.shape)
        self.dtype = first.dtype.newbyteorder("=")
        self.chunks = (*(1 for _ in kept), *first.shape)
        self._path = path

    def part(self, place: tuple[int, ...], box: Box) -> np.ndarray[Any, Any]:
        """Return part of a plane.

        Raises
        ------
        CorruptError
            It has another size or type than the first one.
        """
        plane: np.ndarray[Any, Any] = np.asarray(self._file.asarray(self._names[place]))
        if plane.shape != self.shape[len(place) :] or plane.dtype.newbyteorder("=") != self.dtype:
            raise CorruptError(f"{self._names[place]} isn't like the other planes", path=self._path)
        return plane[box]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@explained()
def list_series(path: Path, context: Context) -> list[ImageRef]:
    """List the series, the longest first, which is primary; the others are reference images."""
    file = oiffile.OifFile(path)
    try:
        return [
            ImageRef(
                key=str(number),
                title="image" if number == 0 else "reference image",
                primary=number == 0,
                facts={"shape": tuple(series.shape), "axes": series.axes, "planes": len(series)},
                name=path.stem if number == 0 else f"{path.stem}_{number}",
            )
            for number, series in enumerate(file.series)
        ]
    finally:
        file.close()


@explained()
def open_series(path: Path, context: Context, key: str) -> OifReader:
    """Open one series.

    Parameters
    ----------
    path
        The file.
    context
        Limits, and where losses are reported.
    key
        Number of the series.

    Raises
    ------
    CorruptError
        Planes are missing or damaged.
    LimitError
        It is larger than the host allows.
    """
    file = oiffile.OifFile(path)
    try:
        reader = OifReader(file, file.series[int(key)], path)
        context.allow(reader.nbytes, path)
        if len(file.series) > 1:
            context.warn(f"one of {len(file.series)} series is read; --image chooses another")
        settings = dict(file.mainfile)
        axes = [
            axis_of(settings, letter, size) for letter, size in zip(reader.letters, reader.shape, strict=True)
        ]
        count = reader.shape[reader.letters.index("C")] if "C" in reader.letters else 1
        reader.meta = Meta(source={"settings": header_values(settings)}, spatial=named_spatial(axes, context))
        Additions(axes=named_values(axes), channels=channels_of(settings, count)).store(reader.meta)
    except BaseException:
        file.close()
        raise
    return reader
