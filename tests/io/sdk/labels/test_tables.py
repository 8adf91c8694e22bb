"""Label tables of other programs."""

import json
import os

import pytest

from mlarray_core.errors import ArgumentError, CorruptError, LimitError, NotFoundError, UnsafeError
from mlarray_core.meta import Label
from mlarray_io.sdk import read_label_table
from mlarray_io.sdk.labels import tables as label_tables

# the first lines of FreeSurferColorLUT.txt as FreeSurfer 7 installs it
FREESURFER = """#$Id: FreeSurferColorLUT.txt $

#No. Label Name:                            R   G   B   A

0   Unknown                                 0   0   0   0
1   Left-Cerebral-Exterior                  70  130 180 0
17  Left-Hippocampus                        220 216 20  0
"""

# as 3D Slicer 5 saves a colour table node; opacity in the last column
SLICER = """# Color table file /tmp/Segmentation-label_ColorTable.ctbl
# 3 values
0 background 0 0 0 0
1 tissue 128 174 128 255
2 bone 241 214 145 128
"""

# as ITK-SNAP 4 saves label descriptions: this is the heading that it writes
ITK_SNAP = """################################################
# ITK-SnAP Label Description File
# File format:
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
# Fields:
#    IDX:   Zero-based index
################################################
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "Left lung (upper)"
    2     0  255    0      0.5  1  0    "Tumour"
"""


def saved(path, content):
    path.write_text(content, "utf-8")
    return path


def test_freesurfer(tmp_path):
    assert read_label_table(saved(tmp_path / "lut.txt", FREESURFER)) == [
        Label(0, "Unknown", "#000000"),
        Label(1, "Left-Cerebral-Exterior", "#4682b4"),
        Label(17, "Left-Hippocampus", "#dcd814"),
    ]


def test_slicer(tmp_path):
    assert read_label_table(saved(tmp_path / "a.ctbl", SLICER)) == [
        Label(0, "background", "#00000000"),
        Label(1, "tissue", "#80ae80"),
        Label(2, "bone", "#f1d69180"),
    ]


def test_itk_snap(tmp_path):
    assert read_label_table(saved(tmp_path / "labels.txt", ITK_SNAP)) == [
        Label(0, "Clear Label", "#00000000", others={"visible": False, "mesh": False}),
        Label(1, "Left lung (upper)", "#ff0000"),
        Label(2, "Tumour", "#00ff0080", others={"mesh": False}),
    ]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        # nnU-Net v2, documentation/dataset_format.md
        ({"background": 0, "liver": 1, "cancer": 2}, [(0, "background"), (1, "liver"), (2, "cancer")]),
        # nnU-Net v1 and the Medical Segmentation Decathlon
        ({"0": "background", "1": "liver"}, [(0, "background"), (1, "liver")]),
    ],
)
def test_nnunet(tmp_path, labels, expected):
    path = saved(tmp_path / "dataset.json", json.dumps({"channel_names": {"0": "CT"}, "labels": labels}))
    assert [(label.value, label.name) for label in read_label_table(path)] == expected


def test_regions_of_nnunet():
    # BraTS, documentation/region_based_training.md
    labels = {"background": 0, "whole_tumor": [1, 2, 3], "tumor_core": [2, 3], "enhancing_tumor": [3]}
    assert label_tables.nnunet_labels({"labels": labels}) == [
        Label(0, "background"),
        Label(1, others={"regions": ["whole_tumor"]}),
        Label(2, others={"regions": ["whole_tumor", "tumor_core"]}),
        Label(3, "enhancing_tumor", others={"regions": ["whole_tumor", "tumor_core", "enhancing_tumor"]}),
    ]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("name,value\nliver,1\n", ArgumentError, "this is no label table"),
        ("", ArgumentError, "this is no label table"),
        ("1 liver 70 130 180 0\nliver\n", CorruptError, "line 2: no entry of a lookup table: 'liver'"),
        ("1 liver 70 130 300 0\n", CorruptError, "line 1: expected numbers from 0 to 255"),
        ('1 0 0 0 1 1 1 "a"\n2 0 0\n', CorruptError, "line 2: no label description"),
        ('1 0 0 0 1.5 1 1 "a"\n', CorruptError, "line 1: expected numbers from 0 to 255"),
        ('1 0 0 0 nan 1 1 "a"\n', ArgumentError, "this is no label table"),
        ('1 0 0 0 1e 1 1 "a"\n', CorruptError, "line 1: expected a number, got '1e'"),
        ('{"labels": {"liver": 1.5}}', CorruptError, r"labels\['liver'\]: expected a whole number"),
        ('{"labels": {"liver": true}}', CorruptError, r"labels\['liver'\]: expected a whole number"),
        ('{"labels": [1]}', CorruptError, "labels: expected a dict"),
        ('{"labels": ', CorruptError, "no JSON"),
        ("{" + '"a":{' * 100_000, CorruptError, "no JSON"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, error, message):
    path = saved(tmp_path / "labels.txt", content)
    with pytest.raises(error, match=message) as caught:
        read_label_table(path)
    assert caught.value.path == str(path)


def test_files_that_are_none(tmp_path, monkeypatch):
    with pytest.raises(NotFoundError):
        read_label_table(tmp_path / "missing.txt")
    with pytest.raises(UnsafeError, match="no regular file"):
        read_label_table(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnsafeError, match="no regular file"):
        read_label_table(tmp_path / "pipe")
    monkeypatch.setattr(label_tables, "MOST_BYTES", 10)
    with pytest.raises(LimitError):
        read_label_table(saved(tmp_path / "lut.txt", FREESURFER))


def test_a_table_longer_than_any_atlas_is_refused(tmp_path):
    """And a long text that is no table is said to be none."""
    path = saved(tmp_path / "a.txt", "".join(f"{n} part_{n} 0 0 0 0\n" for n in range(20_000)))
    with pytest.raises(LimitError, match=r"a\.txt: names 20,000 labels"):
        read_label_table(path)
    with pytest.raises(ArgumentError, match="no label table"):
        read_label_table(saved(path, "a story\n" * 20_000))
