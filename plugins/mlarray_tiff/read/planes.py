"""Boxes of a series: which pages, tiles and strips they touch, or which bytes when all lies in a row."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_tiff.read.segments import Files, Segments, most_in, segment_counts, segment_shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tifffile import TiffFrame, TiffPage, TiffPageSeries

    from mlarray_io import Box

Array = np.ndarray[Any, Any]


class Voxels:
    """The voxels of one series."""

    chunks: tuple[int, ...] | None = None

    def read(self, box: Box) -> Array:
        """Return a box, native byte order."""
        raise NotImplementedError

    def close(self) -> None:
        """Free files, threads and memory."""


@dataclass(frozen=True)
class Run:
    """Uncompressed voxels that lie in a row in a file."""

    path: str
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def read(self, files: Files, box: Box, out: Array) -> None:
        """Read a box into a contiguous array of the file's byte order."""
        split = len(box) - 1
        while split > 0 and (box[split].start, box[split].stop) == (0, self.shape[split]):
            split -= 1
        strides = [math.prod(self.shape[axis + 1 :]) * self.dtype.itemsize for axis in range(len(box))]
        for outer in itertools.product(*(range(part.start, part.stop) for part in box[:split])):
            starts = [*outer, box[split].start]
            index = tuple(at - part.start for at, part in zip(outer, box[:split], strict=True))
            place = self.offset + sum(at * stride for at, stride in zip(starts, strides, strict=False))
            files.read_into(self.path, place, memoryview(out[index].reshape(-1).view(np.uint8)))


class RunVoxels(Voxels):
    """A series whose voxels all lie in a row."""

    def __init__(self, run: Run) -> None:
        self._run, self._files = run, Files()

    def read(self, box: Box) -> Array:
        """Return a box."""
        out = np.empty([part.stop - part.start for part in box], self._run.dtype)
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


