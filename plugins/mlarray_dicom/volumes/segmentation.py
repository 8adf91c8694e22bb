"""Segmentations: frames of segments become a label map, or get an axis (PS3.3, A.51, A.88, C.8.20).

Slices without a segment are left out of the file by every writer. They are empty, not missing, so that the
distance of slices is the one that the file says (Spacing Between Slices of the Pixel Measures), where all
gaps are whole multiples of it; BINARY, FRACTIONAL and LABELMAP alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core.errors import OptionError, UnsupportedError
from mlarray_dicom.attributes import place_key
from mlarray_dicom.elements import has, items_of, loose_number, number_of, text_of
from mlarray_dicom.frames.enhanced import groups_of
from mlarray_dicom.frames.frame import FrameKeys
from mlarray_dicom.volumes.stack import ABSENT, Stack, depth, stack

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from mlarray_dicom.frames.frame import Frame
    from mlarray_dicom.instance import Instance
    from mlarray_dicom.options import DicomOptions
    from mlarray_dicom.volumes.group import Group

MICROMETRE = 1e-3
"""Positions, in mm, count as the same when they agree to this, or to less where slices are closer."""


@dataclass
class Segments:
    """How a segmentation becomes an array.

    Parameters
    ----------
    stack
        Place of the slices; its order has an axis of segments before that of slices, unless that is one.
    numbers
        Segment numbers, in the order of that axis.
    """

    stack: Stack
    numbers: list[int]


def is_segmentation(instance: Instance) -> bool:
    """Say whether a file is a segmentation."""
    return has(instance.dataset, "SegmentationType")


def kind_of(instance: Instance) -> str:
    """Return BINARY, FRACTIONAL or LABELMAP."""
    return instance.text("SegmentationType").upper()


def check_options(instance: Instance, options: DicomOptions) -> None:
    """Refuse options that don't apply to a segmentation of this kind.

    Raises
    ------
    OptionError
        One doesn't.
    """
    kind = kind_of(instance)
    if kind == "LABELMAP" and options.segments == "axis":
        raise OptionError(
            "segments=axis: a LABELMAP segmentation has one label for each voxel, which no axis can hold",
            path=instance.path,
        )
    if kind == "FRACTIONAL" and options.segments == "labels":
        raise OptionError(
            "segments=labels: a FRACTIONAL segmentation has parts of segments, which no label map holds",
            path=instance.path,
        )


def described(instance: Instance) -> list[int]:
    """Return the numbers of the segments that a file describes, ascending."""
    found = (loose_number(item, "SegmentNumber") for item in instance.items("SegmentSequence"))
    return sorted({int(number) for number in found if number is not None})


def descriptions(instance: Instance) -> list[dict[str, object]]:
    """Return number, label, category, type and algorithm of each segment."""
    found = []
    for item in instance.items("SegmentSequence"):
        number = loose_number(item, "SegmentNumber")
        facts: dict[str, object] = {
            "number": None if number is None else int(number),
            "label": text_of(item, "SegmentLabel"),
            "description": text_of(item, "SegmentDescription"),
            "algorithm": text_of(item, "SegmentAlgorithmName"),
            "category": _meaning(item, "SegmentedPropertyCategoryCodeSequence"),
            "type": _meaning(item, "SegmentedPropertyTypeCodeSequence"),
        }
        found.append({name: value for name, value in facts.items() if value not in (None, "")})
    return found


def _meaning(item: Dataset, sequence: str) -> str:
    codes = items_of(item, sequence)
    return text_of(codes[0], "CodeMeaning") if codes else ""


def segments_of(group: Group, options: DicomOptions) -> Segments:
    """Arrange the frames of a segmentation by segment and slice.

    Parameters
    ----------
    group
        Its frames.
    options
        What the user wants.

    Raises
    ------
    UnsupportedError
        Frames have no position, or two of one segment share one.
    CorruptError
        The distance of the slices can't be read.
    """
    numbers = sorted({frame.segment for frame in group.frames if frame.segment is not None})
    step = _step(group)
    first: dict[tuple[float, ...], Frame] = {}
    for frame in group.frames:
        first.setdefault(_key(frame, step), frame)
    planes = sorted(first.values(), key=lambda frame: depth([frame])[0])
    filling = options if options.missing == "fill" else replace(options, missing="fill")
    found = stack([replace(frame, keys=FrameKeys()) for frame in planes], filling, group.first.path, step)
    slots = {int(index): slot for slot, index in enumerate(found.order) if index != ABSENT}
    rows = {_key(frame, step): slots[index] for index, frame in enumerate(planes)}
    order = np.full((max(len(numbers), 1), len(found.order)), ABSENT, np.int64)
    for index, frame in enumerate(group.frames):
        place = (0 if frame.segment is None else numbers.index(frame.segment), rows[_key(frame, step)])
        if order[place] != ABSENT:
            raise UnsupportedError("has two frames of one segment at one position", path=group.first.path)
        order[place] = index
    several = len(numbers) > 1 or (options.segments == "axis" and bool(numbers))
    found.order = order if several else order[0]
    found.notes = [note for note in found.notes if "filled" not in note]
    if len(planes) > 1 and step is None:
        found.notes.append(
            "it says no Spacing Between Slices: its slices are as far apart as those that it has"
        )
    return Segments(found, numbers or [1])


def _step(group: Group) -> float | None:
    """Return Spacing Between Slices of the Pixel Measures, in mm, None when it isn't said."""
    measures = next(groups_of(group.first)).macro("PixelMeasuresSequence")
    if measures is None:
        return None
    found = number_of(measures, "SpacingBetweenSlices", group.first.path)
    return abs(found) if found else None


def _key(frame: Frame, step: float | None) -> tuple[float, ...]:
    if frame.position is None:
        raise UnsupportedError("a segmentation whose frames have no position")
    return place_key(frame.position, MICROMETRE, step)


def fraction(instance: Instance) -> float:
    """Return what one step of a fractional segmentation is worth.

    Raises
    ------
    CorruptError
        Maximum Fractional Value can't be read.
    """
    return 1.0 / (number_of(instance.dataset, "MaximumFractionalValue", instance.path) or 255.0)
