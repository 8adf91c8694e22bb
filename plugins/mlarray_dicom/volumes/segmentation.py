"""DICOM Segmentation objects: frames of segments become a label map, or get an axis (PS3.3, A.51, A.88)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import UnsupportedError
from mlarray_dicom.attributes import number
from mlarray_dicom.instance import value_of
from mlarray_dicom.volumes.stack import ABSENT, Stack, depth, stack

if TYPE_CHECKING:
    from mlarray_dicom import DicomOptions
    from mlarray_dicom.frames.dispatch import Frame
    from mlarray_dicom.instance import Instance
    from mlarray_dicom.pixels.planes import Planes
    from mlarray_dicom.volumes.series import Group

Array = np.ndarray[Any, Any]


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
    return instance.get("SegmentationType") is not None


def kind_of(instance: Instance) -> str:
    """Return BINARY, FRACTIONAL or LABELMAP."""
    return instance.text("SegmentationType").upper()


def descriptions(instance: Instance) -> list[dict[str, Any]]:
    """Return number, label, category, type and algorithm of each segment."""
    found = []
    for item in instance.get("SegmentSequence", ()) or ():
        facts: dict[str, Any] = {
            "number": value_of(item, "SegmentNumber"),
            "label": value_of(item, "SegmentLabel"),
            "description": value_of(item, "SegmentDescription"),
            "algorithm": value_of(item, "SegmentAlgorithmName"),
            "category": _meaning(item, "SegmentedPropertyCategoryCodeSequence"),
            "type": _meaning(item, "SegmentedPropertyTypeCodeSequence"),
        }
        found.append({name: _plain(value) for name, value in facts.items() if value is not None})
    return found


def _meaning(item: Any, sequence: str) -> str | None:
    codes = value_of(item, sequence)
    return None if codes is None else str(value_of(codes[0], "CodeMeaning", ""))


def _plain(value: Any) -> Any:
    return value if isinstance(value, int) else str(value)


def segments_of(group: Group, options: DicomOptions) -> Segments:
    """Arrange the frames of a segmentation by segment and slice.

    Frames of segments may be left out where they are empty: these slices are zeros, not missing.
    """
    numbers = sorted({frame.segment for frame in group.frames if frame.segment is not None})
    first: dict[tuple[int, ...], Frame] = {}
    for frame in group.frames:
        first.setdefault(_key(frame), frame)
    planes = sorted(first.values(), key=lambda frame: depth([frame])[0])
    found = stack([_alone(frame) for frame in planes], _filling(options))
    rows: dict[Any, int] = {}
    slots = {int(index): slot for slot, index in enumerate(found.order) if index != ABSENT}
    for index, frame in enumerate(planes):
        rows[_key(frame)] = slots[index]
    order = np.full((max(len(numbers), 1), len(found.order)), ABSENT, np.int64)
    for index, frame in enumerate(group.frames):
        place = (
            numbers.index(frame.segment) if frame.segment is not None and numbers else 0,
            rows[_key(frame)],
        )
        if order[place] != ABSENT:
            raise UnsupportedError("has two frames of one segment at one position", path=group.first.path)
        order[place] = index
    found.order = order if len(numbers) > 1 else order[0]
    found.notes = [note for note in found.notes if "filled" not in note]
    return Segments(found, numbers or [1])


def _key(frame: Frame) -> tuple[int, ...]:
    if frame.position is None:
        raise UnsupportedError("a segmentation whose frames have no position")
    return tuple(round(value * 1000) for value in frame.position)


def _alone(frame: Frame) -> Frame:
    """Return the frame as if nothing else were at its position."""
    from dataclasses import replace

    return replace(frame, keys={})


def _filling(options: DicomOptions) -> DicomOptions:
    from dataclasses import replace

    return replace(options, missing="fill")


def overlap(instance: Instance, planes: Planes, order: Array) -> bool:
    """Say whether segments overlap: as the file says, else by looking at all frames."""
    said = instance.text("SegmentsOverlap").upper()
    if said in ("YES", "NO"):
        return said == "YES"
    for slot in range(order.shape[1]):
        wanted = [int(index) for index in order[:, slot] if index != ABSENT]
        if len(wanted) > 1 and np.sum([stored != 0 for _, stored in planes.each(wanted)], axis=0).max() > 1:
            return True
    return False


def fraction(instance: Instance) -> float:
    """Return what one step of a fractional segmentation is worth."""
    return 1.0 / (number(instance.get("MaximumFractionalValue")) or 255.0)
