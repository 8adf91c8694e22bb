"""Reads the voxels of an image frame by frame, only those that a box touches."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError
from mlarray_dicom.instance import quiet
from mlarray_dicom.pixels.frame_pixels import FramePixels
from mlarray_dicom.volumes.stack import ABSENT
from mlarray_io import Box, Reader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlarray_core import Meta
    from mlarray_dicom.frames.dispatch import Frame
    from mlarray_dicom.pixels.values import Values
    from mlarray_dicom.volumes.series import Group

Array = np.ndarray[Any, Any]
Place = tuple[int, ...]

AHEAD = 8
"""How many frames each thread may be ahead of what is asked for."""


class Planes:
    """Voxels of single frames, decoded on several threads.

    Parameters
    ----------
    group
        The image.
    values
        What is done to stored values.
    threads
        How many frames are decoded at once.
    """

    def __init__(self, group: Group, values: Values, threads: int) -> None:
        self._frames, self._values = group.frames, values
        self._pixels = {
            file: FramePixels(group.instances[file], group.layout)
            for file in sorted({frame.file for frame in group.frames})
        }
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self.size = group.layout.rows, group.layout.columns

    def stored(self, file: int, number: int) -> Array:
        """Return the stored values of one frame."""
        return self._pixels[file][number]

    def each(self, wanted: Iterable[int]) -> Iterable[tuple[list[int], Array]]:
        """Yield stored frames, each decoded once, with the indices of those wanted that show a part of it."""
        together: dict[tuple[int, int], list[int]] = {}
        for index in wanted:
            frame = self._frames[index]
            together.setdefault((frame.file, frame.number), []).append(index)
        for batch in self._batches(list(together)):
            arrays = map(self._stored, batch) if self._pool is None else self._pool.map(self._stored, batch)
            for place, array in zip(batch, arrays, strict=True):
                yield together[place], array

    def _batches(self, places: list[tuple[int, int]]) -> Iterable[list[tuple[int, int]]]:
        """Yield as many frames at a time as keep all threads busy, so that few are in memory."""
        size = AHEAD * self._threads
        for start in range(0, len(places), size):
            yield places[start : start + size]

    def _stored(self, place: tuple[int, int]) -> Array:
        with quiet():
            return self.stored(*place)

    def voxels(self, index: int, stored: Array, rows: slice, columns: slice) -> Array:
        """Return the voxels of a part of one frame."""
        frame = self._frames[index]
        top, left = (frame.tile or (0, 0))[:2]
        part = stored[top + rows.start : top + rows.stop, left + columns.start : left + columns.stop]
        return self._values(part, frame)

    def frame(self, index: int) -> Frame:
        """Return what is known of a frame."""
        return self._frames[index]

    def close(self) -> None:
        """Stop the threads."""
        if self._pool is not None:
            self._pool.shutdown()


class StackReader(Reader):
    """An image of whole frames.

    Parameters
    ----------
    planes
        Its frames.
    order
        Index of a frame for each place of the outer axes.
    plane
        Rows and columns of a slice, smaller than a stored frame in a mosaic.
    values
        What is done to stored values.
    meta
        The metadata.
    fill
        The voxel of slices that are absent.
    """

    def __init__(
        self, planes: Planes, order: Array, plane: tuple[int, int], values: Values, meta: Meta, fill: Any = 0
    ) -> None:
        self._planes, self._order, self._fill = planes, order, fill
        self.dtype, self.meta = values.dtype, meta
        inner = (*plane, values.components) if values.components else plane
        self.shape = (*order.shape, *inner)
        self.chunks = (*(1 for _ in order.shape), *inner)

    def __getitem__(self, box: Box, /) -> Array:
        outer = box[: self._order.ndim]
        rows, columns, *rest = box[self._order.ndim :]
        out = np.full(tuple(part.stop - part.start for part in box), self._fill, self.dtype)
        if not out.size:
            return out
        places = self._places(outer)
        for indices, stored in self._planes.each(places):
            for index in indices:
                voxels = self._planes.voxels(index, stored, rows, columns)
                for place in places[index]:
                    out[place] = voxels[..., rest[0]] if rest else voxels
        return out

    def _places(self, outer: Box) -> dict[int, list[Place]]:
        """Return where in the box each frame goes."""
        part = self._order[outer]
        places: dict[int, list[Place]] = {}
        for place in np.ndindex(part.shape):
            if part[place] != ABSENT:
                places.setdefault(int(part[place]), []).append(place)
        return places

    def close(self) -> None:
        """Stop the threads."""
        self._planes.close()


class LabelReader(Reader):
    """A segmentation whose segments are put into one label map.

    Parameters
    ----------
    planes
        Its frames.
    order
        Index of a frame for each segment and slice.
    labels
        Number of each segment.
    dtype
        Of the labels.
    meta
        The metadata.
    """

    def __init__(
        self, planes: Planes, order: Array, labels: list[int], dtype: np.dtype[Any], meta: Meta
    ) -> None:
        self._planes, self._order, self._labels = planes, order, labels
        self.dtype, self.meta = dtype, meta
        self.shape = (order.shape[1], *planes.size)
        self.chunks = (1, *planes.size)

    def __getitem__(self, box: Box, /) -> Array:
        slices, rows, columns = box
        out = np.zeros(tuple(part.stop - part.start for part in box), self.dtype)
        part = self._order[:, slices]
        where = {int(part[place]): place for place in np.ndindex(part.shape) if part[place] != ABSENT}
        if not out.size:
            return out
        for indices, stored in self._planes.each(where):
            for index in indices:
                segment, z = where[index]
                mask = self._planes.voxels(index, stored, rows, columns) != 0
                if (out[z][mask] != 0).any():
                    raise CorruptError(
                        "its segments overlap though it says that they don't",
                        field="SegmentsOverlap",
                        hint="Take -o segments=axis",
                    )
                out[z][mask] = self._labels[segment]
        return out

    def close(self) -> None:
        """Stop the threads."""
        self._planes.close()
