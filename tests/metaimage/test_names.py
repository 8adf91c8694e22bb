"""Labels and units of axes beside those of space, in fields that ITK reads past; line ends that are none."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import MLArrayError


@pytest.mark.parametrize(("unit", "step"), [("sec", 2.0), ("msec", 2000.0)])
def test_time_keeps_its_name_and_unit(tmp_path, unit, step):
    image = nibabel.Nifti1Image(np.arange(120, dtype="i2").reshape(2, 3, 4, 5), np.eye(4))
    image.header.set_zooms((1, 1, 1, step))
    image.header.set_xyzt_units("mm", unit)
    nibabel.save(image, tmp_path / "a.nii")
    done = mlarray.convert(tmp_path / "a.nii", tmp_path / "a.mha")
    assert [loss.what for loss in done.losses] == ["the header of the source"]
    itk = SimpleITK.ReadImage(str(tmp_path / "a.mha"))
    assert itk.GetSize() == (2, 3, 4, 5)
    assert itk.GetSpacing()[3] == step
    mlarray.convert(tmp_path / "a.mha", tmp_path / "b.nii")
    again = nibabel.load(tmp_path / "b.nii")
    assert again.header.get_xyzt_units() == ("mm", unit)
    assert again.header.get_zooms()[3] == step
    np.testing.assert_array_equal(np.asarray(again.dataobj), np.asarray(image.dataobj))


def test_named_axes_come_back_verbatim(tmp_path):
    labels = ["continuous", "spatial_z", "spatial_y", "spatial_x"]
    image = mlarray.MLArray(np.zeros((3, 2, 4, 5), "i2"), spacing=[1, 1, 1], axis_labels=labels)
    image.meta.spatial.axis_units, image.meta.spatial.coord_system = ["Hz", "mm", "mm", "mm"], "LPS"
    mlarray.write(image, tmp_path / "a.mha")
    mlarray.convert(tmp_path / "a.mha", tmp_path / "b.mha", strict=True)
    assert (tmp_path / "a.mha").read_bytes() == (tmp_path / "b.mha").read_bytes()
    assert mlarray.read(tmp_path / "b.mha").meta.spatial.axis_labels[0] == "continuous"


@pytest.mark.parametrize("field", ["AxisLabels", "AxisUnits"])
@pytest.mark.parametrize("text", ["", "a", "a b", "spatial_x b c d", "a b c components", "é\x01 b c d"])
def test_names_that_are_none(tmp_path, field, text):
    head = f"ObjectType = Image\nNDims = 4\nDimSize = 2 2 2 2\n{field} = {text}\nElementType = MET_UCHAR\n"
    (tmp_path / "a.mha").write_bytes((head + "ElementDataFile = LOCAL\n").encode("latin-1") + bytes(16))
    labels = mlarray.read(tmp_path / "a.mha").meta.spatial.axis_labels
    assert labels[1:] == ["spatial_z", "spatial_y", "spatial_x"]
    assert labels[0] in ("non_spatial", "d")


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_in_kept_fields_are_refused(tmp_path, suffix, end):
    image = mlarray.MLArray(np.zeros((2, 2), "u1"))
    mlarray.write(image, tmp_path / f"a{suffix}")
    read = mlarray.read(tmp_path / f"a{suffix}")
    source = dict(read.meta.source)
    source["lines"] = [*source["lines"][:2], f"Comment: x{end}byte skip: 7", *source["lines"][2:]]
    if suffix == ".mha":
        source["lines"][2] = f"Comment = x{end}HeaderSize = 7"
        source["fields"] = {**source["fields"], "Comment": f"x{end}HeaderSize = 7"}
    read.meta.source = source
    with pytest.raises(MLArrayError, match="line end"):
        mlarray.write(read, tmp_path / f"b{suffix}")
    assert not (tmp_path / f"b{suffix}").exists()


def test_time_that_is_a_displacement_is_none(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((2, 3, 4, 1, 3), "f4"), np.eye(4))
    image.header["intent_code"] = 1006
    nibabel.save(image, tmp_path / "a.nii")
    done = mlarray.convert(tmp_path / "a.nii", tmp_path / "a.mha")
    assert "that the parts are a displacement" in {loss.what for loss in done.losses}
    assert not Additions.of(mlarray.read(tmp_path / "a.mha").meta).axes
