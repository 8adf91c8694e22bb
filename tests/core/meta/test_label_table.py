"""The label table: what it holds, what it refuses, and that the reference's schema lets it pass."""

import pytest

from mlarray_core.errors import MetadataError
from mlarray_core.meta import Additions, Code, Label, Meta, color_of

LIVER = Label(
    1,
    "liver",
    "#dd8265",
    # SNOMED CT codes as DICOM PS3.16 CID 7150 (segmentation property categories) and 7166 have them
    code=Code("SCT", "10200004", "Liver"),
    category=Code("SCT", "123037004", "Anatomical structure"),
)
TUMOUR = Label(
    2, "tumour", "#90ee9080", modifier=Code("SCT", "7771000", "Left"), others={"algorithm": "manual"}
)


def test_a_table_comes_back_as_it_was_set():
    meta = Meta()
    meta.labels = [LIVER, TUMOUR]
    assert meta.labels == (LIVER, TUMOUR)
    assert Meta.from_mapping(meta.to_mapping()).labels == (LIVER, TUMOUR)
    assert meta.extra["mlarray"]["labels"] == [
        {
            "value": 1,
            "name": "liver",
            "color": "#dd8265",
            "code": {"scheme": "SCT", "value": "10200004", "meaning": "Liver"},
            "category": {"scheme": "SCT", "value": "123037004", "meaning": "Anatomical structure"},
        },
        {
            "value": 2,
            "name": "tumour",
            "color": "#90ee9080",
            "modifier": {"scheme": "SCT", "value": "7771000", "meaning": "Left"},
            "algorithm": "manual",
        },
    ]


def test_a_table_may_be_set_by_plain_values():
    meta = Meta()
    meta.labels = [{"value": 0, "name": "background"}, {"value": 4, "color": "#FF0000"}]
    assert meta.labels == (Label(0, "background"), Label(4, color="#ff0000"))


def test_taking_the_table_away_leaves_the_rest():
    meta = Meta()
    Additions(bids={"a": 1}, labels=[LIVER]).store(meta)
    meta.labels = None
    assert meta.labels == ()
    assert meta.extra == {"mlarray": {"bids": {"a": 1}}}


def test_a_table_that_is_shown_cannot_be_edited_in_place():
    meta = Meta()
    meta.labels = [LIVER]
    with pytest.raises(AttributeError):
        meta.labels.append(TUMOUR)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([{"name": "liver"}], r"labels\[0\]\.value: missing"),
        ([{"value": 1.5}], r"labels\[0\]\.value: expected an integer, got 1\.5"),
        ([{"value": True}], r"labels\[0\]\.value: expected a number"),
        ([LIVER, {"value": 1}], r"labels\[1\]\.value: 1 is in the table already"),
        ([{"value": 1, "color": "red"}], r"labels\[0\]\.color: expected a colour such as '#dd8265'"),
        ([{"value": 1, "color": "#12345"}], r"labels\[0\]\.color"),
        ([{"value": 1, "code": {"scheme": "SCT"}}], r"labels\[0\]\.code\.value: missing"),
        ([{"value": 1, "code": "liver"}], r"labels\[0\]\.code: expected a dict"),
        ([{"value": 1, "name": 3}], r"labels\[0\]\.name: expected a string"),
        ([3], r"labels\[0\]: expected a dict"),
    ],
)
def test_what_is_no_table_is_refused_and_changes_nothing(labels, message):
    meta = Meta()
    meta.labels = [TUMOUR]
    with pytest.raises(MetadataError, match=message):
        meta.labels = labels
    assert meta.labels == (TUMOUR,)


def test_a_damaged_table_is_named():
    meta = Meta(extra={"mlarray": {"labels": [{"value": "1"}]}})
    with pytest.raises(MetadataError, match=r"extra\['mlarray'\]\.labels\[0\]\.value: expected a number"):
        _ = meta.labels


def test_colours():
    assert color_of(221, 130, 101) == "#dd8265"
    assert color_of(0.4, 254.6, 0, 128) == "#00ff0080"
    assert Label(1, color="#dd8265").rgba == (221, 130, 101, 255)
    assert Label(1, color="#00ff0080").rgba == (0, 255, 0, 128)
    assert Label(1).rgba is None
    with pytest.raises(MetadataError, match="expected numbers from 0 to 255"):
        color_of(256, 0, 0)
