"""The tables of the standard, and what options make of them."""

import importlib

import pytest
from pydicom.datadict import dictionary_keyword, tag_for_keyword

from mlarray_dicom.privacy.actions import action_of
from mlarray_dicom.privacy.table import ACTIONS, PRIVATE, attributes, is_private, row_of, safe_private
from mlarray_io.privacy.options import CLEANED, RETAINED, SHIFTED
from mlarray_io.privacy.profile import Privacy


def privacy(*retained, clean=(), shift=None):
    return Privacy(b"a secret of sixteen", frozenset(retained), frozenset(clean), shift)


def _tag(keyword):
    return f"{tag_for_keyword(keyword):08X}"


def test_every_row_has_an_action_and_options_of_the_standard():
    rows = attributes()
    assert len(rows) == 657  # table E.1-1 of the edition of 2026d
    assert {row.action for row in rows.values()} == ACTIONS - {"K", "C"}  # those two are of options alone
    used = {option for row in rows.values() for option in row.options}
    assert used == {*RETAINED, *CLEANED, SHIFTED}
    assert {action for row in rows.values() for action in row.options.values()} == {"K", "C"}


def test_names_are_those_of_the_data_dictionary():
    """A tag that was misspelt would be an attribute of another name."""
    known, same = 0, 0
    for tag, row in attributes().items():
        if "x" in tag or tag == PRIVATE:
            continue
        try:
            keyword = dictionary_keyword(int(tag, 16))
        except KeyError:
            continue  # newer than pydicom's dictionary
        known += 1
        same += _letters(row.name) == _letters(keyword)
    assert known > 600
    assert same > 0.95 * known  # the others have another spelling in keywords, such as URI and Trial


def _letters(name):
    return "".join(filter(str.isalpha, name.replace("'s", "").replace("s'", "s"))).lower()


@pytest.mark.parametrize(
    ("tag", "name"),
    [("00091001", PRIVATE), ("50010010", PRIVATE), ("50000010", "50xxxxxx"), ("60023000", "60xx3000"),
     ("60FE4000", "60xx4000"), ("60020010", None), ("00080008", None)],
)  # fmt: skip
def test_repeating_groups_and_private_ones(tag, name):
    assert row_of(tag) == (attributes()[name] if name else None)
    assert is_private(tag) == (name == PRIVATE)


def test_safe_private_elements():
    safe = safe_private()
    assert len(safe) == 479
    assert ("SIEMENS MR HEADER", "0019", "0C") in safe  # B Value
    assert ("Philips PET Private Group", "7053", "00") in safe  # SUV Factor
    assert ("SIEMENS CSA HEADER", "0029", "10") not in safe


@pytest.mark.parametrize(
    ("keyword", "vr", "classic", "multiframe"),
    [
        ("PatientComments", "LT", "X", "X"),  # X
        ("PatientBirthDate", "DA", "Z", "Z"),  # Z
        ("ClinicalTrialSponsorName", "LO", "D", "D"),  # D
        ("SeriesInstanceUID", "UI", "U", "U"),  # U
        ("ContentDate", "DA", "Z", "D"),  # Z/D
        ("AcquisitionDate", "DA", "Z", "Z"),  # X/Z
        ("SeriesDate", "DA", "X", "D"),  # X/D
        ("DeviceSerialNumber", "LO", "X", "D"),  # X/Z/D
        ("ReferencedImageSequence", "SQ", "R", "R"),  # X/Z/U*
        ("PatientName", "PN", "P", "P"),
        ("PatientID", "LO", "P", "P"),
        ("AnnotationGroupUID", "UI", "U", "U"),  # D, but a UID
        ("Rows", "US", "K", "K"),  # not in the table
        ("ScheduledPhysician", "PN", "X", "X"),  # not in the table, a person's name
    ],
)
def test_actions_of_the_basic_profile(keyword, vr, classic, multiframe):
    tag = "00109999" if keyword == "ScheduledPhysician" else _tag(keyword)
    assert action_of(tag, vr, privacy(), multiframe=False) == classic
    assert action_of(tag, vr, privacy(), multiframe=True) == multiframe


@pytest.mark.parametrize(
    ("keyword", "options", "action"),
    [
        ("SeriesInstanceUID", {"retained": ["uids"]}, "K"),
        ("DeviceSerialNumber", {"retained": ["device"]}, "K"),
        ("InstitutionName", {"retained": ["institution"]}, "K"),
        ("PatientAge", {"retained": ["patient"]}, "K"),
        ("Allergies", {"retained": ["patient"]}, "C"),
        ("StudyDate", {"retained": ["dates"]}, "K"),
        ("StudyDate", {"shift": 3}, "C"),
        ("DateOfLastCalibration", {"retained": ["device"], "shift": 3}, "C"),
        ("SeriesDescription", {"clean": ["descriptors"]}, "C"),
        ("ContentSequence", {"clean": ["structured-content"]}, "C"),
        ("GraphicAnnotationSequence", {"clean": ["graphics"]}, "C"),
        ("PatientBirthDate", {"shift": 3}, "Z"),  # no option keeps it
    ],
)
def test_options_of_the_profile(keyword, options, action):
    asked = privacy(*options.get("retained", ()), clean=options.get("clean", ()), shift=options.get("shift"))
    assert action_of(_tag(keyword), "LO", asked, multiframe=False) == action


def test_the_table_is_the_one_that_another_program_took_from_the_standard():
    """dicom-anonymizer (Kitware) has the edition of 2026c, which 2026d adds one attribute to."""
    pytest.importorskip("dicomanonymizer", reason="needs dicom-anonymizer")
    theirs = importlib.import_module("dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c")
    names = {"Z/D": "Z_D", "X/Z": "X_Z", "X/D": "X_D", "X/Z/D": "X_Z_D", "X/Z/U*": "X_Z_U_STAR"}
    found = {
        f"{tag[0]:04X}{tag[1]:04X}": action
        for action in ACTIONS - {"K", "C"}
        for tag in getattr(theirs, f"{names.get(action, action)}_TAGS")
        if len(tag) == 2
    }
    ours = {tag: row.action for tag, row in attributes().items() if "x" not in tag and tag != PRIVATE}
    assert set(ours) - set(found) == {"3004007F"}  # Dose Calculation Model Name, new in 2026d
    assert {tag: ours[tag] for tag in found} == found
