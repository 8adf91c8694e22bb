"""Frames of multi-frame objects without functional groups: doses, nuclear medicine, cine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_dicom.attributes import Vector, normal, number, numbers, orientation, vector

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlarray_dicom.frames.dispatch import Frame
    from mlarray_dicom.instance import Instance


def frames_of(instance: Instance, base: Frame) -> list[Frame]:
    """Return the frames of a multi-frame object without functional groups."""
    count = instance.count
    place = _placement(instance, base, count)
    frames = []
    for index in range(count):
        position = place(index)
        keys = dict(base.keys)
        _frame_keys(instance, index, keys)
        order = (base.order[0], float(index))
        frames.append(replace(base, number=index, position=position, keys=keys, order=order))
    return frames


def _placement(instance: Instance, base: Frame, count: int) -> Callable[[int], Vector | None]:
    """Return where frame i lies: along the normal of a dose grid or of nuclear slices, or all at one."""
    offsets = numbers(instance.get("GridFrameOffsetVector"))
    if offsets is not None:
        return _grid(instance, base, offsets, count)
    detector = instance.get("DetectorInformationSequence")
    slices = numbers(instance.get("SliceVector"))
    if detector is not None and slices is not None and base.position is None:
        return _nuclear(instance, base, detector[0], slices, count)
    return lambda _: base.position


def _grid(
    instance: Instance, base: Frame, offsets: Sequence[float], count: int
) -> Callable[[int], Vector | None]:
    """Place dose planes (PS3.3, C.8.8.3.2): relative to the first, or, if that isn't 0, at z itself."""
    if len(offsets) != count:
        raise CorruptError(
            f"lists {len(offsets)} offsets for {count} frames",
            path=instance.path,
            field="GridFrameOffsetVector",
        )
    if base.position is None or base.orientation is None:
        return lambda _: None
    x, y, z = base.position
    nx, ny, nz = normal(base.orientation)
    if offsets[0] == 0:
        return lambda index: (x + nx * offsets[index], y + ny * offsets[index], z + nz * offsets[index])
    if abs(abs(nz) - 1) > 1e-4:
        raise UnsupportedError(
            "gives its planes as absolute z, but they aren't transverse",
            path=instance.path,
            field="GridFrameOffsetVector",
        )
    return lambda index: (x, y, offsets[index])


def _nuclear(
    instance: Instance, base: Frame, detector: Any, slices: Sequence[float], count: int
) -> Callable[[int], Vector | None]:
    """Place slices of nuclear medicine (PS3.3, C.8.4.15) by their spacing, which may be negative."""
    base.position = vector(instance, "ImagePositionPatient", detector)
    base.orientation = orientation(instance, detector)
    step = number(instance.get("SpacingBetweenSlices")) or number(instance.get("SliceThickness"))
    if base.position is None or base.orientation is None or step is None or len(slices) != count:
        return lambda _: base.position
    (x, y, z), (nx, ny, nz) = base.position, normal(base.orientation)

    def place(index: int) -> Vector:
        along = (slices[index] - 1) * (step or 1.0)
        return x + nx * along, y + ny * along, z + nz * along

    return place


def _frame_keys(instance: Instance, index: int, keys: dict[str, Any]) -> None:
    """Add what the vectors of nuclear medicine and of cine objects say about frame `index`."""
    for name, keyword in (
        ("energy", "EnergyWindowVector"),
        ("detector", "DetectorVector"),
        ("temporal", "TimeSliceVector"),
        ("slot", "TimeSlotVector"),
    ):
        values = numbers(instance.get(keyword))
        if values is not None and index < len(values):
            keys[name] = values[index]
    keys.pop("time", None)
    keys.pop("trigger", None)
    step = number(instance.get("FrameTime"))
    if step is not None:
        keys["cine"] = step * index
