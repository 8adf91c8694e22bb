"""Readers of images: whole frames, label maps of segments, and tiles, only those that a box touches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError
from mlarray_dicom.volumes.stack import ABSENT
from mlarray_io import Box, Reader

if TYPE_CHECKING:
    from mlarray_core import Meta
    from mlarray_dicom.pixels.planes import Planes
    from mlarray_dicom.pixels.values import Values
    from mlarray_dicom.volumes.arrangement import Arrangement
    from mlarray_dicom.volumes.slides import Tiling

Array = np.ndarray[Any, Any]
Place = tuple[int, ...]


class _FrameReader(Reader):
    """What readers of frames share."""

    _planes: Planes

    def close(self) -> None:
        """Stop the threads."""
        self._planes.close()


class StackReader(_FrameReader):
    """An image of whole frames.

    Parameters
    ----------
    planes
        Its frames.
    arrangement
        Where they go.
    values
        What is done to stored values.
    meta
        The metadata.
    fill
        The voxel of slices that are absent.
    """

    def __init__(
        self, planes: Planes, arrangement: Arrangement, values: Values, meta: Meta, fill: object = 0
    ) -> None:
        self._planes, self._order, self._fill = planes, arrangement.order, fill
        self.dtype, self.meta = values.dtype, meta
        inner = (*arrangement.plane, values.components) if values.components else arrangement.plane
        self.shape = (*self._order.shape, *inner)
        self.chunks = (*(1 for _ in self._order.shape), *inner)

    def __getitem__(self, box: Box, /) -> Array:
        outer = box[: self._order.ndim]
        rows, columns, *rest = box[self._order.ndim :]
        out: Array = np.empty(tuple(part.stop - part.start for part in box), self.dtype)
        if np.any(self._order[outer] == ABSENT):
            out[...] = self._fill
        if not out.size:
            return out
        places = self._places(outer)

        def put(indices: list[int], stored: Array) -> None:
            for index in indices:
                voxels = self._planes.voxels(index, stored, rows, columns)
                for place in places[index]:
                    out[place] = voxels[..., rest[0]] if rest else voxels

        self._planes.spread(places, put)
        return out

    def _places(self, outer: Box) -> dict[int, list[Place]]:
        """Return where in the box each frame goes."""
        part = self._order[outer]
        places: dict[int, list[Place]] = {}
        for place in np.ndindex(part.shape):
            if part[place] != ABSENT:
                places.setdefault(int(part[place]), []).append(place)
        return places


class LabelReader(_FrameReader):
    """A segmentation whose segments are put into one label map.

    Parameters
    ----------
    planes
        Its frames.
    arrangement
        Where they go, by segment and slice, and the numbers of the segments.
    meta
        The metadata.
    """

    def __init__(self, planes: Planes, arrangement: Arrangement, meta: Meta) -> None:
        self._planes, self._order, self._labels = planes, arrangement.order, arrangement.segments
        self.dtype, self.meta = label_dtype(self._labels), meta
        self.shape = (self._order.shape[1], *planes.size)
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
                _mark(out[z], mask, self._labels[segment])
        return out


class SlideReader(_FrameReader):
    """Planes of tiles: one, or one for each segment, optical path or focal plane.

    Parameters
    ----------
    planes
        The tiles.
    arrangement
        Where they lie.
    values
        What is done to stored values.
    meta
        The metadata.
    fill
        The pixel where there is no tile.
    as_labels
        Whether the sheets are segments that become one label map.
    """

    def __init__(
        self,
        planes: Planes,
        arrangement: Arrangement,
        values: Values,
        meta: Meta,
        fill: object = 0,
        *,
        as_labels: bool = False,
    ) -> None:
        assert arrangement.tiling is not None
        self._planes, self._tiling, self._fill = planes, arrangement.tiling, fill
        self._corners, self._sheets = np.array(self._tiling.corners), np.array(self._tiling.sheets)
        self._sheet_shape = () if as_labels else arrangement.order.shape
        self._labels = arrangement.segments if as_labels else None
        self.dtype, self.meta = (label_dtype(arrangement.segments) if as_labels else values.dtype), meta
        extra = (values.components,) if values.components else ()
        self.shape = (*self._sheet_shape, *arrangement.plane, *extra)
        tile = (min(a, b) for a, b in zip(planes.size, arrangement.plane, strict=True))
        self.chunks = (*(1 for _ in self._sheet_shape), *tile, *extra)

    def __getitem__(self, box: Box, /) -> Array:
        out: Array = np.full(tuple(part.stop - part.start for part in box), self._fill, self.dtype)
        if not out.size:
            return out
        outer, (rows, columns, *rest) = box[: len(self._sheet_shape)], box[len(self._sheet_shape) :]
        for (index,), stored in self._planes.each(self._touched(outer, rows, columns)):
            (into_rows, from_rows), (into_columns, from_columns) = (
                _meeting(int(corner), extent, wanted)
                for corner, extent, wanted in zip(
                    self._corners[index], self._planes.size, (rows, columns), strict=True
                )
            )
            tile = self._planes.voxels(index, stored, from_rows, from_columns)
            if self._labels is not None:
                _mark(out[into_rows, into_columns], tile != 0, self._labels[self._sheets[index]])
                continue
            sheet = np.unravel_index(self._sheets[index], self._sheet_shape) if self._sheet_shape else ()
            place = tuple(int(at) - part.start for at, part in zip(sheet, outer, strict=True))
            out[(*place, into_rows, into_columns)] = tile[..., rest[0]] if rest else tile
        return out

    def _touched(self, outer: Box, rows: slice, columns: slice) -> list[int]:
        """Return the tiles that a box touches."""
        low, high = (rows.start, columns.start), (rows.stop, columns.stop)
        meets = ((self._corners < high) & (self._corners + self._planes.size > low)).all(axis=1)
        if self._sheet_shape:
            places = np.unravel_index(self._sheets, self._sheet_shape)
            for place, part in zip(places, outer, strict=True):
                meets &= (place >= part.start) & (place < part.stop)
        return [int(index) for index in np.flatnonzero(meets)]


def tiles_at_one_place(tiling: Tiling) -> list[list[int]]:
    """Return the tiles that lie at each place, by their indices."""
    found: dict[tuple[int, int], list[int]] = {}
    for index, corner in enumerate(tiling.corners):
        found.setdefault(corner, []).append(index)
    return list(found.values())


def label_dtype(labels: list[int]) -> np.dtype[Any]:
    """Return the smallest type that holds all labels."""
    return np.dtype(np.min_scalar_type(max(labels, default=1)))


def _mark(out: Array, mask: Array, label: int) -> None:
    """Put a label where a mask is set and nothing else is yet."""
    if (out[mask] != 0).any():
        raise CorruptError(
            "its segments overlap though it says that they don't",
            field="SegmentsOverlap",
            hint="Take -o segments=axis",
        )
    out[mask] = label


def _meeting(corner: int, extent: int, wanted: slice) -> tuple[slice, slice]:
    """Return the part of the box, and of the tile, in which they meet along one axis."""
    start, stop = max(corner, wanted.start), min(corner + extent, wanted.stop)
    return slice(start - wanted.start, stop - wanted.start), slice(start - corner, stop - corner)
