"""Frames of multi-frame objects without functional groups: doses, nuclear medicine, cine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_dicom.attributes import Vector, normal, orientation, vector
from mlarray_dicom.elements import loose_number, loose_numbers, number_of, numbers_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlarray_dicom.frames.frame import Frame, FrameKeys
    from mlarray_dicom.instance import Instance

    Place = Callable[[int], Vector | None]

_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
UPRIGHT = 1e-4
"""How far the normal of transverse planes may be from z."""
SAME = 0.01
"""How far, in mm, the first offset of a dose may be from the z that it repeats: files round it."""


def frames_of(instance: Instance, base: Frame) -> list[Frame]:
    """Return the frames of a multi-frame object without functional groups.

    Parameters
    ----------
    instance
        The file.
    base
        The frame that the attributes of its data set describe.

    Raises
    ------
    CorruptError
        What places the frames can't be read, or contradicts itself.
    UnsupportedError
        It is a dose whose planes have no place.
    """
    count = instance.count
    place = _placement(instance, base, count)
    frames = []
    for index in range(count):
        keys = _frame_keys(instance, index, base.keys)
        order = (*base.order[:2], float(index))
        frames.append(replace(base, number=index, position=place(index), keys=keys, order=order))
    return frames


def _placement(instance: Instance, base: Frame, count: int) -> Place:
    """Return where frame i lies: along the normal of a dose grid or of nuclear slices, or all at one."""
    offsets = numbers_of(instance.dataset, "GridFrameOffsetVector", instance.path)
    if offsets is not None:
        return _grid(instance, base, offsets, count)
    if instance.get("DoseGridScaling") is not None or instance.text("SOPClassUID") == _DOSE:
        raise UnsupportedError(
            f"has {count} planes of a dose and doesn't say where they lie (PS3.3, C.8.8.3)",
            path=instance.path,
            field="GridFrameOffsetVector",
        )
    slices = numbers_of(instance.dataset, "SliceVector", instance.path)
    if slices is not None and len(set(slices)) > 1:
        return _nuclear(instance, base, slices, count)
    return lambda _: base.position


def _grid(instance: Instance, base: Frame, offsets: Sequence[float], count: int) -> Place:
    """Place dose planes (PS3.3, C.8.8.3.2): offsets begin at 0, or at the z of Image Position (Patient)."""
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
    if abs(offsets[0] - z) > SAME:
        raise UnsupportedError(
            f"begins at {shown(offsets[0])}, which is neither 0 nor the z of its position, {shown(z)}: the "
            "standard knows no third kind (PS3.3, C.8.8.3.2)",
            path=instance.path,
            field="GridFrameOffsetVector",
        )
    if abs(abs(nz) - 1) > UPRIGHT:
        raise UnsupportedError(
            "gives its planes as absolute z, but they aren't transverse",
            path=instance.path,
            field="GridFrameOffsetVector",
        )
    return lambda index: (x, y, offsets[index])


def _nuclear(instance: Instance, base: Frame, slices: Sequence[float], count: int) -> Place:
    """Place slices of nuclear medicine (PS3.3, C.8.4.15) by their spacing, which may be negative."""
    detectors = instance.items("DetectorInformationSequence")
    if detectors:
        base.position = vector(detectors[0], instance.path) or base.position
        base.orientation = orientation(detectors[0], instance.path) or base.orientation
    step = number_of(instance.dataset, "SpacingBetweenSlices", instance.path)
    step = step or number_of(instance.dataset, "SliceThickness", instance.path)
    if base.position is None or base.orientation is None or step is None or len(slices) != count:
        return lambda _: base.position
    (x, y, z), (nx, ny, nz) = base.position, normal(base.orientation)

    def place(index: int) -> Vector:
        along = (slices[index] - 1) * step
        return x + nx * along, y + ny * along, z + nz * along

    return place


def _frame_keys(instance: Instance, index: int, keys: FrameKeys) -> FrameKeys:
    """Add what the vectors of nuclear medicine and of cine objects say about frame `index`."""
    found = {name: values[index] for name, values in _vectors(instance) if index < len(values)}
    step = loose_number(instance.dataset, "FrameTime")
    return replace(
        keys,
        moment=None,
        trigger=None,
        cine=None if step is None else step * index,
        energy=found.get("energy", keys.energy),
        detector=found.get("detector", keys.detector),
        temporal=found.get("temporal", keys.temporal),
        slot=found.get("slot", keys.slot),
    )


def _vectors(instance: Instance) -> list[tuple[str, Sequence[float]]]:
    """Return for each key of `FrameKeys` the vector that has one value for each frame."""
    named = (
        ("energy", "EnergyWindowVector"),
        ("detector", "DetectorVector"),
        ("temporal", "TimeSliceVector"),
        ("slot", "TimeSlotVector"),
    )
    return [(name, loose_numbers(instance.dataset, keyword) or ()) for name, keyword in named]
