"""Voxels of a series: those that lie in a row in the file, and those that tifffile has to rearrange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_tiff.read.segments import Files

if TYPE_CHECKING:
    from tifffile import TiffFrame, TiffPage, TiffPageSeries

    from mlarray_io import Box
    from mlarray_io.sdk import RawData

Array = np.ndarray[Any, Any]


class Voxels:
    """The voxels of one series."""

    chunks: tuple[int, ...] | None = None

    def read(self, box: Box) -> Array:
        """Return a box, native byte order.

        Raises
        ------
        NotImplementedError
            It isn't overridden.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Free files, threads and memory."""


@dataclass(frozen=True)
class Run:
    """Uncompressed voxels that lie in a row in a file."""

    path: str
    raw: RawData

    def read(self, files: Files, box: Box, out: Array) -> None:
        """Read a box into a contiguous array of the file's byte order.

        Parameters
        ----------
        files
            The image's files.
        box
            Slices with explicit bounds, slowest axis first.
        out
            Contiguous array that is filled.
        """
        for place, index in self.raw.runs(box):
            files.read_into(self.path, place, memoryview(out[index].reshape(-1).view(np.uint8)))


class RunVoxels(Voxels):
    """A series whose voxels all lie in a row."""

    def __init__(self, run: Run) -> None:
        self._run, self._files = run, Files()

    def read(self, box: Box) -> Array:
        """Return a box."""
        out = np.empty([part.stop - part.start for part in box], self._run.raw.dtype)
        if out.size:
            self._run.read(self._files, box, out)
        return native(out)

    def close(self) -> None:
        """Close the file."""
        self._files.close()


class WholeVoxels(Voxels):
    """A series that tifffile has to rearrange or transform: read whole, at the first box."""

    def __init__(self, series: TiffPageSeries, shape: tuple[int, ...]) -> None:
        self._series, self._shape = series, shape
        self._array: Array | None = None

    def read(self, box: Box) -> Array:
        """Return a box of the whole."""
        if self._array is None:
            self._array = np.asarray(self._series.asarray()).reshape(self._shape)
        return native(self._array[box])

    def close(self) -> None:
        """Forget the voxels."""
        self._array = None


def native(array: Array) -> Array:
    """Return an array in native byte order, swapped in place where that is needed."""
    if not array.dtype.isnative:
        array = array if array.flags.writeable else array.copy()
        return array.byteswap(inplace=True).view(array.dtype.newbyteorder("="))
    return array


def is_plain(keyframe: TiffPage) -> bool:
    """Say whether samples are stored as they are: uncompressed, whole bytes, no predictor, in order."""
    plain = (
        keyframe.is_contiguous and keyframe.is_final and keyframe.predictor == 1 and keyframe.fillorder == 1
    )
    dtype = keyframe.dtype
    if not plain or dtype is None or keyframe.is_subsampled:
        return False
    bits = keyframe.bitspersample
    return keyframe.sampleformat != 5 and isinstance(bits, int) and bits == dtype.itemsize * 8


def in_a_row(page: TiffPage | TiffFrame) -> bool:
    """Say whether the segments of a page follow one another in the file.

    tifffile answers for the page that it took as the model of a series, whatever the others do. MetaMorph
    and Zeiss LSM list offsets of later planes behind those of the first, or counts of another unit.
    """
    offsets, counts = page.dataoffsets, page.databytecounts
    if len(offsets) < 2 or len(counts) != len(offsets) or page.parent.is_stk or page.parent.is_lsm:
        return True
    ends = zip(offsets, counts, strict=True)
    return all(at + count == after for (at, count), after in zip(ends, offsets[1:], strict=False))


def is_left_out(page: TiffPage | TiffFrame) -> bool:
    """Say whether the file leaves out a whole page: offset and count are 0 (GDAL, GTiff, "Sparse files")."""
    return not any(page.dataoffsets) and not any(page.databytecounts)
