"""Fields of a sidecar that are attributes of the header, of functional groups in multi-frame objects.

Names, units and conditions are dcm2niix's (nii_dicom_batch.cpp, nii_SaveBIDSX), which are those of BIDS where
BIDS has any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlarray_dicom.elements import items_of, text_of, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

    from mlarray_dicom.sidecar.lookup import Lookup

Fields = dict[str, object]


@dataclass(frozen=True)
class Number:
    """A field that is a number of the header.

    Attributes
    ----------
    name
        Of the field.
    keyword
        Of the attribute.
    macro
        Functional group and attribute of multi-frame objects.
    divisor
        What the attribute is divided by: 1000 for ms.
    above
        The number is left out unless it is above this.
    """

    name: str
    keyword: str
    macro: tuple[str, str] | None = None
    divisor: float = 1.0
    above: float = float("-inf")


_TIMING, _FOV = "MRTimingAndRelatedParametersSequence", "MRFOVGeometrySequence"
_CONTENT = "FrameContentSequence"
_MODIFIER, _IMAGING, _MEASURES = "MRModifierSequence", "MRImagingModifierSequence", "PixelMeasuresSequence"

NUMBERS = (
    Number("EchoTime", "EchoTime", ("MREchoSequence", "EffectiveEchoTime"), 1000, 0),
    Number("RepetitionTime", "RepetitionTime", (_TIMING, "RepetitionTime"), 1000, 0),
    Number("InversionTime", "InversionTime", (_MODIFIER, "InversionTimes"), 1000, 0),
    Number("FlipAngle", "FlipAngle", (_TIMING, "FlipAngle"), above=0),
    Number("MagneticFieldStrength", "MagneticFieldStrength", above=0),
    Number("ImagingFrequency", "ImagingFrequency", (_IMAGING, "TransmitterFrequency"), above=0),
    Number("PixelBandwidth", "PixelBandwidth", (_IMAGING, "PixelBandwidth"), above=0),
    Number("EchoTrainLength", "EchoTrainLength", (_TIMING, "EchoTrainLength"), above=1),
    Number("PercentPhaseFOV", "PercentPhaseFieldOfView", (_FOV, "PercentPhaseFieldOfView"), above=0),
    Number("PercentSampling", "PercentSampling", (_FOV, "PercentSampling"), above=0),
    Number(
        "PhaseEncodingSteps",
        "NumberOfPhaseEncodingSteps",
        (_FOV, "MRAcquisitionPhaseEncodingStepsInPlane"),
        above=0,
    ),
    Number(
        "PhaseEncodingStepsOutOfPlane",
        "MRAcquisitionPhaseEncodingStepsOutOfPlane",
        (_FOV, "MRAcquisitionPhaseEncodingStepsOutOfPlane"),
        above=0,
    ),
    Number(
        "FrequencyEncodingSteps",
        "MRAcquisitionFrequencyEncodingSteps",
        (_FOV, "MRAcquisitionFrequencyEncodingSteps"),
        above=0,
    ),
    Number("SAR", "SAR", above=0),
    Number("NumberOfAverages", "NumberOfAverages", ("MRAveragesSequence", "NumberOfAverages"), above=1),
    Number("AcquisitionDuration", "AcquisitionDuration", above=0),
    Number("NumberOfKSpaceTrajectories", "NumberOfKSpaceTrajectories", above=0),
    Number("EchoNumber", "EchoNumbers", above=1),
)
"""Of magnetic resonance."""
ALWAYS = (
    Number("SeriesNumber", "SeriesNumber", above=0),
    Number(
        "AcquisitionNumber", "AcquisitionNumber", ("FrameContentSequence", "FrameAcquisitionNumber"), above=0
    ),
)
X_RAY = (
    Number("KVP", "KVP", above=0),
    Number("XRayTubeCurrent", "XRayTubeCurrent", above=0),
    Number("XRayExposure", "Exposure", above=0),
    Number("ExposureTime", "ExposureTime", None, 1000, 0),
)
SLICES = (
    Number("SliceThickness", "SliceThickness", (_MEASURES, "SliceThickness"), above=0),
    Number("SpacingBetweenSlices", "SpacingBetweenSlices", (_MEASURES, "SpacingBetweenSlices"), above=0),
)
"""Of all but X-rays, where what is said of slices often isn't what they are."""

