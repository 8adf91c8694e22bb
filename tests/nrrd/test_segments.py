"""The label table of ``.seg.nrrd``, as Slicer writes it and reads it."""

from __future__ import annotations

import numpy as np
import pytest

import mlarray
from mlarray_core import Code, Label

TAGS = (
    "TerminologyEntry:Segmentation category and type - 3D Slicer General Anatomy list~SCT^123037004^"
    "Anatomical Structure~SCT^10200004^Liver~^^~Anatomic codes - DICOM master list~^^~^^|"
)
HEAD = (
    "NRRD0004\ntype: unsigned char\ndimension: 3\nspace: left-posterior-superior\nsizes: 2 2 2\n"
    "space directions: (1,0,0) (0,1,0) (0,0,1)\nkinds: domain domain domain\n"
    "encoding: raw\nspace origin: (0,0,0)\n"
)


def seg(path, *segments):
    pairs = [
        f"Segment{number}_{name}:={value}"
        for number, fields in enumerate(segments)
        for name, value in fields.items()
    ]
    path.write_bytes(("\n".join([HEAD.rstrip(), *pairs]) + "\n\n").encode() + bytes([0, 1, 2, 0, 1, 2, 0, 1]))
    return path


def liver(**fields):
    color = "0.866667 0.509804 0.396078"
    known = {"ID": "Segment_1", "Name": "liver", "LabelValue": 1, "Color": color, "Layer": 0, "Tags": TAGS}
    return {**known, **fields}


def test_segments_become_the_table(tmp_path):
    image = mlarray.read(
        seg(tmp_path / "a.seg.nrrd", liver(), {"Name": "tumour", "LabelValue": 2, "Layer": 0})
    )
    assert image.meta.labels == (
        Label(
            1, "liver", "#dd8265", code=Code("SCT", "10200004", "Liver"),
            category=Code("SCT", "123037004", "Anatomical Structure"),
        ),
        Label(2, "tumour"),
    )  # fmt: skip


def test_kept_as_it_was(tmp_path):
    path = seg(tmp_path / "a.seg.nrrd", liver())
    mlarray.convert(path, tmp_path / "a.mla")
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.seg.nrrd", strict=True)
    assert (tmp_path / "b.seg.nrrd").read_bytes() == path.read_bytes()


def test_an_edited_table_is_written(tmp_path):
    image = mlarray.read(seg(tmp_path / "a.seg.nrrd", liver()))
    image.meta.labels = [Label(1, "spleen", "#ff0000"), Label(7, "other")]
    mlarray.write(image, tmp_path / "b.seg.nrrd")
    again = mlarray.read(tmp_path / "b.seg.nrrd")
    assert again.meta.labels == (Label(1, "spleen", "#ff0000"), Label(7, "other"))


def test_overlapping_segments_have_no_table(tmp_path):
    image = mlarray.read(seg(tmp_path / "a.seg.nrrd", liver(), liver(Name="lesion", Layer=1)))
    assert image.meta.labels == ()
    assert image.meta.is_seg.is_seg


@pytest.mark.parametrize("value", ["x", "1.5", ""])
def test_values_that_are_none(tmp_path, value):
    assert mlarray.read(seg(tmp_path / "a.seg.nrrd", liver(LabelValue=value))).meta.labels == ()


def test_a_table_from_elsewhere(tmp_path):
    image = mlarray.MLArray(np.ones((2, 3, 4), "u1"), spacing=[1, 1, 1])
    image.meta.is_seg = True
    image.meta.spatial.coord_system, image.meta.spatial.origin = "LPS", [0, 0, 0]
    labels = [Label(1, "liver", "#dd8265", code=Code("SCT", "10200004", "Liver"))]
    image.meta.labels = labels
    done = mlarray.write(image, tmp_path / "a.seg.nrrd")
    assert not done.losses
    again = mlarray.read(tmp_path / "a.seg.nrrd")
    assert list(again.meta.labels) == labels
    assert again.meta.is_seg.is_seg
