"""The profile applied to headers: each kind of action, private elements, items, and what is recorded."""

import json

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

import mlarray
from mlarray_core.errors import OptionError
from mlarray_dicom.header.source import datasets
from tests.dicom.written import dataset, write, write_series

KEY = "a key of sixteen bytes"


@pytest.fixture
def key(tmp_path):
    (tmp_path / "key").write_text(KEY)
    return tmp_path / "key"


def _series(folder, **attributes):
    return write_series(folder, np.zeros((2, 3, 4), np.int16), np.eye(4), **attributes)


def _header(source, **options):
    image = mlarray.read(source, anonymize={"key": source.parent / "key", **options})
    return datasets(image.meta.source)[0]


def test_uids_are_the_same_everywhere_with_one_secret(tmp_path, key):
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.7.1"
    reference.PurposeOfReferenceCodeSequence = [Dataset()]
    one = _header(_series(tmp_path / "a", StudyInstanceUID="1.7", SourceImageSequence=[reference]))
    other = _header(_series(tmp_path / "b", StudyInstanceUID="1.7", SOPInstanceUID=lambda i: f"1.7.{i}"))
    assert one.StudyInstanceUID == other.StudyInstanceUID != "1.7"
    assert UID(one.StudyInstanceUID).is_valid
    assert one.StudyInstanceUID.startswith("2.25.")
    (kept,) = one.SourceImageSequence
    assert kept.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    second = mlarray.read(tmp_path / "b", anonymize={"key": key})
    assert kept.ReferencedSOPInstanceUID in {str(h.SOPInstanceUID) for h in datasets(second.meta.source)}
    assert "PurposeOfReferenceCodeSequence" not in kept


def test_uids_differ_without_a_key(tmp_path):
    folder = _series(tmp_path / "a", PatientID="4711")
    one, other = (datasets(mlarray.read(folder, anonymize=True).meta.source)[0] for _ in range(2))
    assert one.StudyInstanceUID != other.StudyInstanceUID
    assert one.PatientID != other.PatientID


def test_what_was_done_is_recorded(tmp_path, key):
    found = _header(_series(tmp_path / "a"), retain=["patient"], clean="descriptors", shift_dates=-10)
    assert found.PatientIdentityRemoved == "YES"
    assert found.LongitudinalTemporalInformationModified == "MODIFIED"
    assert "2026d" in found.DeidentificationMethod[0]
    assert [code.CodeValue for code in found.DeidentificationMethodCodeSequence] == [
        "113100", "113105", "113107", "113108",
    ]  # fmt: skip
    assert {code.CodingSchemeDesignator for code in found.DeidentificationMethodCodeSequence} == {"DCM"}
    image = mlarray.read(tmp_path / "a", anonymize=True)
    assert image.meta.extra["mlarray"]["deidentified"]["codes"][0][0] == "113100"
    assert datasets(image.meta.source)[0].LongitudinalTemporalInformationModified == "REMOVED"


def test_dates_are_moved_alike(tmp_path, key):
    moments = {
        "StudyDate": "20200301",
        "StudyTime": "101112",
        "AcquisitionDateTime": "20200302101112.5+0100",
        "SeriesDate": "20200229",
        "PatientBirthDate": "19500101",
    }
    found = _header(_series(tmp_path / "a", **moments), shift_dates="-1")
    assert found.StudyDate == "20200229"
    assert found.StudyTime == "101112"
    assert found.AcquisitionDateTime == "20200301101112.5+0100"
    assert found.SeriesDate == "20200228"
    assert not found.PatientBirthDate


def test_each_patients_dates_are_moved_by_days_of_their_own(tmp_path, key):
    def moved(name, patient):
        folder = _series(tmp_path / name, PatientID=patient, StudyDate="20200301", SeriesDate="20200304")
        return _header(folder, shift_dates="patient")

    one, again, other = moved("a", "P1"), moved("b", "P1"), moved("c", "P2")
    assert one.StudyDate == again.StudyDate != other.StudyDate
    assert int(one.SeriesDate[:4]) <= 2020
    apart = [np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:]}") for d in (one.StudyDate, one.SeriesDate)]
    assert apart[1] - apart[0] == np.timedelta64(3, "D")


def test_dates_are_kept_or_removed(tmp_path, key):
    folder = _series(tmp_path / "a", StudyDate="20200301", SeriesDate="20200301")
    assert _header(folder, retain="dates").SeriesDate == "20200301"
    assert "SeriesDate" not in _header(folder)
    assert not _header(folder).StudyDate


def test_descriptions_are_cleaned_of_all_but_known_words(tmp_path, key):
    folder = _series(tmp_path / "a", SeriesDescription="T2 AX Smith 12.3.1950 5mm", ProtocolName="M Huber")
    found = _header(folder, clean=["descriptors"])
    assert found.SeriesDescription == "T2 AX 5mm"
    assert not found.ProtocolName
    assert "SeriesDescription" not in _header(folder)