class PagedVoxels(Voxels):
    """A series of pages that are laid out alike.

    Parameters
    ----------
    series
        From tifffile.
    places
        For each axis of the series, the axis of a page (`TiffPage.shaped`) that it is, None for pages.
    path
        The source.
    threads
        How many segments are decoded at once.
    """

    def __init__(
        self, series: TiffPageSeries, places: Sequence[int | None], path: Path, threads: int
    ) -> None:
        self._series, self._keyframe, self._path = series, series.keyframe, path
        self._shape, self._places = series.shape, places
        self._outer = next((at for at, place in enumerate(places) if place is not None), len(places))
        self._files = Files()
        self._run = _page_runs(self._keyframe)
        self._segments = None if self._run else Segments(self._keyframe, self._files, path)
        self._counts = segment_counts(self._keyframe)
        self._pool = ThreadPoolExecutor(threads) if threads > 1 and not self._run else None
        if self._segments is not None:
            self.chunks = self._chunks()

    def _chunks(self) -> tuple[int, ...]:
        deep, long, wide, samples = segment_shape(self._keyframe)
        unit = (1, deep, long, wide, samples)
        return tuple(
            1 if place is None else max(1, min(unit[place], size))
            for place, size in zip(self._places, self._shape, strict=True)
        )

    def read(self, box: Box) -> Array:
        """Return a box, decoding only the segments that it touches."""
        out = np.empty([part.stop - part.start for part in box], self._dtype())
        if out.size == 0:
            return native(out)
        region = [slice(0, 1)] * 5
        for place, part in zip(self._places, box, strict=True):
            if place is not None:
                region[place] = part
        inner = [part.stop - part.start for part in region]
        outer = box[: self._outer]
        jobs = []
        for at in itertools.product(*(range(part.start, part.stop) for part in outer)):
            page = self._page(at)
            index = tuple(one - part.start for one, part in zip(at, outer, strict=True))
            jobs += self._jobs(page, region, out[index].reshape(inner))
        self._do(jobs)
        return native(out)

    def _dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(self._keyframe.dtype)
        return dtype.newbyteorder(self._keyframe.parent.byteorder) if self._run else dtype

    def _page(self, at: tuple[int, ...]) -> TiffPage | TiffFrame:
        number = 0
        for index, size in zip(at, self._shape, strict=False):
            number = number * size + index
        page = self._series[number]
        if page is None:
            raise CorruptError(f"plane {number} is missing", path=self._path)
        return page

    def _jobs(
        self, page: TiffPage | TiffFrame, region: list[slice], out: Array
    ) -> list[tuple[Any, int, tuple[int, ...], list[slice], Array]]:
        """List the segments of a page that a region touches, with where each begins."""
        if self._run:
            run = Run(
                page.parent.filehandle.path, int(page.dataoffsets[0]), self._keyframe.shaped, self._dtype()
            )
            run.read(self._files, tuple(region), out)
            return []
        deep, long, wide, _ = segment_shape(self._keyframe)
        steps = (1, deep, long, wide)
        ranges = [
            range(part.start // step, -(-part.stop // step))
            for part, step in zip(region[:4], steps, strict=True)
        ]
        jobs = []
        for where in itertools.product(*ranges):
            index = 0
            for one, count in zip(where, self._counts, strict=True):
                index = index * count + one
            start = tuple(one * step for one, step in zip(where, steps, strict=True))
            jobs.append((page, index, start, region, out))
        return jobs

    def _do(self, jobs: list[tuple[Any, int, tuple[int, ...], list[slice], Array]]) -> None:
        if self._pool is None or len(jobs) < 2:
            for job in jobs:
                self._copy(*job)
        else:
            for _ in self._pool.map(lambda job: self._copy(*job), jobs):
                pass

    def _copy(
        self, page: TiffPage | TiffFrame, index: int, start: tuple[int, ...], region: list[slice], out: Array
    ) -> None:
        """Put what a segment and a region share into the array of the region."""
        assert self._segments is not None
        size = (1, *self._segments.shape[:3])
        ends = [
            min(at + long, whole) for at, long, whole in zip(start, size, self._keyframe.shaped, strict=False)
        ]
        low = [max(part.start, at) for part, at in zip(region, start, strict=False)]
        high = [min(part.stop, end) for part, end in zip(region, ends, strict=False)]
        partial = any(a > at or b < end for a, at, b, end in zip(low, start, high, ends, strict=True))
        segment = self._segments.get(page, index, keep=partial)
        target = tuple(
            slice(a - part.start, b - part.start) for a, b, part in zip(low, high, region, strict=False)
        )
        if segment is None:
            out[target] = self._keyframe.nodata
            return
        inside = tuple(slice(a - at, b - at) for a, b, at in zip(low[1:], high[1:], start[1:], strict=True))
        part = segment[(*inside, region[4])]
        if part.shape != out[target].shape[1:]:
            raise CorruptError(f"segment {index} holds {segment.shape}, not {size[1:]}", path=self._path)
        out[target] = part

    def close(self) -> None:
        """Stop the threads and close the files."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        self._files.close()


def voxels_of(series: TiffPageSeries, path: Path, threads: int) -> Voxels:
    """Return access to the voxels of a series.

    Raises
    ------
    CorruptError
        The file can't hold them.
    """
    keyframe = series.keyframe
    if series.transform is None and series.dataoffset is not None:
        dtype = series.dtype.newbyteorder(keyframe.parent.byteorder)
        run = Run(keyframe.parent.filehandle.path, int(series.dataoffset), series.shape, dtype)
        if run.offset + math.prod(run.shape) * dtype.itemsize > keyframe.parent.filehandle.size:
            raise CorruptError("the file ends within its voxels", path=path, hint="Was it copied whole?")
        return RunVoxels(run)
    places = None if series.transform is not None else align(series.shape, keyframe.shaped, len(series))
    if places is None or keyframe.dtype != series.dtype:
        return WholeVoxels(series, series.shape)
    _check_segments(keyframe, path)
    return PagedVoxels(series, places, path, threads)


def align(shape: Sequence[int], page: Sequence[int], count: int) -> list[int | None] | None:
    """Return for each axis of a series which axis of its pages it is (None: one along which pages lie).

    Axes of length one come and go between the two. None when they don't fit without rearranging.
    """
    if math.prod(shape) != math.prod(page) * count:
        return None
    places: list[int | None] = [None] * len(shape)
    at = len(shape) - 1
    for axis in reversed(range(len(page))):
        if page[axis] == 1:
            continue
        while at >= 0 and shape[at] == 1:
            at -= 1
        if at < 0 or shape[at] != page[axis]:
            return None
        places[at] = axis
        at -= 1
    return places if math.prod(shape[: at + 1]) == count else None


def native(array: Array) -> Array:
    """Return an array in native byte order, swapped in place where that is needed."""
    if not array.dtype.isnative:
        array = array if array.flags.writeable else array.copy()
        return array.byteswap(inplace=True).view(array.dtype.newbyteorder("="))
    return array


def _page_runs(keyframe: TiffPage) -> bool:
    """Say whether the voxels of each page lie in a row, as they are."""
    plain = (
        keyframe.is_contiguous and keyframe.is_final and keyframe.predictor == 1 and keyframe.fillorder == 1
    )
    dtype = keyframe.dtype
    if not plain or dtype is None or keyframe.is_subsampled:
        return False
    bits = keyframe.bitspersample
    return keyframe.sampleformat != 5 and isinstance(bits, int) and bits == dtype.itemsize * 8


def _check_segments(keyframe: TiffPage, path: Path) -> None:
    """Refuse a page whose size asks for more segments, or more voxels, than the file can hold."""
    if keyframe.dtype is None:
        bits = f"{keyframe.bitspersample} bits per sample of format {keyframe.sampleformat}"
        raise UnsupportedError(f"{bits} fit no type", path=path)
    if _page_runs(keyframe):
        size = math.prod(keyframe.shaped) * keyframe.dtype.itemsize
        if int(keyframe.dataoffsets[0]) + size > keyframe.parent.filehandle.size:
            raise CorruptError("the file ends within its voxels", path=path, hint="Was it copied whole?")
        return
    wanted, listed = math.prod(segment_counts(keyframe)), len(keyframe.dataoffsets)
    if wanted > listed:
        raise CorruptError(f"its size asks for {wanted:,} segments, the file lists {listed:,}", path=path)
    stored = [int(count) for count in keyframe.databytecounts[:wanted] if count]
    held = min(sum(stored), keyframe.parent.filehandle.size)
    described = len(stored) * math.prod(segment_shape(keyframe)) * keyframe.dtype.itemsize
    if described > most_in(held):
        raise CorruptError(f"says that {held:,} bytes hold {described:,}", path=path)


def shapes(levels: Sequence[TiffPageSeries]) -> Iterator[tuple[int, ...]]:
    """Yield the shape of each level."""
    for level in levels:
        yield tuple(int(size) for size in level.shape)
