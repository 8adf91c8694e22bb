"""What is written: nothing lost from NRRD, what changed changed, losses told, segments and encodings kept."""

from __future__ import annotations

import nibabel
import nrrd
import numpy as np
import pytest

import mlarray
from mlarray_core import Meta, MLArray, geometry

DIRECTIONS = "space directions: (2,0,0.5) (0,3,0) (0,0.25,4)"
PAIRS = [
    "int:= 24",
    "space:=named like a field",
    "sizes:=1 2 3",
    "text:=two\\nlines \\\\ one",
    "Twice:=1",
    "Twice:=2",
]


def _header(path):
    return path.read_bytes().split(b"\n\n")[0].decode().splitlines()


def test_header_comes_back_line_by_line(make, tmp_path):
    lines = ["# a comment", "content: anything", "space: RAS", DIRECTIONS, "space origin: (7.50,8,9)",
             'labels: "a" "b" "c"', "old min: 0", "sample units: HU", *PAIRS]  # fmt: skip
    path = make("2 3 4", *lines)
    mlarray.convert(path, tmp_path / "a.mla")
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.nrrd", strict=True)
    assert _header(tmp_path / "b.nrrd") == _header(path)
    assert (tmp_path / "b.nrrd").read_bytes() == path.read_bytes()


def test_values_are_typed_and_in_order(make, read):
    vectors = ["matrix:=(1,0) (0,2.5)", "vector:=(1, 2, 3)", "code:=007", "uid:=1.2.840.1"]
    source = read(make("2 3 4", *PAIRS, *vectors)).meta.source
    assert list(map(list, source["key_values"])) == [
        ["int", 24],
        ["space", "named like a field"],
        ["sizes", [1, 2, 3]],
        ["text", "two\nlines \\ one"],
        ["Twice", 1],
        ["Twice", 2],
        ["matrix", [[1, 0], [0, 2.5]]],
        ["vector", [1, 2, 3]],
        ["code", "007"],
        ["uid", "1.2.840.1"],
    ]
    assert source["fields"]["sizes"] == [2, 3, 4]


def test_edits_of_the_source_are_written(make, tmp_path):
    mlarray.convert(make("2 3 4", "content: old", *PAIRS), tmp_path / "a.mla")
    image = MLArray.load(tmp_path / "a.mla")
    image.meta.source["fields"]["content"] = "new"
    image.meta.source["key_values"][0][1] = [1, 2.5]
    image.meta.source["key_values"].append(["more", "than before"])
    mlarray.write(image, tmp_path / "b.nrrd")
    lines = _header(tmp_path / "b.nrrd")
    assert "content: new" in lines
    assert "int:=1 2.5" in lines
    assert lines[-1] == "more:=than before"


def test_world_is_told_anew_with_its_frame(make, tmp_path):
    lines = [
        "space: right-anterior-superior",
        DIRECTIONS,
        "space origin: (7,8,9)",
        "kinds: space space space",
    ]
    path = make("2 3 4", *lines, "measurement frame: (1,0,0.5) (0,-1,0) (0,0,1)")
    mlarray.convert(path, tmp_path / "b.nrrd", coord_system="LPS")
    _, header = nrrd.read(str(tmp_path / "b.nrrd"))
    assert header["space"] == "left-posterior-superior"
    np.testing.assert_array_equal(header["space directions"], [[-2, 0, 0.5], [0, -3, 0], [0, -0.25, 4]])
    np.testing.assert_array_equal(header["space origin"], [-7, -8, 9])
    np.testing.assert_array_equal(header["measurement frame"], [[-1, 0, 0.5], [0, 1, 0], [0, 0, 1]])
    assert header["kinds"] == ["space"] * 3


def test_moved_image(make, tmp_path, read):
    path = make(
        "2 3 4", "space: RAS", DIRECTIONS, "space origin: (7,8,9)", "thicknesses: 1 2 3", "note:=kept"
    )
    mlarray.convert(path, tmp_path / "a.mla")
    image = MLArray.load(tmp_path / "a.mla")
    affine = geometry.affine_of(image.meta.spatial)
    affine[:3, 3] = [1, 2, 3]
    image.meta.spatial.affine = affine.tolist()
    mlarray.write(image, tmp_path / "b.nrrd")
    _, header = nrrd.read(str(tmp_path / "b.nrrd"))
    np.testing.assert_array_equal(header["space origin"], [1, 2, 3])
    np.testing.assert_array_equal(header["space directions"], [[2, 0, 0.5], [0, 3, 0], [0, 0.25, 4]])
    assert header["note"] == "kept"
    assert "thicknesses" not in header


