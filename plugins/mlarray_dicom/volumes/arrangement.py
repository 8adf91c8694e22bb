"""How the frames of an image become an array: its axes, and where each frame goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import UnsupportedError
from mlarray_dicom.attributes import spacing as spacing_between
from mlarray_dicom.elements import has, loose_numbers, number_of, numbers_of
from mlarray_dicom.volumes import slides
from mlarray_dicom.volumes.axes import RepeatAxis
from mlarray_dicom.volumes.segmentation import check_options, described, is_segmentation, kind_of, segments_of
from mlarray_dicom.volumes.stack import Points, stack

if TYPE_CHECKING:
    from mlarray_dicom.instance import Instance
    from mlarray_dicom.options import DicomOptions
    from mlarray_dicom.volumes.group import Group

    Order = np.ndarray[Any, np.dtype[np.int64]]

_SPACINGS = ("PixelSpacing", "NominalScannedPixelSpacing", "ImagerPixelSpacing")
_TIMED = ("FrameTime", "FrameTimeVector", "CineRate", "RecommendedDisplayFrameRate")
_SPACE = ["spatial_z", "spatial_y", "spatial_x"]


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
        Of the spatial axes, in mm, when there is no affine.
    axes
        What lies along axes, by index.
    segments
        Segment numbers, of a segmentation.
    tiling
        Where the tiles lie, of a tiled image.
    notes
        What the user should know.
    """

    order: Order
    plane: tuple[int, int]
    labels: list[str]
    affine: Points | None = None
    spacing: tuple[float, ...] | None = None
    axes: dict[int, RepeatAxis] = field(default_factory=dict)
    segments: list[int] = field(default_factory=list)
    tiling: slides.Tiling | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape without colours."""
        return (*self.order.shape, *self.plane)


def arrange(group: Group, options: DicomOptions) -> Arrangement:
    """Arrange the frames of an image.

    Parameters
    ----------
    group
        The image.
    options
        What the user wants.

    Raises
    ------
    UnsupportedError
        No array can hold them as they lie.
    CorruptError
        They contradict each other.
    OptionError
        An option doesn't apply to the image.
    """
    if group.problem is not None:
        raise group.problem
    first = group.first
    if is_segmentation(first):
        check_options(first, options)
    if slides.is_tiled(first) and not group.frames[0].placed:
        return _slide(group, options)
    if not group.frames[0].placed:
        return _unplaced(group)
    if is_segmentation(first):
        return _segments(group, options)
    return _stacked(group, options)


def _stacked(group: Group, options: DicomOptions) -> Arrangement:
    found = stack(group.frames, options, group.first.path)
    labels, axes = list(_SPACE), {}
    if found.axis is not None:
        labels.insert(0, found.axis.label)
        axes[0] = found.axis
    if found.positions is not None:
        axes[found.order.ndim - 1] = RepeatAxis("slice position", "mm", found.positions)
    made = Arrangement(found.order, _plane(group), labels, found.affine, axes=axes, notes=found.notes)
    return _in_volume(made, group) if group.frames[0].in_volume else made


def _in_volume(made: Arrangement, group: Group) -> Arrangement:
    """Leave of a place in an ultrasound volume what holds without the patient: distances (C.8.24.6)."""
    if made.affine is None:
        return made
    steps = made.affine[:3, :3]
    made.spacing = tuple(float(step) for step in np.linalg.norm(steps, axis=0))
    product = steps.T @ steps / np.outer(made.spacing, made.spacing)
    if np.abs(product - np.eye(3)).max() > 1e-3:  # rounded cosines
        raise UnsupportedError(
            "has slices of an ultrasound volume that are sheared against each other", path=group.first.path
        )
    made.affine = None
    made.notes.append("its place is known in the ultrasound volume only, not in the patient: spacing is kept")
    return made


def _plane(group: Group) -> tuple[int, int]:
    """Return the size of a slice; that of a tile, for a mosaic."""
    tile = group.frames[0].tile
    return (group.layout.rows, group.layout.columns) if tile is None else tile[2:]


def _segments(group: Group, options: DicomOptions) -> Arrangement:
    found = segments_of(group, options)
    labels, axes = list(_SPACE), {}
    if found.stack.order.ndim > 1:
        labels.insert(0, "segment")
        axes[0] = _segment_axis(found.numbers)
    if found.stack.positions is not None:
        axes[len(labels) - 3] = RepeatAxis("slice position", "mm", found.stack.positions)
    return Arrangement(
        found.stack.order,
        _plane(group),
        labels,
        found.stack.affine,
        axes=axes,
        segments=found.numbers,
        notes=found.stack.notes,
    )


def _segment_axis(numbers: list[int]) -> RepeatAxis:
    return RepeatAxis("segment", "", [*numbers])


def _slide(group: Group, options: DicomOptions) -> Arrangement:
    """Arrange tiles; the slide's world is none that a patient has, so only the spacing is kept."""
    first = group.first
    single = is_segmentation(first) and kind_of(first) != "LABELMAP"
    tiling = slides.tiling_of(first, described(first) if single else [])
    axes = list(tiling.axes)
    if single and not tiling.segments and options.segments == "axis":
        tiling.segments = described(first)[:1] or [1]
        axes.insert(0, _segment_axis(tiling.segments))
        tiling.axes = axes
    shape = tuple(len(axis.values) for axis in axes)
    return Arrangement(
        np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(shape),
        slides.size_of(first),
        [*(_SLIDE_LABELS.get(axis.name, "non_spatial") for axis in axes), "spatial_y", "spatial_x"],
        spacing=slides.spacing_of(first),
        axes=dict(enumerate(axes)),
        segments=tiling.segments,
        tiling=tiling,
    )


_SLIDE_LABELS = {"segment": "segment", "optical path": "channel"}
"""Focal planes are no spatial axis: nothing says how far apart they are sharp."""


def _unplaced(group: Group) -> Arrangement:
    """Arrange frames without a place: one plane, or several along an axis that is no space."""
    first = group.first
    spacing, note = _spacing(first)
    labels, axes = ["spatial_y", "spatial_x"], {}
    order: Order = np.arange(len(group.frames))
    if len(order) == 1:
        order = order.reshape(())
    else:
        timed = any(has(first.dataset, keyword) for keyword in _TIMED)
        labels.insert(0, "temporal" if timed else "non_spatial")
        values = _times(first, len(order))
        axes = {0: RepeatAxis("time", "ms", values)} if values else {}
    return Arrangement(order, _plane(group), labels, spacing=spacing, axes=axes, notes=[note])


def _spacing(instance: Instance) -> tuple[tuple[float, float] | None, str]:
    """Return the spacing of an image without a place, and what to say about it."""
    for keyword in _SPACINGS:
        found = spacing_between(instance.dataset, instance.path, keyword)
        if found is not None:
            at = {"ImagerPixelSpacing": " (that of the detector, not of the patient)"}.get(keyword, "")
            return found, f"it says nothing about its place; its spacing is {keyword}{at}"
    zero = next((keyword for keyword in _SPACINGS if loose_numbers(instance.dataset, keyword)), None)
    return None, "it says nothing about its place and spacing" + (f": {zero} is 0" if zero else "")


def _times(instance: Instance, count: int) -> list[float] | None:
    """Return when each frame was taken, in ms after the first (PS3.3, C.7.6.5)."""
    steps = numbers_of(instance.dataset, "FrameTimeVector", instance.path)
    if steps is not None and len(steps) == count:
        return [float(value) for value in np.cumsum(steps)]
    step = number_of(instance.dataset, "FrameTime", instance.path)
    return None if step is None else [step * index for index in range(count)]
