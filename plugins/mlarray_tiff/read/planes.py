"""Boxes of a series of pages: which pages, tiles and strips they touch."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError
from mlarray_io.sdk import RawData
from mlarray_tiff.read.segments import Files, Segments, segment_counts, segment_shape
from mlarray_tiff.read.voxels import Run, Voxels, in_a_row, is_left_out, is_plain, native

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tifffile import TiffFrame, TiffPage, TiffPageSeries

    from mlarray_io import Box
    from mlarray_tiff.read.voxels import Array

_AXES = 5
"""Axes of a page as tifffile has it (`TiffPage.shaped`): separate samples, depth, rows, columns, samples."""


@dataclass(frozen=True)
class SegmentCopy:
    """One tile or strip, and the part of an array that it has a share in.

    Parameters
    ----------
    page
        That the segment is of.
    index
        Number of the segment in its page.
    start
        Where it begins in the page: separate sample, depth, row, column.
    region
        What is wanted of the page, one slice for each of its five axes.
    out
        The array of the region.
    """

    page: TiffPage | TiffFrame
    index: int
    start: tuple[int, ...]
    region: tuple[slice, ...]
    out: Array


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
    fills
        Whether compressed segments without a size are left out, instead of damage.
    """

    def __init__(
        self,
        series: TiffPageSeries,
        places: Sequence[int | None],
        path: Path,
        threads: int,
        *,
        fills: bool = False,
    ) -> None:
        self._series, self._keyframe, self._path = series, series.keyframe, path
        self._shape, self._places = series.shape, places
        self._outer = next((at for at, place in enumerate(places) if place is not None), len(places))
        self._files = Files()
        self._plain = is_plain(self._keyframe)
        self._segments = Segments(self._keyframe, self._files, path, fills=fills)
        self._counts = segment_counts(self._keyframe)
        self._pool = ThreadPoolExecutor(threads) if threads > 1 and not self._plain else None
        if not self._plain:
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
        region = [slice(0, 1)] * _AXES
        for place, part in zip(self._places, box, strict=True):
            if place is not None:
                region[place] = part
        inner = [part.stop - part.start for part in region]
        outer = box[: self._outer]
        copies: list[SegmentCopy] = []
        for at in itertools.product(*(range(part.start, part.stop) for part in outer)):
            index = tuple(one - part.start for one, part in zip(at, outer, strict=True))
            # the ellipsis keeps a page of one pixel a view: without it NumPy would return a copy
            copies += self._copies(self._page(at), tuple(region), out[(*index, ...)].reshape(inner))
        self._do(copies)
        return native(out)

    def _dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(self._keyframe.dtype)
        return dtype.newbyteorder(self._keyframe.parent.byteorder) if self._plain else dtype

    def _page(self, at: tuple[int, ...]) -> TiffPage | TiffFrame:
        number = 0
        for index, size in zip(at, self._shape, strict=False):
            number = number * size + index
        page = self._series[number]
        if page is None:
            raise CorruptError(f"plane {number} is missing", path=self._path)
        return page

    def _copies(self, page: TiffPage | TiffFrame, region: tuple[slice, ...], out: Array) -> list[SegmentCopy]:
        """List the segments of a page that a region touches; read at once what lies in a row."""
        if is_left_out(page):
            out[...] = self._keyframe.nodata
            return []
        if self._plain and in_a_row(page) and all(page.dataoffsets):
            raw = RawData(self._keyframe.shaped, self._dtype(), int(page.dataoffsets[0]))
            Run(page.parent.filehandle.path, raw).read(self._files, region, out)
            return []
        steps = (1, *segment_shape(self._keyframe)[:3])
        ranges = [
            range(part.start // step, -(-part.stop // step))
            for part, step in zip(region[:4], steps, strict=True)
        ]
        copies = []
        for where in itertools.product(*ranges):
            index = 0
            for one, count in zip(where, self._counts, strict=True):
                index = index * count + one
            start = tuple(one * step for one, step in zip(where, steps, strict=True))
            copies.append(SegmentCopy(page, index, start, region, out))
        return copies

    def _do(self, copies: list[SegmentCopy]) -> None:
        if self._pool is None or len(copies) < 2:
            for copy in copies:
                self._copy(copy)
        else:
            for _ in self._pool.map(self._copy, copies):
                pass

    def _copy(self, copy: SegmentCopy) -> None:
        """Put what a segment and a region share into the array of the region."""
        start, region = copy.start, copy.region
        size = (1, *self._segments.shape[:3])
        ends = [
            min(at + long, whole) for at, long, whole in zip(start, size, self._keyframe.shaped, strict=False)
        ]
        low = [max(part.start, at) for part, at in zip(region, start, strict=False)]
        high = [min(part.stop, end) for part, end in zip(region, ends, strict=False)]
        partial = any(a > at or b < end for a, at, b, end in zip(low, start, high, ends, strict=True))
        segment = self._segments.get(copy.page, copy.index, keep=partial)
        target = tuple(
            slice(a - part.start, b - part.start) for a, b, part in zip(low, high, region, strict=False)
        )
        if segment is None:
            copy.out[target] = self._keyframe.nodata
            return
        inside = tuple(slice(a - at, b - at) for a, b, at in zip(low[1:], high[1:], start[1:], strict=True))
        part = segment[(*inside, region[4])]
        if part.shape != copy.out[target].shape[1:]:
            held = f"segment {copy.index} holds {segment.shape}, not {size[1:]}"
            raise CorruptError(held, path=self._path)
        copy.out[target] = part

    def close(self) -> None:
        """Stop the threads and close the files."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        self._files.close()


def align(shape: Sequence[int], page: Sequence[int], count: int) -> list[int | None] | None:
    """Return for each axis of a series which axis of its pages it is (None: one along which pages lie).

    Axes of length one come and go between the two. None when they don't fit without rearranging.

    Parameters
    ----------
    shape
        Of the series.
    page
        Of each of its pages.
    count
        Number of pages.
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