def test_plane_in_space_is_a_plane_again(make, tmp_path):
    path = make("2 3", "space: RAS", "space directions: (0,2,0) (0,0,3)", "space origin: (5,6,7)")
    mlarray.convert(path, tmp_path / "a.mla")
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.nrrd", strict=True)
    assert (tmp_path / "b.nrrd").read_bytes() == path.read_bytes()


SEGMENTS = [
    "Segment0_ID:=Segment_1",
    "Segment0_Name:=liver",
    "Segment0_Color:=0.5 0.25 1",
    "Segment0_LabelValue:=1",
    "Segment0_Layer:=0",
    "Segment0_Extent:=0 1 0 1 0 1",
    "Segment1_ID:=Segment_2",
    "Segment1_Name:=vessel",
    "Segment1_LabelValue:=1",
    "Segment1_Layer:=1",
    "Segmentation_MasterRepresentation:=Binary labelmap",
]


def test_overlapping_segments(make, tmp_path, read):
    lines = [
        "space: LPS",
        "space directions: none (1,0,0) (0,1,0) (0,0,1)",
        "kinds: list domain domain domain",
    ]
    path = make("2 2 2 3", *lines, *SEGMENTS, name="a.seg.nrrd")
    image = read(path)
    assert image.meta.is_seg.is_seg
    assert image.labels == ["spatial_z", "spatial_y", "spatial_x", "non_spatial"]
    names = {key: value for key, value in image.meta.source["key_values"]}
    assert names["Segment0_Name"] == "liver"
    assert names["Segment0_Color"] == [0.5, 0.25, 1]
    mlarray.convert(path, tmp_path / "a.mla")
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.seg.nrrd", strict=True)
    assert (tmp_path / "b.seg.nrrd").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii", "hex"])
@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr"])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_types_and_encodings(tmp_path, encoding, suffix, dtype, read):
    info = np.iinfo(dtype) if dtype[0] in "iu" else np.finfo(dtype)
    array = np.array([[0, 1, 2], [info.max, info.min, 3]], dtype)
    image = MLArray(array, meta=Meta(spatial={"axis_labels": ["spatial_y", "spatial_x"]}))
    target = tmp_path / f"a{suffix}"
    mlarray.write(image, target, options={"encoding": encoding})
    again = read(target)
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again.voxels, array)
    if encoding != "hex" and (
        dtype != "i8" or encoding != "ascii"
    ):  # pynrrd has no hex and reads text as float64
        np.testing.assert_array_equal(nrrd.read(str(target), index_order="C")[0], array)


def test_losses_are_told(tmp_path):
    meta = Meta(is_seg=True, extra={"mine": 1}, source={"other": 1})
    meta.spatial.axis_labels = ["echo", "spatial_y", "spatial_x"]
    meta.spatial.coord_system = "my own"
    meta.spatial.spacing = [1.0, 2.0]
    meta.spatial.origin = [0.0, 0.0]
    done = mlarray.write(MLArray(np.zeros((2, 3, 4), bool), meta=meta), tmp_path / "a.nrrd")
    told = " ".join(str(loss) for loss in done.losses)
    for part in ("labels", "extra: mine", "header of the source", "axis label echo", "world my own", "bool"):
        assert part in told, told


def test_nifti_and_back(tmp_path):
    affine = np.array([[0, 0, 2.0, 5], [-3, 0, 0, 6], [0, 1.5, 0, 7], [0, 0, 0, 1]])
    voxels = np.arange(120, dtype="i2").reshape(2, 3, 4, 5)
    nibabel.save(nibabel.Nifti1Image(voxels, affine), tmp_path / "a.nii.gz")
    mlarray.convert(tmp_path / "a.nii.gz", tmp_path / "b.nrrd")
    data, header = nrrd.read(str(tmp_path / "b.nrrd"))
    np.testing.assert_array_equal(data, voxels)
    # four domain axes want four dimensions of space: ITK refuses the file otherwise
    assert header["space"] == "left-posterior-superior-time"
    assert header["kinds"] == ["space"] * 3 + ["time"]
    mlarray.convert(tmp_path / "b.nrrd", tmp_path / "c.nii.gz")
    again = nibabel.load(tmp_path / "c.nii.gz")
    np.testing.assert_allclose(again.affine, affine, atol=1e-6)
    np.testing.assert_array_equal(np.asanyarray(again.dataobj), voxels)