TEXTS = {
    "Modality": "Modality",
    "ManufacturersModelName": "ManufacturerModelName",
    "InstitutionName": "InstitutionName",
    "InstitutionalDepartmentName": "InstitutionalDepartmentName",
    "InstitutionAddress": "InstitutionAddress",
    "DeviceSerialNumber": "DeviceSerialNumber",
    "StationName": "StationName",
    "BodyPart": "BodyPartExamined",
    "PatientPosition": "PatientPosition",
    "ProcedureStepDescription": "PerformedProcedureStepDescription",
    "SoftwareVersions": "SoftwareVersions",
    "MRAcquisitionType": "MRAcquisitionType",
    "StudyDescription": "StudyDescription",
    "SeriesDescription": "SeriesDescription",
    "ProtocolName": "ProtocolName",
    "ScanningSequence": "ScanningSequence",
    "SequenceVariant": "SequenceVariant",
    "ScanOptions": "ScanOptions",
    "SequenceName": "SequenceName",
    "ImageComments": "ImageComments",
    "ConvolutionKernel": "ConvolutionKernel",
    "Units": "Units",
    "DoseUnits": "DoseUnits",
    "DoseType": "DoseType",
}
_MACRO_TEXTS = {
    "ParallelAcquisitionTechnique": (_MODIFIER, "ParallelAcquisitionTechnique"),
    "PartialFourierDirection": (_MODIFIER, "PartialFourierDirection"),
    "CoilString": ("MRReceiveCoilSequence", "ReceiveCoilName"),
}
_SPOILING = {"RF": "RF", "GRADIENT": "GRADIENT", "RF_AND_GRADIENT": "COMBINED"}


def described(header: Lookup) -> Fields:
    """Return the fields that are attributes.

    Parameters
    ----------
    header
        Of the first file.
    """
    fields: Fields = {name: text for name, text in _texts(header) if text}
    kinds = X_RAY if is_x_ray(header.dataset) else (*NUMBERS, *SLICES)
    for one in (*kinds, *ALWAYS):
        value = header.number(one.keyword, one.macro)
        if value is not None and value > one.above:
            value = round(value / one.divisor, 9)
            fields[one.name] = int(value) if value.is_integer() else value
    fields.update(_of_image_type(header))
    fields.update(_of_preparation(header))
    fields.update(_moment(header.dataset))
    if methods := texts_of(header.dataset, "DeidentificationMethod"):
        fields["DeidentificationMethod"] = list(methods)
    return fields


def is_x_ray(dataset: Dataset) -> bool:
    """Say whether an image was made with X-rays."""
    return text_of(dataset, "Modality") in ("CT", "CR", "DX", "MG", "XA", "RF")


def _texts(header: Lookup) -> Iterator[tuple[str, str]]:
    yield "Manufacturer", header.maker
    for name, keyword in TEXTS.items():
        yield name, header.text(keyword)
    for name, macro in _MACRO_TEXTS.items():
        yield name, header.text(macro[1], macro)
    if not header.text("SequenceName"):
        yield "SequenceName", header.text("PulseSequenceName")
    if not header.text("ProtocolName"):
        yield "ProtocolName", header.text("SeriesDescription") or header.text("SequenceName")
    if not header.text("Units") and (units := _units(header)):
        yield "Units", units
    yield "ImageOrientationText", header.private_text(0x0051, 0x100E)


def _units(header: Lookup) -> str:
    """Return the units that values are mapped to, such as Hz of a field map (UCUM)."""
    mapping = header.groups.macro("RealWorldValueMappingSequence") if header.groups else None
    codes = items_of(mapping, "MeasurementUnitsCodeSequence") if mapping is not None else []
    code = text_of(codes[0], "CodeValue") if codes else ""
    return "" if code in ("1", "no units") else code


def _of_image_type(header: Lookup) -> Fields:
    kinds = texts_of(header.dataset, "ImageType")
    fields: Fields = {"ImageType": list(kinds)} if kinds else {}
    if header.maker == "Siemens" and (more := header.private_text(0x0021, 0x1175)):
        fields["ImageTypeText"] = more.split("\\")
        kinds = (*kinds, *more.split("\\"))
    if any(kind.startswith("DIS") for kind in kinds):
        fields["NonlinearGradientCorrection"] = True
    elif any(kind.startswith("ND") for kind in kinds):
        fields["NonlinearGradientCorrection"] = False
    if kinds and kinds[0].upper() == "DERIVED":
        fields["RawImage"] = False
    return fields


def _of_preparation(header: Lookup) -> Fields:
    """Return spoiling and magnetisation transfer."""
    fields: Fields = {}
    spoiling = header.text("Spoiling", (_MODIFIER, "Spoiling"))
    if spoiling in _SPOILING:
        fields.update(SpoilingState=True, SpoilingType=_SPOILING[spoiling])
    elif spoiling == "NONE":
        fields["SpoilingState"] = False
    elif "SP" in header.text("SequenceVariant").split("\\"):
        fields["SpoilingState"] = True
    transfer = header.text("MagnetizationTransfer", (_IMAGING, "MagnetizationTransfer"))
    if transfer:
        fields["MTState"] = transfer != "NONE"
    return fields


def _moment(dataset: Dataset) -> Fields:
    """Return the time of acquisition; its day is left to the header."""
    whole = text_of(dataset, "AcquisitionDateTime")
    text = text_of(dataset, "AcquisitionTime") if text_of(dataset, "AcquisitionDate") else ""
    text = text or whole[8:].partition("+")[0].partition("-")[0]
    clock, _, fraction = text.partition(".")
    if len(clock) != 6 or not clock.isdigit() or not (fraction or "0").isdigit():
        return {}
    return {"AcquisitionTime": f"{clock[:2]}:{clock[2:4]}:{clock[4:]}.{fraction[:6]:0<6}"}
