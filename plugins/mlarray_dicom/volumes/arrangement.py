"""How the frames of an image become an array: its axes, and where each frame goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import AxisValues
from mlarray_dicom.attributes import number, numbers
from mlarray_dicom.volumes import slides
from mlarray_dicom.volumes.segmentation import is_segmentation, kind_of, segments_of
from mlarray_dicom.volumes.stack import Points, stack

if TYPE_CHECKING:
    from mlarray_dicom import DicomOptions
    from mlarray_dicom.instance import Instance
    from mlarray_dicom.volumes.series import Group

_SPACINGS = ("PixelSpacing", "NominalScannedPixelSpacing", "ImagerPixelSpacing")
_TIMED = ("FrameTime", "FrameTimeVector", "CineRate", "RecommendedDisplayFrameRate")
_TEMPORAL = frozenset({"time", "trigger time", "repeat", "acquisition", "frame reference time", "time slot"})


@dataclass
class Arrangement:
    """The array that an image becomes.

    Parameters
    ----------
    order
        Index of a frame for each place of the outer axes.
    plane
        Rows and columns of one slice.
    labels
        Of all axes but the one of colours.
    affine
        4 x 4, columns z, y, x, rows LPS; None when the image has no place.
    spacing
        Of rows and columns, when there is no affine.
    axes
        Name, unit and values of axes, by index.
    segments
        Segment numbers, of a segmentation.
    corners
        First row and column of each tile, of a tiled image.
    notes
        What the user should know.
    """

    order: np.ndarray[Any, np.dtype[np.int64]]
    plane: tuple[int, int]
    labels: list[str]
    affine: Points | None = None
    spacing: tuple[float, float] | None = None
    axes: dict[int, AxisValues] = field(default_factory=dict)
    segments: list[int] = field(default_factory=list)
    corners: list[tuple[int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape without colours."""
        return (*self.order.shape, *self.plane)


def arrange(group: Group, options: DicomOptions) -> Arrangement:
    """Arrange the frames of an image.

    Raises
    ------
    UnsupportedError
        No array can hold them as they lie.
    CorruptError
        They contradict each other.
    """
    if group.problem is not None:
        raise group.problem
    first = group.first
    if slides.is_tiled(first) and not group.frames[0].placed:
        return _slide(group)
    if not group.frames[0].placed:
        return _unplaced(group)
    if is_segmentation(first) and kind_of(first) != "LABELMAP":
        return _segments(group, options)
    return _stacked(group, options)


def _stacked(group: Group, options: DicomOptions) -> Arrangement:
    found = stack(group.frames, options)
    labels = ["spatial_z", "spatial_y", "spatial_x"]
    axes: dict[int, AxisValues] = {}
    if found.order.ndim > 1:
        labels.insert(0, _label(found.axis.name))
        axes[0] = found.axis
    if found.positions is not None:
        axes[found.order.ndim - 1] = AxisValues("slice position", "mm", found.positions)
    return Arrangement(found.order, _plane(group), labels, found.affine, axes=axes, notes=found.notes)


def _label(name: str) -> str:
    """Return the axis label of repeats: time, or the name of what else varies."""
    return "temporal" if name in _TEMPORAL else name.replace("-", "_").replace(" ", "_")


def _plane(group: Group) -> tuple[int, int]:
    """Return the size of a slice; that of a tile, for a mosaic."""
    tile = group.frames[0].tile
    return (group.layout.rows, group.layout.columns) if tile is None else tile[2:]


def _segments(group: Group, options: DicomOptions) -> Arrangement:
    found = segments_of(group, options)
    labels = ["spatial_z", "spatial_y", "spatial_x"]
    axes: dict[int, AxisValues] = {}
    if found.stack.order.ndim > 1:
        labels.insert(0, "segment")
        axes[0] = AxisValues("segment", "", found.numbers)
    if found.stack.positions is not None:
        axes[len(labels) - 3] = AxisValues("slice position", "mm", found.stack.positions)
    return Arrangement(
        found.stack.order,
        _plane(group),
        labels,
        found.stack.affine,
        axes=axes,
        segments=found.numbers,
        notes=found.stack.notes,
    )


def _slide(group: Group) -> Arrangement:
    """Arrange tiles; the slide's world is none that a patient has, so only the spacing is told."""
    first = group.first
    return Arrangement(
        np.zeros((), np.int64),
        slides.size_of(first),
        ["spatial_y", "spatial_x"],
        spacing=slides.spacing_of(first),
        corners=slides.corners_of(first),
    )


def _unplaced(group: Group) -> Arrangement:
    """Arrange frames without a place: one plane, or several along an axis that is no space."""
    first = group.first
    spacing, note = _spacing(first)
    notes = [note] if note else []
    labels, axes = ["spatial_y", "spatial_x"], {}
    order: np.ndarray[Any, Any] = np.arange(len(group.frames))
    if len(order) == 1:
        order = order.reshape(())
    else:
        timed = any(first.get(keyword) is not None for keyword in _TIMED)
        labels.insert(0, "temporal" if timed else "non_spatial")
        values = _times(first, len(order))
        axes = {0: AxisValues("time", "ms", values)} if values else {}
    return Arrangement(order, _plane(group), labels, spacing=spacing, axes=axes, notes=notes)


def _spacing(instance: Instance) -> tuple[tuple[float, float] | None, str]:
    """Return the spacing of an image without a place, and what to say about it."""
    for keyword in _SPACINGS:
        found = numbers(instance.get(keyword))
        if found is not None and len(found) == 2 and min(found) > 0:
            at = {"ImagerPixelSpacing": " (that of the detector, not of the patient)"}.get(keyword, "")
            return (found[0], found[1]), f"it says nothing about its place; its spacing is {keyword}{at}"
    return None, "it says nothing about its place and spacing"


def _times(instance: Instance, count: int) -> list[float] | None:
    """Return when each frame was taken, in ms after the first (PS3.3, C.7.6.5)."""
    steps = numbers(instance.get("FrameTimeVector"))
    if steps is not None and len(steps) == count:
        return [float(value) for value in np.cumsum(steps)]
    step = number(instance.get("FrameTime"))
    return None if step is None else [step * index for index in range(count)]
