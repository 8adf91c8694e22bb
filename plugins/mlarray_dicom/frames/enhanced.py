"""Frames of enhanced objects: shared and per-frame functional groups (PS3.3, C.7.6.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError
from mlarray_dicom.attributes import orientation, spacing, thickness, vector
from mlarray_dicom.elements import (
    items_of,
    loose_number,
    loose_numbers,
    number_of,
    sequence,
    text_of,
    texts_of,
)
from mlarray_dicom.frames.diffusion import unit, weighting
from mlarray_dicom.frames.dimensions import Dimensions
from mlarray_dicom.frames.frame import Frame, FrameKeys
from mlarray_dicom.frames.moments import date_time
from mlarray_dicom.frames.private import private_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

    from mlarray_dicom.attributes import Vector
    from mlarray_dicom.elements import Numbers
    from mlarray_dicom.frames.frame import Diffusion
    from mlarray_dicom.instance import Instance

_TYPES = (
    "MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "PETFrameTypeSequence",
    "XAXRFFrameCharacteristicsSequence", "ParametricMapFrameTypeSequence",
    "WholeSlideMicroscopyImageFrameTypeSequence", "USImageDescriptionSequence",
    "XRay3DFrameTypeSequence",
)  # fmt: skip


def is_enhanced(instance: Instance) -> bool:
    """Say whether a file describes its frames by functional groups."""
    return bool(instance.items("SharedFunctionalGroupsSequence") or instance.items(_PER_FRAME))


_PER_FRAME = "PerFrameFunctionalGroupsSequence"


class Groups:
    """The functional groups of one frame: its own, else the shared ones.

    Parameters
    ----------
    own, shared
        Items of the two sequences; None for none.
    """

    def __init__(self, own: Dataset | None, shared: Dataset | None) -> None:
        self._sources = [source for source in (own, shared) if source is not None]

    def macro(self, sequence: str) -> Dataset | None:
        """Return the one item of a functional group macro, None when the frame has none."""
        for source in self._sources:
            items = items_of(source, sequence)
            if items:
                return items[0]
        return None

    def items(self, sequence: str) -> list[Dataset]:
        """Return all items of a macro that may have several."""
        return next((list(found) for source in self._sources if (found := items_of(source, sequence))), [])

    def private_items(self, group: int, element: int) -> list[Dataset]:
        """Return the items of a private sequence, the frame's own before the shared ones."""
        return [item for source in self._sources for item in sequence(private_value(source, group, element))]

    def number(self, sequence: str, keyword: str) -> float | None:
        """Return a number of a macro that no voxel depends on, None when it is absent or unreadable."""
        item = self.macro(sequence)
        return None if item is None else loose_number(item, keyword)

    def numbers(self, sequence: str, keyword: str) -> Numbers | None:
        """Return several such numbers."""
        item = self.macro(sequence)
        return None if item is None else loose_numbers(item, keyword)

    def exact(self, sequence: str, keyword: str, path: Path) -> float | None:
        """Return a number of a macro that the voxels depend on.

        Parameters
        ----------
        sequence, keyword
            The macro and the attribute.
        path
            Of the file, for the error.

        Raises
        ------
        CorruptError
            It can't be read.
        """
        item = self.macro(sequence)
        return None if item is None else number_of(item, keyword, path)

    def text(self, sequence: str, keyword: str) -> str | None:
        """Return a text of a macro, None when it is absent or empty."""
        item = self.macro(sequence)
        return None if item is None else text_of(item, keyword) or None


def groups_of(instance: Instance) -> Iterator[Groups]:
    """Yield the functional groups of each frame.

    Raises
    ------
    CorruptError
        There aren't as many as frames.
    """
    shared = instance.items("SharedFunctionalGroupsSequence")
    common = shared[0] if shared else None
    own, count = instance.items(_PER_FRAME), instance.count
    if own and len(own) != count:
        raise CorruptError(
            f"describes {len(own)} frames, {count} are there", path=instance.path, field=_PER_FRAME
        )
    for index in range(count):
        yield Groups(own[index] if own else None, common)


