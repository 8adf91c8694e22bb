"""Elements that become JSON at once are as pydicom's way gives them; what is odd goes that way."""

from __future__ import annotations

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from mlarray_dicom.elements import text_of, value_of
from mlarray_dicom.header.source import _json
from mlarray_dicom.header.usual import usual_json, usual_text

pytestmark = pytest.mark.filterwarnings("ignore")
TAGS = {"UI": 0x00080018, "IS": 0x00200013, "DS": 0x00200032, "DA": 0x00080020, "TM": 0x00080032}


def raw(vr: str, content: bytes, tag: int | None = None) -> RawDataElement:
    return RawDataElement(BaseTag(tag or TAGS[vr]), vr, len(content), content, 0, False, True)


@pytest.mark.parametrize(
    ("vr", "content"),
    [
        ("UI", b"1.2.840.10008.1.2\0"),
        ("UI", b"1.2.3\\1.2.4"),
        ("IS", b"12"),
        ("IS", b"-7 "),
        ("IS", b"007\\8 "),
        ("DS", b"-128\\0.50\\75.25 "),
        ("DS", b"3"),
        ("DS", b"12345678.87654321 "),
        ("DA", b"20261130"),
        ("TM", b"235959"),
        ("TM", b"120010.100 "),
    ],
)
def test_usual_values_are_as_pydicom_gives_them(vr: str, content: bytes) -> None:
    element = raw(vr, content)
    expected = _json(Dataset({element.tag: element}), element.tag)
    found = usual_json(element)
    assert found == expected
    assert expected is not None
    assert found is not None
    assert [type(one) for one in found["Value"]] == [
        str if isinstance(one, str) else type(one) for one in expected["Value"]
    ]


@pytest.mark.parametrize(
    ("vr", "content"),
    [
        ("UI", b"1.2.3 "),
        ("UI", b""),
        ("IS", b"1.0"),
        ("IS", b"+4"),
        ("IS", b"99999999999"),
        ("DS", b"1e5"),
        ("DS", b" 1"),
        ("DS", b"1,5"),
        ("DS", b"1\\\\2"),
        ("DA", b"2026.11.30"),
        ("TM", b"12:00:00"),
        ("TM", "12\u0663000".encode()),
    ],
)
def test_everything_else_is_left_to_pydicom(vr: str, content: bytes) -> None:
    assert usual_json(raw(vr, content)) is None


def test_other_vrs_and_values_that_are_read_already_are_left_to_pydicom() -> None:
    assert usual_json(raw("LO", b"12", 0x00080070)) is None
    made = Dataset()
    made.InstanceNumber = 4
    assert usual_json(made["InstanceNumber"]) is None


KEYWORDS = {"UI": "SOPInstanceUID", "DA": "StudyDate", "TM": "ContentTime"}


@pytest.mark.parametrize(
    ("vr", "content"),
    [("UI", b"1.2.840.10008.1.3\0"), ("DA", b"20261129"), ("TM", b"235958"), ("TM", b"120010.200 ")],
)
def test_a_usual_text_is_as_pydicom_gives_it_and_the_element_stays_as_it_was(vr: str, content: bytes) -> None:
    element = raw(vr, content, int(Tag(KEYWORDS[vr])))
    expected = Dataset({element.tag: element})[element.tag].value
    dataset = Dataset({element.tag: element})
    assert usual_text(element) == expected
    assert text_of(dataset, KEYWORDS[vr]) == expected
    assert dataset.get_item(element.tag) is element


@pytest.mark.parametrize(
    ("vr", "content"),
    [("UI", b"1.2.3\\1.2.4"), ("DA", b"2026.11.30"), ("TM", b"12:00:00"), ("IS", b"12"), ("DS", b"1.5 ")],
)
def test_other_texts_are_left_to_pydicom(vr: str, content: bytes) -> None:
    assert usual_text(raw(vr, content)) is None
    if vr in KEYWORDS:
        element = raw(vr, content, int(Tag(KEYWORDS[vr])))
        expected = Dataset({element.tag: element})[element.tag].value
        assert value_of(Dataset({element.tag: element}), KEYWORDS[vr]) == expected
