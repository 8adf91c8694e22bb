"""Frames of enhanced objects: shared and per-frame functional groups (PS3.3, C.7.6.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError
from mlarray_dicom.attributes import number, numbers, orientation, spacing, thickness, vector
from mlarray_dicom.frames.dispatch import Frame
from mlarray_dicom.instance import value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_dicom.instance import Instance

_TYPES = (
    "MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "PETFrameTypeSequence",
    "XAXRFFrameCharacteristicsSequence", "ParametricMapFrameTypeSequence",
    "WholeSlideMicroscopyImageFrameTypeSequence", "USImageDescriptionSequence",
    "XRay3DFrameTypeSequence",
)  # fmt: skip


def is_enhanced(instance: Instance) -> bool:
    """Say whether a file describes its frames by functional groups."""
    return instance.get("SharedFunctionalGroupsSequence") is not None or _per_frame(instance) is not None


def _per_frame(instance: Instance) -> Any:
    return instance.get("PerFrameFunctionalGroupsSequence")


class Groups:
    """The functional groups of one frame: its own, else the shared ones.

    Parameters
    ----------
    own, shared
        Items of the two sequences; None for none.
    """

    def __init__(self, own: Any, shared: Any) -> None:
        self._sources = [source for source in (own, shared) if source is not None]

    def macro(self, sequence: str) -> Any:
        """Return the one item of a functional group macro, None when the frame has none."""
        for source in self._sources:
            items = value_of(source, sequence)
            if items is not None:
                return items[0]
        return None

    def get(self, sequence: str, keyword: str) -> Any:
        """Return an attribute of a macro."""
        item = self.macro(sequence)
        return None if item is None else value_of(item, keyword)


def groups_of(instance: Instance) -> Iterator[Groups]:
    """Yield the functional groups of each frame.

    Raises
    ------
    CorruptError
        There aren't as many as frames.
    """
    shared = instance.get("SharedFunctionalGroupsSequence")
    common = shared[0] if shared else None
    own = _per_frame(instance)
    count = instance.count
    if own is not None and len(own) != count:
        raise CorruptError(
            f"describes {len(own)} frames, {count} are there",
            path=instance.path,
            field="PerFrameFunctionalGroupsSequence",
        )
    for index in range(count):
        yield Groups(own[index] if own is not None else None, common)


def frames_of(instance: Instance, file: int) -> list[Frame]:
    """Return the frames of an enhanced object."""
    first = number(instance.get("InstanceNumber")) or 0.0
    series = number(instance.get("AcquisitionNumber"))
    frames = []
    for index, groups in enumerate(groups_of(instance)):
        place, tilt = groups.macro("PlanePositionSequence"), groups.macro("PlaneOrientationSequence")
        measures = groups.macro("PixelMeasuresSequence")
        keys = _keys(instance, groups)
        if series is not None:
            keys.setdefault("acquisition", series)
        frames.append(
            Frame(
                file,
                index,
                position=vector(instance, "ImagePositionPatient", place) if place is not None else None,
                orientation=orientation(instance, tilt) if tilt is not None else None,
                spacing=spacing(measures) if measures is not None else None,
                thickness=thickness(measures) if measures is not None else None,
                slope=number(groups.get("PixelValueTransformationSequence", "RescaleSlope")),
                intercept=number(groups.get("PixelValueTransformationSequence", "RescaleIntercept")),
                keys=keys,
                order=(first, float(index)),
                segment=_segment(groups),
            )
        )
    return frames


def _segment(groups: Groups) -> int | None:
    found = number(groups.get("SegmentIdentificationSequence", "ReferencedSegmentNumber"))
    return None if found is None else int(found)


def _keys(instance: Instance, groups: Groups) -> dict[str, Any]:
    """Return what may tell the frame from others at the same position."""
    content = "FrameContentSequence"
    found: dict[str, Any] = {
        "type": _type(instance, groups),
        "echo": number(groups.get("MREchoSequence", "EffectiveEchoTime")),
        "inversion": numbers(groups.get("MRModifierSequence", "InversionTimes")),
        "flip": number(groups.get("MRTimingAndRelatedParametersSequence", "FlipAngle")),
        "kernel": _text(groups.get("CTReconstructionSequence", "ConvolutionKernel")),
        "energy": number(groups.get("CTXRayDetailsSequence", "EnergyWeightingFactor")),
        "stack": _text(groups.get(content, "StackID")),
        "temporal": number(groups.get(content, "TemporalPositionIndex")),
        "offset": number(groups.get("TemporalPositionSequence", "TemporalPositionTimeOffset")),
        "diffusion": _diffusion(groups),
        "trigger": number(groups.get("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime")),
        "phase": number(
            groups.get("RespiratorySynchronizationSequence", "NominalPercentageOfRespiratoryPhase")
        ),
        "acquisition": number(groups.get(content, "FrameAcquisitionNumber")),
        "time": _text(
            groups.get(content, "FrameAcquisitionDateTime") or groups.get(content, "FrameReferenceDateTime")
        ),
        "quantity": _text(groups.get("RealWorldValueMappingSequence", "LUTLabel")),
    }
    return {name: value for name, value in found.items() if value is not None}


def _type(instance: Instance, groups: Groups) -> tuple[str, ...] | None:
    """Return the frame's type with its complex component, such as MAGNITUDE or PHASE."""
    kind: list[str] = []
    for sequence in _TYPES:
        item = groups.macro(sequence)
        if item is not None:
            kind += [str(part) for part in _list(value_of(item, "FrameType"))]
            kind += [str(value_of(item, "ComplexImageComponent", ""))]
    return tuple(kind) if any(kind) else tuple(str(part) for part in _list(instance.get("ImageType"))) or None


def _diffusion(groups: Groups) -> tuple[float, tuple[float, ...] | None] | None:
    item = groups.macro("MRDiffusionSequence")
    if item is None:
        return None
    b = number(value_of(item, "DiffusionBValue"))
    direction = numbers(value_of(item, "DiffusionGradientOrientation"))
    gradients = value_of(item, "DiffusionGradientDirectionSequence")
    if gradients is not None:
        direction = numbers(value_of(gradients[0], "DiffusionGradientOrientation"))
    isotropic = str(value_of(item, "DiffusionDirectionality", ""))
    if b is None and isotropic == "NONE":
        b = 0.0
    return None if b is None else (b, direction)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)
