"""The tables of the standard, and what options make of them."""

import importlib
import json
from pathlib import Path

import pytest
from pydicom.datadict import dictionary_keyword, tag_for_keyword

from mlarray_dicom.privacy.actions import action_of
from mlarray_dicom.privacy.demands import Demands
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


CT, ENHANCED_CT, PET = (f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("2", "2.1", "128"))
STRUCTURES, OWN = "1.2.840.10008.5.1.4.1.1.481.3", "1.3.12.2.1107.5"


def action(keyword, vr, storage_class, sequence="", multiframe=False):
    tag = "00109999" if keyword == "ScheduledPhysician" else _tag(keyword)
    demands = Demands(storage_class, multiframe=multiframe)
    return action_of(tag, vr, privacy(), demands.of(_tag(sequence) if sequence else "", tag))


@pytest.mark.parametrize(
    ("keyword", "vr", "taken"),
    [
        ("PatientComments", "LT", "X"),
        ("PatientBirthDate", "DA", "Z"),
        ("ClinicalTrialSponsorName", "LO", "D"),
        ("SeriesInstanceUID", "UI", "U"),
        ("ReferencedImageSequence", "SQ", "R"),  # X/Z/U*
        ("PatientName", "PN", "P"),
        ("PatientID", "LO", "P"),
        ("AnnotationGroupUID", "UI", "U"),  # D, but a UID
        ("SegmentDescription", "ST", "X"),  # not in the table, free text
        ("TrackingID", "UT", "D"),  # the same, where it must be there with Tracking UID
        ("Rows", "US", "K"),  # not in the table
        ("ScheduledPhysician", "PN", "X"),  # not in the table, a person's name
    ],
)
def test_actions_of_the_basic_profile(keyword, vr, taken):
    assert {action(keyword, vr, one) for one in (CT, ENHANCED_CT, STRUCTURES, OWN)} == {taken}


@pytest.mark.parametrize(
    ("keyword", "sequence", "taken"),
    [  # by the modules of CT, Enhanced CT, PET, RT Structure Set; a class of one's own, and a multi-frame one
        ("ContentDate", "", "ZDZZZD"),  # Z/D: type 2C in General Image, 1 in multi-frame objects
        ("AcquisitionDate", "", "XXZXZZ"),  # X/Z: type 2 in PET Image, else 3
        ("SeriesDate", "", "XXDXXD"),  # X/D: type 1 in PET Series, else 3
        ("DeviceSerialNumber", "", "XDXXZD"),  # X/Z/D: type 1 in Enhanced General Equipment, else 3
        ("OperatorsName", "", "XXXZZD"),  # X/Z/D: type 2 in RT Series
        ("InstanceCreationDate", "", "XXXXXD"),  # X/D: type 3 in SOP Common
        ("InstitutionName", "ReferringPhysicianIdentificationSequence", "DDDDZD"),  # X/Z/D: type 1C, 10-1
        ("InstitutionName", "", "XXXXZD"),  # X/Z/D: type 3 in General Equipment
    ],
)
def test_compound_actions_heed_the_type_in_the_class(keyword, sequence, taken):
    """PS3.15, E.1.1: what an object must have stays, empty or saying nothing, and all else goes."""
    classes = [(CT, False), (ENHANCED_CT, True), (PET, False), (STRUCTURES, False), (OWN, False), (OWN, True)]
    found = [action(keyword, "LO", one, sequence, multiframe) for one, multiframe in classes]
    assert "".join(found) == taken


def test_types_are_those_of_the_modules():
    """highdicom has the modules of each class and the types of their attributes, from PS3.3."""
    highdicom = pytest.importorskip("highdicom")
    folder = Path(highdicom.__file__).parent / "_standard"
    classes, modules, rows = (
        json.loads((folder / f"{name}.json").read_text())
        for name in ("sop_class_iod_map", "iod_module_map", "module_attribute_map")
    )
    compound = {tag for tag, row in attributes().items() if "/" in row.action and row.action != "X/Z/U*"}
    for uid, name in classes.items():
        expected = {}
        for one in (row for module in modules[name] for row in rows.get(module["key"], ())):
            tag = tag_for_keyword(one["keyword"])
            kind = one["type"][0]
            if tag is None or f"{tag:08X}" not in compound or kind == "3":
                continue
            place = (_tag(one["path"][-1]) if one["path"] else "", f"{tag:08X}")
            expected[place] = min(kind, expected.get(place, "2"))
        demands = Demands(uid, multiframe=False)
        if uid.startswith("1.2.840.10008.5"):
            places = {place: demands.of(*place) for place in expected}
            assert places == expected, name
            assert {demands.of("", tag) for tag in compound if ("", tag) not in expected} <= {""}


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
        ("SegmentDescription", {"clean": ["descriptors"]}, "C"),
        ("ContentSequence", {"clean": ["structured-content"]}, "C"),
        ("GraphicAnnotationSequence", {"clean": ["graphics"]}, "C"),
        ("PatientBirthDate", {"shift": 3}, "Z"),  # no option keeps it
    ],
)
def test_options_of_the_profile(keyword, options, action):
    asked = privacy(*options.get("retained", ()), clean=options.get("clean", ()), shift=options.get("shift"))
    assert action_of(_tag(keyword), "LO", asked, "2") == action


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
