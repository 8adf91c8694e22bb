"""What is taken over of a patient and a study: attributes of their modules (PS3.3, C.7.1, C.7.2).

Dates, times and ages that old or careless files spell against their VR are spelt by it (PS3.5, 6.2):
1997.04.24 and 14:04:38 of ACR-NEMA, an age of 5Y. What can't be read as one is left out, and empty where it
must be there.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from mlarray_dicom.elements import has

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_PATIENT = """
    PatientName PatientID IssuerOfPatientID TypeOfPatientID PatientBirthDate PatientSex EthnicGroup
    OtherPatientIDsSequence PatientSpeciesDescription PatientSpeciesCodeSequence ResponsiblePerson
    PatientIdentityRemoved DeidentificationMethod DeidentificationMethodCodeSequence
    LongitudinalTemporalInformationModified ClinicalTrialSponsorName ClinicalTrialProtocolID
    ClinicalTrialProtocolName ClinicalTrialSiteID ClinicalTrialSiteName ClinicalTrialSubjectID
    ClinicalTrialSubjectReadingID ClinicalTrialTimePointID ClinicalTrialTimePointDescription
"""
_STUDY = """
    StudyInstanceUID StudyDate StudyTime StudyID AccessionNumber IssuerOfAccessionNumberSequence
    ReferringPhysicianName StudyDescription ProcedureCodeSequence PatientAge PatientSize PatientWeight
    AdmittingDiagnosesDescription
"""
KEPT = (*_PATIENT.split(), *_STUDY.split())
"""Attributes of the Patient, Clinical Trial, General Study and Patient Study modules that are taken over."""
EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
"""Those of type 2: present, and empty where nothing is known."""
_OF_ANIMALS: dict[str, Any] = {
    "PatientSpeciesDescription": None, "PatientBreedDescription": None, "PatientBreedCodeSequence": [],
    "BreedRegistrationSequence": [], "ResponsiblePerson": None, "ResponsibleOrganization": None,
    "PatientSexNeutered": None,
}  # fmt: skip
"""Attributes of type 2C that a patient of a species has."""
_SPECIES = ("PatientSpeciesDescription", "PatientSpeciesCodeSequence")
_SPELT = {
    "DA": (re.compile(r"(\d{4})[.]?(\d\d)[.]?(\d\d)"), "{}{}{}"),
    "TM": (re.compile(r"(\d\d):?(\d\d)?:?(\d\d(?:[.]\d{1,6})?)?"), "{}{}{}"),
    "AS": (re.compile(r"(\d{1,3})([DWMY])"), "{:0>3}{}"),
}
"""How values of a VR may be spelt, and how they are."""


def keep(first: Dataset, made: Dataset) -> None:
    """Take over what is known of patient and study.

    Parameters
    ----------
    first
        The header of the source.
    made
        What is made of it.
    """
    for keyword in KEPT:
        if has(first, keyword):
            element = first[keyword]
            value = _spelt(element.VR, deepcopy(element.value))
            if value is not None or keyword in EMPTY:
                setattr(made, keyword, value)
            elif keyword in made:
                delattr(made, keyword)
    if any(has(made, keyword) for keyword in _SPECIES):
        for keyword, nothing in _OF_ANIMALS.items():
            if keyword not in made:
                setattr(made, keyword, nothing)


def _spelt(vr: str, value: Any) -> Any:
    """Return a value as its VR has it; None when it can't be read as one."""
    if vr not in _SPELT or not isinstance(value, str):
        return value
    pattern, form = _SPELT[vr]
    found = pattern.fullmatch(value.strip())
    return None if found is None else form.format(*(part or "" for part in found.groups()))
