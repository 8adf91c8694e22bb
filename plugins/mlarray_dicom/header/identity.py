"""Which attributes of a header identify a patient: said, never hidden (PS3.15, table E.1-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_dicom.elements import value_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

IDENTIFYING = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientBirthTime", "OtherPatientIDs",
    "OtherPatientNames", "OtherPatientIDsSequence", "IssuerOfPatientID", "PatientBirthName",
    "PatientMotherBirthName", "PatientAddress", "PatientTelephoneNumbers", "PatientComments",
    "PatientInsurancePlanCodeSequence", "MilitaryRank", "EthnicGroup", "Occupation",
    "AdditionalPatientHistory", "AccessionNumber", "StudyID", "InstitutionName", "InstitutionAddress",
    "InstitutionalDepartmentName", "ReferringPhysicianName", "PerformingPhysicianName",
    "NameOfPhysiciansReadingStudy", "OperatorsName", "RequestingPhysician", "PhysiciansOfRecord",
    "StationName", "DeviceSerialNumber", "StudyDate",
)  # fmt: skip


def identifying(dataset: Dataset) -> list[str]:
    """Return the keywords of the identifying attributes that a header has a value for, never the values."""
    return [keyword for keyword in IDENTIFYING if value_of(dataset, keyword) is not None]


def notice(dataset: Dataset) -> str | None:
    """Return the line that tells the user which ones go into the metadata; None when there are none."""
    found = identifying(dataset)
    if not found:
        return None
    shown = ", ".join(found[:6]) + (f" and {len(found) - 6} more" if len(found) > 6 else "")
    return f"the metadata hold identifying attributes of the header: {shown}"
