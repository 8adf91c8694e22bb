"""Tiled images, such as whole slides: frames are tiles of one large plane (PS3.3, C.7.6.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_dicom.attributes import number, spacing
from mlarray_dicom.frames.enhanced import groups_of
from mlarray_io import Box, Reader

if TYPE_CHECKING:
    from mlarray_core import Meta
    from mlarray_dicom.instance import Instance
    from mlarray_dicom.pixels.planes import Planes
    from mlarray_dicom.pixels.values import Values

Array = np.ndarray[Any, Any]


def is_tiled(instance: Instance) -> bool:
    """Say whether the frames of a file are tiles."""
    return (
        instance.get("TotalPixelMatrixRows") is not None
        and instance.get("TotalPixelMatrixColumns") is not None
    )


def size_of(instance: Instance) -> tuple[int, int]:
    """Return rows and columns of the whole plane."""
    size = int(instance.get("TotalPixelMatrixRows")), int(instance.get("TotalPixelMatrixColumns"))
    if min(size) < 1:
        raise CorruptError(
            f"is {size[0]} x {size[1]} pixels large", path=instance.path, field="TotalPixelMatrixRows"
        )
    return size


def corners_of(instance: Instance) -> list[tuple[int, int]]:
    """Return the first row and column of each tile, counted from 0.

    Raises
    ------
    UnsupportedError
        The file holds several focal planes or optical paths.
    CorruptError
        There are more or fewer tiles than fit.
    """
    for keyword in ("TotalPixelMatrixFocalPlanes", "NumberOfOpticalPaths"):
        if (number(instance.get(keyword)) or 1) > 1:
            raise UnsupportedError(f"has {instance.get(keyword)} of them", path=instance.path, field=keyword)
    if instance.text("DimensionOrganizationType") == "TILED_FULL" or instance.count == 1:
        return _full(instance)
    corners = []
    for groups in groups_of(instance):
        place = "PlanePositionSlideSequence"
        row = number(groups.get(place, "RowPositionInTotalImagePixelMatrix"))
        column = number(groups.get(place, "ColumnPositionInTotalImagePixelMatrix"))
        if row is None or column is None:
            raise CorruptError("doesn't say where its tiles lie", path=instance.path, field=place)
        corners.append((int(row) - 1, int(column) - 1))
    if len(set(corners)) < len(corners):
        raise UnsupportedError(
            "has several tiles at one place: several planes, segments or optical paths", path=instance.path
        )
    return corners


def _full(instance: Instance) -> list[tuple[int, int]]:
    """Return the corners of tiles that cover the plane row by row (C.7.6.17.3)."""
    rows, columns = size_of(instance)
    height, width = int(instance.get("Rows")), int(instance.get("Columns"))
    corners = [(row, column) for row in range(0, rows, height) for column in range(0, columns, width)]
    if len(corners) != instance.count:
        raise CorruptError(
            f"has {instance.count} tiles, {len(corners)} cover it", path=instance.path, field="NumberOfFrames"
        )
    return corners


def spacing_of(instance: Instance) -> tuple[float, float] | None:
    """Return the distance of pixels in mm."""
    measures = next(groups_of(instance)).macro("PixelMeasuresSequence")
    return None if measures is None else spacing(measures)


class SlideReader(Reader):
    """A plane of tiles.

    Parameters
    ----------
    planes
        The tiles.
    size
        Rows and columns of the plane.
    corners
        Where each tile begins.
    values
        What is done to stored values.
    meta
        The metadata.
    fill
        The pixel where there is no tile.
    """

    def __init__(
        self,
        planes: Planes,
        size: tuple[int, int],
        corners: list[tuple[int, int]],
        values: Values,
        meta: Meta,
        fill: Any,
    ) -> None:
        self._planes, self._corners, self._fill = planes, np.array(corners), fill
        self.dtype, self.meta = values.dtype, meta
        extra = (values.components,) if values.components else ()
        self.shape = (*size, *extra)
        self.chunks = (*(min(a, b) for a, b in zip(planes.size, size, strict=True)), *extra)

    def __getitem__(self, box: Box, /) -> Array:
        out = np.full(tuple(part.stop - part.start for part in box), self._fill, self.dtype)
        if not out.size:
            return out
        rows, columns, *rest = box
        for (index,), stored in self._planes.each(self._touched(rows, columns)):
            (into_rows, from_rows), (into_columns, from_columns) = (
                _meeting(int(corner), extent, wanted)
                for corner, extent, wanted in zip(
                    self._corners[index], self._planes.size, (rows, columns), strict=True
                )
            )
            tile = self._planes.voxels(index, stored, from_rows, from_columns)
            out[into_rows, into_columns] = tile[..., rest[0]] if rest else tile
        return out

    def _touched(self, rows: slice, columns: slice) -> list[int]:
        """Return the tiles that a box touches."""
        low, high = (rows.start, columns.start), (rows.stop, columns.stop)
        meets = (self._corners < high) & (self._corners + self._planes.size > low)
        return [int(index) for index in np.flatnonzero(meets.all(axis=1))]

    def close(self) -> None:
        """Stop the threads."""
        self._planes.close()


def _meeting(corner: int, extent: int, wanted: slice) -> tuple[slice, slice]:
    """Return the part of the box, and of the tile, in which they meet along one axis."""
    start, stop = max(corner, wanted.start), min(corner + extent, wanted.stop)
    return slice(start - wanted.start, stop - wanted.start), slice(start - corner, stop - corner)
