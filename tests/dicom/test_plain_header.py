"""Headers that are taken apart at once are those that pydicom reads; what is odd is left to pydicom."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_files
from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mlarray_dicom import plain_header
from mlarray_dicom.plain_header import read_plain
from mlarray_dicom.private_names import elements

PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
pytestmark = pytest.mark.filterwarnings("ignore")


def plain(path):
    with open(path, "rb") as file:
        return read_plain(Path(path), file, file.read(64), Path(path).stat().st_size)


def by_pydicom(path):
    with open(path, "rb") as file:
        dataset = read_partial(file, lambda tag, vr, length: tag in PIXELS, force=True)
        return dataset, file.tell()


def spelt(dataset):
    """Return everything that a data set holds, in any order."""
    found = {}
    for tag in set(elements(dataset)) - {0x00080005}:  # which pydicom has read already
        raw = dataset.get_item(tag)
        value = [spelt(item) for item in raw.value] if raw.VR == "SQ" and not raw.is_raw else raw.value
        found[int(tag)] = (raw.VR, value)
    return found


def test_files_of_many_writers_are_read_as_pydicom_reads_them():
    compared = 0
    for path in filter(os.path.isfile, get_testdata_files()):
        found = plain(path) if Path(path).stat().st_size < 4_000_000 else None
        if found is None:
            continue
        expected, end = by_pydicom(path)
        assert found.end == end, path
        assert found.dataset.original_encoding == expected.original_encoding, path
        assert found.dataset.original_character_set == expected.original_character_set, path
        assert spelt(found.dataset) == spelt(expected), path
        assert found.dataset.file_meta == expected.file_meta, path
        assert found.dataset == expected, path
        compared += 1
    assert compared > 60


def written(path, syntax=ExplicitVRLittleEndian, **values):
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm", download=False))
    for name, value in values.items():
        setattr(dataset, name, value)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True, implicit_vr=syntax == ImplicitVRLittleEndian)
    return path


def test_files_share_the_elements_that_are_the_same(tmp_path):
    first, second = (plain(written(tmp_path / f"{n}.dcm", InstanceNumber=n)).dataset for n in (11, 12))
    assert first.get_item("Manufacturer") is second.get_item("Manufacturer")
    assert (first.InstanceNumber, second.InstanceNumber) == (11, 12)


def test_runs_of_elements_that_files_have_in_common_end_where_a_file_differs(tmp_path):
    """A change within a run, one that grows, one that is left out, and one that comes back."""
    changes = [
        *({"InstanceNumber": n, "SOPInstanceUID": f"1.2.{10**n}"} for n in range(4)),
        {"InstanceNumber": 5, "Manufacturer": "another maker"},
        {"InstanceNumber": 6, "StationName": "", "KVP": None},
        {"InstanceNumber": 7, "SliceLocation": "-12.25", "ImageComments": "x" * 300},
        {"InstanceNumber": 0, "SOPInstanceUID": "1.2.1"},
    ]
    plain_header._RUNS.clear()
    for number, values in enumerate(changes):
        path = written(tmp_path / f"{number}.dcm", **values)
        found, (expected, end) = plain(path), by_pydicom(path)
        assert found.end == end
        assert list(elements(found.dataset)) == list(elements(expected))
        assert spelt(found.dataset) == spelt(expected)
        assert found.dataset == expected
    assert plain_header._RUNS
    for run in plain_header._RUNS.values():
        assert len(run.content) <= plain_header.LONGEST


def test_a_header_of_any_length_and_a_sequence_that_goes_on_behind_the_first_bytes(tmp_path):
    item = Dataset()
    item.ImageComments = "x" * 3 * plain_header.FIRST
    path = written(tmp_path / "long.dcm", ReferencedImageSequence=[item])
    dataset = pydicom.dcmread(path)
    dataset["ReferencedImageSequence"].is_undefined_length = True
    dataset.save_as(path)
    found = plain(path)
    assert found.dataset.ReferencedImageSequence[0].ImageComments == item.ImageComments
    assert found.end == by_pydicom(path)[1]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian])
def test_other_spellings_are_left_to_pydicom(tmp_path, syntax):
    assert plain(written(tmp_path / "a.dcm", syntax)) is None


def test_damage_is_left_to_pydicom(tmp_path):
    content = written(tmp_path / "a.dcm").read_bytes()
    short = tmp_path / "short.dcm"
    short.write_bytes(content[:1000])
    assert plain(short) is None
    no_vr = tmp_path / "vr.dcm"
    no_vr.write_bytes(content.replace(b"\x08\x00\x60\x00CS", b"\x08\x00\x60\x00??"))
    assert plain(no_vr) is None
    bare = tmp_path / "bare.dcm"
    bare.write_bytes(content[132:])
    assert plain(bare) is None


def test_a_length_that_no_file_has_reads_no_more_than_the_file(tmp_path):
    content = written(tmp_path / "a.dcm").read_bytes()
    at = content.index(b"\x08\x00\x70\x00LO")
    huge = content[:at] + b"\x08\x00\x71\x00OB\0\0\xf0\xff\xff\xff" + content[at:]
    (tmp_path / "huge.dcm").write_bytes(huge)
    with warnings.catch_warnings():
        assert plain(tmp_path / "huge.dcm") is None
