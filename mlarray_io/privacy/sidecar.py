"""Fields of a BIDS sidecar that say who was imaged, when, where and by what, and those that may stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlarray_io.privacy.words import cleaned_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlarray_io.privacy.profile import Privacy

_KINDS = {
    "": "PatientName PatientID PatientBirthDate AccessionNumber StudyID StudyInstanceUID SeriesInstanceUID "
    "ReferringPhysicianName PatientAddress OperatorsName SubjectID SeriesInstanceUIDs",
    "patient": "PatientSex PatientAge PatientWeight PatientSize BodyWeight",
    "device": "DeviceSerialNumber StationName",
    "institution": "InstitutionName InstitutionAddress InstitutionalDepartmentName",
    "dates": "AcquisitionTime AcquisitionDate AcquisitionDateTime StudyDate StudyTime SeriesDate SeriesTime "
    "ContentDate ContentTime ScanStart ScanDate InjectionStart TimeZero "
    "RadiopharmaceuticalStartTime RadiopharmaceuticalStopTime",
    "descriptors": "SeriesDescription ProtocolName StudyDescription ProcedureStepDescription ImageComments "
    "TaskDescription Instructions ImageDescription AcquisitionDescription BidsGuess",
}
_KIND = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_WORDS = """
    Modality Manufacturer ManufacturersModelName SoftwareVersions BodyPart BodyPartExamined
    PatientPosition ScanningSequence SequenceVariant ScanOptions PulseSequenceName
    MRAcquisitionType ImageType RawImage CoilCombinationMethod MatrixCoilMode PhaseEncodingDirection
    PhaseEncodingAxis PhaseEncodingPolarityGE SliceEncodingDirection
    InPlanePhaseEncodingDirectionDICOM ParallelReductionType PartialFourierDirection
    NonlinearGradientCorrection ConvolutionKernel ConversionSoftware ConversionSoftwareVersion Units
    DoseUnits DoseType ReconMethodName AttenuationCorrectionMethod AttenuationCorrection
    ScatterCorrectionMethod DecayCorrection RandomsCorrectionMethod Radiopharmaceutical TracerName
    TracerRadionuclide RadionuclideCodeValue ReconFilterType TableOrientation
    TransmitCoilName ComplexImageComponent AcquisitionContrast PulseSequenceType
    ASLContext ArterialSpinLabelingType ShimSetting TablePosition
    ManufacturerModelName ParallelAcquisitionTechnique SpoilingType DiffusionScheme
"""
"""Fields whose texts are words of the technique: others, as of private elements, may be anything."""
_TECHNICAL = frozenset(_WORDS.split())


def identifying_fields(bids: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields that say who, when, where, and by what."""
    return sorted(name for name in bids if name in _KIND)


def clean_sidecar(bids: Mapping[str, Any], privacy: Privacy, patient: str) -> dict[str, Any]:
    """Return the fields that may stay: numbers, technical words, and what the options keep.

    Parameters
    ----------
    bids
        Fields by name.
    privacy
        How it is asked for.
    patient
        Whose dates they are.
    """
    found = {}
    for name, value in bids.items():
        kept = _field(name, value, privacy, patient)
        if kept is not None:
            found[name] = kept
    return found


def _field(name: str, value: Any, privacy: Privacy, patient: str) -> Any:
    kind = _KIND.get(name)
    if name in _TECHNICAL:
        return value if _is_flat(value) else None
    if kind is None:
        return value if _is_numeric(value) else None
    if kind == "dates" and privacy.shift is not None:
        return value if ":" in str(value)[:3] else privacy.shifted(str(value), privacy.days(patient))
    if kind and kind in privacy.retained:
        return value
    if kind == "descriptors" and kind in privacy.cleaned:
        return cleaned_text(value) or None if isinstance(value, str) else None
    if name.endswith("InstanceUID"):
        return value if "uids" in privacy.retained else privacy.uid(str(value))
    return None


def _is_flat(value: object) -> bool:
    """Say whether a value is a number, a text, or a list of such: what is nested may be about anything."""
    parts = value if isinstance(value, list | tuple) else [value]
    return all(isinstance(part, int | float | str) for part in parts)


def _is_numeric(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_numeric, value))
    return isinstance(value, int | float)