def frames_of(instance: Instance, file: int) -> list[Frame]:
    """Return the frames of an enhanced object.

    Raises
    ------
    CorruptError
        The place or the scale of a frame can't be read.
    """
    path, dataset = instance.path, instance.dataset
    first = loose_number(dataset, "InstanceNumber") or 0.0
    # the parts of a concatenation share their instance number (C.7.6.16.2.2.4)
    before = loose_number(dataset, "ConcatenationFrameOffsetNumber") or 0.0
    acquisition, dimensions = loose_number(dataset, "AcquisitionNumber"), Dimensions(instance)
    frames = []
    for index, groups in enumerate(groups_of(instance)):
        position, cosines, in_volume = _place(groups, path)
        measures = groups.macro("PixelMeasuresSequence")
        keys = _keys(instance, groups, dimensions)
        if keys.acquisition is None:
            keys.acquisition = acquisition
        slope, intercept = (
            groups.exact("PixelValueTransformationSequence", keyword, path)
            for keyword in ("RescaleSlope", "RescaleIntercept")
        )
        frames.append(
            Frame(
                file,
                index,
                position=position,
                orientation=cosines,
                spacing=None if measures is None else spacing(measures, path),
                thickness=None if measures is None else thickness(measures),
                slope=slope,
                intercept=intercept,
                keys=keys,
                order=(0.0, first, before + index),
                segment=_segment(groups),
                in_volume=in_volume,
            )
        )
    return frames


def _place(groups: Groups, path: Path) -> tuple[Vector | None, Numbers | None, bool]:
    """Return position and orientation of a frame, and whether they are those of an ultrasound volume.

    Enhanced ultrasound has them in the frame of its volume (PS3.3, C.8.24.6), which isn't the patient's.
    """
    place, tilt = groups.macro("PlanePositionSequence"), groups.macro("PlaneOrientationSequence")
    if place is not None or tilt is not None:
        position = None if place is None else vector(place, path)
        return position, None if tilt is None else orientation(tilt, path), False
    place, tilt = groups.macro("PlanePositionVolumeSequence"), groups.macro("PlaneOrientationVolumeSequence")
    if place is None or tilt is None:
        return None, None, False
    cosines = orientation(tilt, path, "ImageOrientationVolume")
    return vector(place, path, "ImagePositionVolume"), cosines, True


def _segment(groups: Groups) -> int | None:
    found = groups.number("SegmentIdentificationSequence", "ReferencedSegmentNumber")
    return None if found is None else int(found)


def _keys(instance: Instance, groups: Groups, dimensions: Dimensions) -> FrameKeys:
    """Return what may tell the frame from others at the same position."""
    content = "FrameContentSequence"
    echo = groups.number("MREchoSequence", "EffectiveEchoTime")
    kernel = groups.text("CTReconstructionSequence", "ConvolutionKernel")
    when = groups.text(content, "FrameAcquisitionDateTime") or groups.text(content, "FrameReferenceDateTime")
    return FrameKeys(
        stack=groups.text(content, "StackID"),
        type=_type(instance, groups),
        echo=None if echo is None else (echo,),
        inversion=groups.numbers("MRModifierSequence", "InversionTimes"),
        flip=groups.number("MRTimingAndRelatedParametersSequence", "FlipAngle"),
        kernel=None if kernel is None else (kernel,),
        energy=groups.number("CTXRayDetailsSequence", "EnergyWeightingFactor"),
        quantity=groups.text("RealWorldValueMappingSequence", "LUTLabel"),
        temporal=groups.number(content, "TemporalPositionIndex"),
        offset=groups.number("TemporalPositionSequence", "TemporalPositionTimeOffset"),
        diffusion=_diffusion(groups),
        cardiac=groups.number("CardiacSynchronizationSequence", "NominalPercentageOfCardiacPhase"),
        trigger=groups.number("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
        respiratory=groups.number(
            "RespiratorySynchronizationSequence", "NominalPercentageOfRespiratoryPhase"
        ),
        acquisition=groups.number(content, "FrameAcquisitionNumber"),
        moment=None if when is None else date_time(when),
        dimensions=dimensions.of(groups.macro(content)),
    )


def _type(instance: Instance, groups: Groups) -> tuple[str, ...] | None:
    """Return the frame's type with its complex component, such as MAGNITUDE or PHASE."""
    kind: list[str] = []
    for name in _TYPES:
        item = groups.macro(name)
        if item is not None:
            kind += [*texts_of(item, "FrameType"), text_of(item, "ComplexImageComponent")]
    return tuple(kind) if any(kind) else instance.texts("ImageType") or None


def _diffusion(groups: Groups) -> Diffusion | None:
    """Return the weighting of a frame (C.8.13.5.9); a direction is in an item of its own since 2008."""
    item = groups.macro("MRDiffusionSequence")
    if item is None:
        return None
    b = loose_number(item, "DiffusionBValue")
    direction = loose_numbers(item, "DiffusionGradientOrientation")
    gradients = items_of(item, "DiffusionGradientDirectionSequence")
    if gradients:
        direction = loose_numbers(gradients[0], "DiffusionGradientOrientation")
    if b is None and text_of(item, "DiffusionDirectionality") == "NONE":
        b = 0.0
    return None if b is None else weighting(b, unit(direction))
