"""Tiled images, such as whole slides: frames are tiles of one large plane (PS3.3, C.7.6.17).

Where several tiles lie at one place, they belong to different sheets: segments, focal planes, optical paths.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_dicom.attributes import spacing
from mlarray_dicom.elements import has, loose_number
from mlarray_dicom.frames.enhanced import groups_of
from mlarray_dicom.volumes.axes import RepeatAxis

if TYPE_CHECKING:
    from mlarray_dicom.frames.enhanced import Groups
    from mlarray_dicom.instance import Instance

_PLACE = "PlanePositionSlideSequence"
_SEGMENT = "SegmentIdentificationSequence"


@dataclass
class Tiling:
    """Where the tiles of a plane lie.

    Parameters
    ----------
    corners
        First row and column of each tile, counted from 0.
    sheets
        Which sheet each tile belongs to, counted from 0.
    axes
        Of the sheets, the slowest first; none when there is one sheet.
    segments
        Segment numbers of the sheets, of a segmentation.
    """

    corners: list[tuple[int, int]]
    sheets: list[int]
    axes: list[RepeatAxis] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)


def is_tiled(instance: Instance) -> bool:
    """Say whether the frames of a file are tiles."""
    return has(instance.dataset, "TotalPixelMatrixRows") and has(instance.dataset, "TotalPixelMatrixColumns")


def size_of(instance: Instance) -> tuple[int, int]:
    """Return rows and columns of the whole plane.

    Raises
    ------
    CorruptError
        They are no size.
    """
    rows, columns = (
        int(loose_number(instance.dataset, keyword) or 0)
        for keyword in ("TotalPixelMatrixRows", "TotalPixelMatrixColumns")
    )
    if min(rows, columns) < 1:
        raise CorruptError(
            f"is {rows} x {columns} pixels large", path=instance.path, field="TotalPixelMatrixRows"
        )
    return rows, columns


def tiling_of(instance: Instance, segments: list[int]) -> Tiling:
    """Return where the tiles of a file lie.

    Parameters
    ----------
    instance
        The file.
    segments
        Segment numbers that it describes, of a segmentation whose frames are one segment each.

    Raises
    ------
    UnsupportedError
        Several tiles lie at one place of one sheet.
    CorruptError
        There are more or fewer tiles than fit, or one has no place.
    """
    if instance.text("DimensionOrganizationType") == "TILED_FULL" or instance.count == 1:
        return _full(instance, segments)
    return _sparse(instance, segments)


def _sparse(instance: Instance, segments: list[int]) -> Tiling:
    """Return the places that the functional groups of the frames say."""
    corners, names = [], []
    for groups in groups_of(instance):
        row = groups.number(_PLACE, "RowPositionInTotalImagePixelMatrix")
        column = groups.number(_PLACE, "ColumnPositionInTotalImagePixelMatrix")
        if row is None or column is None:
            raise CorruptError("doesn't say where its tiles lie", path=instance.path, field=_PLACE)
        corners.append((int(row) - 1, int(column) - 1))
        names.append(_sheet(groups))
        if segments and names[-1][0] is None:
            raise CorruptError("has a tile that doesn't say its segment", path=instance.path, field=_SEGMENT)
    axes: list[RepeatAxis] = []
    places: list[list[int]] = []
    for number, (name, unit) in enumerate(_SHEETS):
        named = [one[number] for one in names]
        values = sorted({*named, *(map(float, segments) if name == "segment" else ())}, key=_rank)
        if len(values) > 1:
            axes.append(_axis(name, unit, values))
            places.append([values.index(value) for value in named])
    sheets = [0] * len(corners)
    for axis, place in zip(axes, places, strict=True):
        sheets = [sheet * len(axis.values) + at for sheet, at in zip(sheets, place, strict=True)]
    if len({*zip(sheets, corners, strict=True)}) < len(corners):
        raise UnsupportedError(
            "has several tiles of one segment, focal plane and optical path at one place", path=instance.path
        )
    numbers = [int(value) for axis in axes if axis.name == "segment" for value in axis.values]
    return Tiling(corners, sheets, axes, numbers)


_SHEETS = (("segment", ""), ("optical path", ""), ("focal plane", "mm"))
"""What tiles of one place differ in, the slowest axis first (C.7.6.17.3)."""


def _sheet(groups: Groups) -> tuple[object, ...]:
    """Return segment, optical path and focal depth of a tile."""
    return (
        groups.number(_SEGMENT, "ReferencedSegmentNumber"),
        groups.text("OpticalPathIdentificationSequence", "OpticalPathIdentifier"),
        groups.number(_PLACE, "ZOffsetInSlideCoordinateSystem"),
    )


def _rank(value: object) -> tuple[bool, float, str]:
    """Return what puts numbers, then texts, then nothing in order."""
    return value is None, value if isinstance(value, float) else 0.0, str(value)


def _axis(name: str, unit: str, values: list[object]) -> RepeatAxis:
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) == len(values):
        return RepeatAxis(name, unit, [float(value) for value in numbers])
    return RepeatAxis(name, unit, [str(value) for value in values])


def _full(instance: Instance, segments: list[int]) -> Tiling:
    """Return the places of tiles that cover the plane row by row.

    Of several sheets the focal planes come first, then the optical paths or segments (C.7.6.17.3).
    """
    rows, columns = size_of(instance)
    height, width = (int(loose_number(instance.dataset, keyword) or 0) for keyword in ("Rows", "Columns"))
    if min(height, width) < 1:
        raise CorruptError("has tiles without a size", path=instance.path, field="Rows")
    depths = int(loose_number(instance.dataset, "TotalPixelMatrixFocalPlanes") or 1)
    paths = len(segments) or int(loose_number(instance.dataset, "NumberOfOpticalPaths") or 1)
    sheets = depths * paths
    whole = -(-rows // height) * -(-columns // width) * sheets
    if whole != instance.count:
        raise CorruptError(
            f"has {instance.count} tiles, {whole} cover it",
            path=instance.path,
            field="NumberOfFrames",
        )
    corners = [(row, column) for row in range(0, rows, height) for column in range(0, columns, width)]
    axes = []
    if paths > 1:
        named = [float(number) for number in segments] or [float(number + 1) for number in range(paths)]
        axes.append(RepeatAxis("segment" if segments else "optical path", "", named))
    if depths > 1:
        axes.append(RepeatAxis("focal plane", "", [float(depth) for depth in range(depths)]))
    each = [sheet for sheet in range(sheets) for _ in corners]
    return Tiling(corners * sheets, each, axes, segments if paths > 1 else [])


def spacing_of(instance: Instance) -> tuple[float, float] | None:
    """Return the distance of pixels in mm, None when it isn't said."""
    measures = next(groups_of(instance)).macro("PixelMeasuresSequence")
    return None if measures is None else spacing(measures, instance.path)