def test_private_elements_go_but_for_safe_ones(tmp_path, key):
    made = dataset(np.zeros((3, 4), np.int16), (0, 0, 0))
    made.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", 1000)
    made.private_block(0x0019, "SIEMENS MR HEADER").add_new(0x0A, "LO", "Smith")
    made.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", b"Smith   ")
    inner = Dataset()
    inner.PatientName = "Smith"
    inner.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", 500)
    made.AnatomicRegionSequence = Sequence([inner])
    write(made, tmp_path / "one.dcm")
    plain = _header(tmp_path / "one.dcm")
    assert not any(element.tag.is_private for element in plain.iterall())
    found = _header(tmp_path / "one.dcm", retain=["safe-private"])
    assert found[0x0019, 0x100C].value == 1000
    assert (0x0019, 0x100A) not in found
    assert not any(element.tag.group == 0x0029 for element in found.iterall())
    (kept,) = found.AnatomicRegionSequence
    assert kept[0x0019, 0x100C].value == 500
    assert "Smith" not in found.to_json()


def test_structured_content_and_graphics_are_cleaned_or_emptied(tmp_path, key):
    item, words = Dataset(), Dataset()
    item.ValueType, item.TextValue, item.PersonName = "TEXT", "left lung Smith", "Smith"
    words.UnformattedTextValue = "Smith, lung"
    graphics = Dataset()
    graphics.GraphicLayer, graphics.TextObjectSequence = "LAYER", [words]
    folder = _series(tmp_path / "a", ContentSequence=[item], GraphicAnnotationSequence=[graphics])
    plain = _header(folder)
    assert [len(one) for one in plain.ContentSequence] == [0]
    found = _header(folder, clean=["structured-content", "graphics", "descriptors"])
    assert found.ContentSequence[0].ValueType == "TEXT"
    assert "Smith" not in str(found.ContentSequence[0].get("PersonName", ""))
    assert found.GraphicAnnotationSequence[0].TextObjectSequence[0].UnformattedTextValue == "lung"


def test_devices_and_institutions_are_kept_where_asked(tmp_path, key):
    folder = _series(
        tmp_path / "a",
        DeviceSerialNumber="4711",
        InstitutionName="General",
        StationAETitle="CT1",
        PatientSex="F",
    )
    found = _header(folder, retain=["device", "institution", "patient"])
    assert (found.DeviceSerialNumber, found.InstitutionName, found.PatientSex) == ("4711", "General", "F")
    assert found.StationAETitle not in ("CT1", "")
    plain = _header(folder)
    assert "DeviceSerialNumber" not in plain
    assert "InstitutionName" not in plain
    assert not plain.PatientSex


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retain": ["dates"], "shift_dates": 3}, "either kept or moved"),
        ({"retain": ["everything"]}, "has no option 'everything'"),
        ({"clean": ["pixel-data"]}, "voxels aren't changed"),
        ({"shift_dates": "some"}, "expected days"),
        ({"shift_dates": 0}, "expected 1 to"),
        ({"colour": 1}, "has no option 'colour'"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, options, message):
    with pytest.raises(OptionError, match=message):
        mlarray.read(_series(tmp_path / "a"), anonymize=options)


def test_risks_in_voxels_are_flagged(tmp_path):
    capture = "1.2.840.10008.5.1.4.1.1.7"
    pixels = np.zeros((3, 4), np.uint8)
    for number, (attributes, words) in enumerate((
        ({"BurnedInAnnotation": "YES"}, "Burned In Annotation is YES"),
        ({"Modality": "US", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"}, "modality US"),
        ({"Modality": "OT", "SOPClassUID": capture}, "secondary capture"),
        ({"Modality": "MR", "BodyPartExamined": "HEAD"}, "head scan"),
        ({"Modality": "MR", "SeriesDescription": "t1_mprage"}, "head scan"),
    )):  # fmt: skip
        path = write(dataset(pixels, (0, 0, 0), **attributes), tmp_path / f"{number}.dcm")
        done = mlarray.convert(path, tmp_path / f"{number}.mla", anonymize=True)
        assert any(words in text for text in done.warnings), attributes
        assert any("burned into them" in text for text in done.warnings)
    path = write(dataset(pixels, (0, 0, 0), BodyPartExamined="KNEE"), tmp_path / "knee.dcm")
    done = mlarray.convert(path, tmp_path / "knee.mla", anonymize=True)
    assert not any("look at it" in text for text in done.warnings)


def test_the_header_that_is_left_can_still_be_written_and_read(tmp_path, key):
    found = _header(_series(tmp_path / "a", StudyDate="20200301"))
    again = Dataset.from_json(json.loads(found.to_json()))
    assert again.StudyInstanceUID == found.StudyInstanceUID
