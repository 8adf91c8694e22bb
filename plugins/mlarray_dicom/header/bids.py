"""Fields of a BIDS sidecar, derived from the header (BIDS 1.9, MRI and PET metadata)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_dicom.attributes import number, numbers
from mlarray_dicom.frames import mosaic
from mlarray_dicom.instance import Instance, value_of
from mlarray_dicom.volumes.stack import ABSENT

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from mlarray_dicom.volumes.arrangement import Arrangement
    from mlarray_dicom.volumes.series import Group

_SECONDS = {"EchoTime": "EchoTime", "RepetitionTime": "RepetitionTime", "InversionTime": "InversionTime"}
_NUMBERS = ("FlipAngle", "MagneticFieldStrength", "ImagingFrequency", "EchoTrainLength", "SliceThickness",
            "SpacingBetweenSlices", "PixelBandwidth", "KVP", "Exposure", "XRayTubeCurrent")  # fmt: skip
_TEXTS = {
    "Modality": "Modality", "Manufacturer": "Manufacturer", "ManufacturerModelName":
    "ManufacturerModelName", "SoftwareVersions": "SoftwareVersions", "SeriesDescription":
    "SeriesDescription", "ProtocolName": "ProtocolName", "ScanningSequence": "ScanningSequence",
    "SequenceVariant": "SequenceVariant", "SequenceName": "SequenceName", "MRAcquisitionType":
    "MRAcquisitionType", "BodyPartExamined": "BodyPart", "PatientPosition": "PatientPosition",
    "ConvolutionKernel": "ConvolutionKernel", "Units": "Units", "DoseUnits": "DoseUnits", "DoseType":
    "DoseType", "ReceiveCoilName": "ReceiveCoilName", "ImageType": "ImageType",
}  # fmt: skip
_ENHANCED = {
    "EchoTime": ("MREchoSequence", "EffectiveEchoTime"),
    "RepetitionTime": ("MRTimingAndRelatedParametersSequence", "RepetitionTime"),
    "FlipAngle": ("MRTimingAndRelatedParametersSequence", "FlipAngle"),
    "InPlanePhaseEncodingDirection": ("MRFOVGeometrySequence", "InPlanePhaseEncodingDirection"),
}


def fields_of(dataset: Dataset, group: Group, arrangement: Arrangement) -> dict[str, Any]:
    """Return the fields that the header answers; times in seconds.

    Parameters
    ----------
    dataset
        Whole header of the first file.
    group, arrangement
        The image.
    """
    found: dict[str, Any] = {}
    for name, keyword in _SECONDS.items():
        value = number(_value(dataset, keyword, group, arrangement))
        if value:
            found[name] = round(value / 1000, 9)
    for keyword in _NUMBERS:
        value = number(_value(dataset, keyword, group, arrangement))
        if value is not None:
            found[keyword] = value
    for keyword, name in _TEXTS.items():
        text = value_of(dataset, keyword)
        if text is not None:
            found[name] = str(text) if isinstance(text, str | int | float) else [str(part) for part in text]
    found.update(_phase_encoding(dataset, group, arrangement))
    found.update(_slice_timing(dataset, group))
    found.update(_gradients(group, arrangement))
    return found


def _value(dataset: Dataset, keyword: str, group: Group, arrangement: Arrangement) -> Any:
    """Return an attribute, of enhanced objects that of the first frame."""
    value = value_of(dataset, keyword)
    if value is not None or keyword not in _ENHANCED:
        return value
    from mlarray_dicom.frames import enhanced

    first = next((int(index) for index in arrangement.order.ravel() if index != ABSENT), 0)
    frame = group.frames[first]
    instance = group.instances[frame.file]
    if not enhanced.is_enhanced(instance):
        return None
    groups = list(enhanced.groups_of(instance))[frame.number]
    return groups.get(*_ENHANCED[keyword])


def _phase_encoding(dataset: Dataset, group: Group, arrangement: Arrangement) -> dict[str, Any]:
    """Return the axis of phase encoding: i along a row, j along a column, of the image as it is stored here.

    The sign is known from Siemens' PhaseEncodingDirectionPositive: 1 is towards higher indices of DICOM rows.
    """
    direction = str(_value(dataset, "InPlanePhaseEncodingDirection", group, arrangement) or "").upper()
    axis = {"ROW": "i", "COL": "j", "COLUMN": "j"}.get(direction)
    if axis is None:
        return {}
    header = mosaic.csa_header(Instance(group.first.path, dataset, "", None))
    positive = (header.get("PhaseEncodingDirectionPositive") or [""])[0]
    if positive not in ("0", "1"):
        return {"PhaseEncodingAxis": axis}
    return {"PhaseEncodingDirection": axis if positive == "1" else f"{axis}-"}


def _slice_timing(dataset: Dataset, group: Group) -> dict[str, Any]:
    """Return when each slice of a mosaic was acquired, in s, in the order of the slices of the array."""
    if group.frames[0].tile is None:
        return {}
    header = mosaic.csa_header(Instance(group.first.path, dataset, "", None))
    times = numbers(header.get("MosaicRefAcqTimes") or None)
    first = [frame for frame in group.frames if (frame.file, frame.number) == (group.frames[0].file, 0)]
    if times is None or len(times) != len(first):
        return {}
    from mlarray_dicom.volumes.stack import depth

    ordered = [times[int(index)] for index in np.argsort(depth(first), kind="stable")]
    return {"SliceTiming": [round(time / 1000, 6) for time in ordered]}


def _gradients(group: Group, arrangement: Arrangement) -> dict[str, Any]:
    """Return b-values, and gradient directions along the axes of the image, fastest axis first.

    A frame without a direction (b = 0, trace) has 0 0 0 (BIDS, .bvec; the affine of the image here, LPS).
    """
    axis = arrangement.axes.get(0)
    if axis is None or axis.name != "b-value" or arrangement.affine is None or arrangement.order.ndim != 2:
        return {}
    columns = arrangement.affine[:3, :3] / np.linalg.norm(arrangement.affine[:3, :3], axis=0)
    directions = []
    for index in arrangement.order[:, 0]:
        _, direction = group.frames[int(index)].keys["diffusion"]
        inside = (
            np.zeros(3) if direction is None or len(direction) != 3 else np.linalg.solve(columns, direction)
        )
        directions.append([round(float(part), 8) for part in inside[::-1]])
    return {"bval": list(axis.values or ()), "bvec": [list(row) for row in zip(*directions, strict=True)]}
