"""Time, displacements and tensors: as ITK opens them, and as the definition has them."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK

import mlarray
from mlarray_core import Additions, geometry
from mlarray_io.sdk import FRAME

RNG = np.random.default_rng(8)
ZYX = ["spatial_z", "spatial_y", "spatial_x"]


def series(path, seconds=2.5):
    image = nibabel.Nifti1Image(RNG.integers(0, 99, (2, 3, 4, 5)).astype("i2"), np.diag([2.0, 3, 4, 1]))
    image.header.set_zooms((2, 3, 4, seconds))
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("world", [None, "RAS", "LPS"])
def test_a_time_series_opens_in_itk(tmp_path, world):
    """left-posterior-superior-time has four dimensions, as ITK wants for four domain axes."""
    path = series(tmp_path / "a.nii")
    done = mlarray.convert(path, tmp_path / "b.nrrd", coord_system=world)
    assert [loss.what for loss in done.losses] == ["the header of the source"]
    ours, theirs = (SimpleITK.ReadImage(str(one)) for one in (tmp_path / "b.nrrd", path))
    assert ours.GetSize() == theirs.GetSize() == (2, 3, 4, 5)
    assert ours.GetSpacing() == theirs.GetSpacing() == (2, 3, 4, 2.5)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(ours), SimpleITK.GetArrayFromImage(theirs))
    assert ours.GetDirection()[:3] == theirs.GetDirection()[:3]
    again = mlarray.read(tmp_path / "b.nrrd")
    assert again.meta.spatial.axis_labels == ["temporal", *ZYX]
    assert again.meta.spatial.axis_units == ["s", "mm", "mm", "mm"]
    time = Additions.of(again.meta).axes[0]
    assert (time.name, time.unit, time.values) == ("time", "s", [0, 2.5, 5, 7.5, 10])


def test_time_without_steps_is_time_again(tmp_path):
    image = mlarray.MLArray(np.zeros((5, 4, 3, 2), "i2"), spacing=[4, 3, 2], axis_labels=["temporal", *ZYX])
    image.meta.spatial.origin, image.meta.spatial.coord_system = [0, 0, 0], "LPS"
    mlarray.write(image, tmp_path / "a.nrrd")
    assert SimpleITK.ReadImage(str(tmp_path / "a.nrrd")).GetSize() == (2, 3, 4)
    assert mlarray.read(tmp_path / "a.nrrd").meta.spatial.axis_labels == ["temporal", *ZYX]


@pytest.mark.parametrize("suffix", [".nii", ".mha", ".nrrd"])
def test_four_dimensions_of_simpleitk(tmp_path, suffix):
    """Space dimension 4 and no space: the fourth axis doesn't mix with the others, so it isn't of space."""
    image = SimpleITK.GetImageFromArray(RNG.normal(size=(2, 3, 4, 5)).astype("f4"), isVector=False)
    image.SetSpacing((1.5, 2, 3, 0.5))
    image.SetOrigin((1, 2, 3, 4))
    SimpleITK.WriteImage(image, str(tmp_path / "s.nrrd"))
    done = mlarray.convert(tmp_path / "s.nrrd", tmp_path / f"b{suffix}")
    found = SimpleITK.ReadImage(str(tmp_path / f"b{suffix}"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(found), SimpleITK.GetArrayFromImage(image))
    assert found.GetSpacing()[:3] == pytest.approx((1.5, 2, 3))
    read = mlarray.read(tmp_path / "s.nrrd")
    assert read.meta.spatial.axis_labels == ["non_spatial", *ZYX]
    assert Additions.of(read.meta).axes[0].values == [4, 4.5]
    if suffix == ".nii":
        assert {"position and direction of the image", "positions along axis 0"} <= {
            loss.what for loss in done.losses
        }


def test_four_dimensions_that_mix_stay_of_space(tmp_path):
    image = SimpleITK.GetImageFromArray(np.zeros((2, 3, 4, 5), "f4"), isVector=False)
    half = np.sqrt(0.5)
    image.SetDirection((half, 0, 0, -half, 0, 1, 0, 0, 0, 0, 1, 0, half, 0, 0, half))
    SimpleITK.WriteImage(image, str(tmp_path / "s.nrrd"))
    labels = mlarray.read(tmp_path / "s.nrrd").meta.spatial.axis_labels
    assert all(label.startswith("spatial") for label in labels)


TENSOR = """NRRD0005
type: float
dimension: 4
space: right-anterior-superior
sizes: {parts} 2 3 4
space directions: none (2,0,0) (0,3,0) (0,0,4)
kinds: {kind} space space space
endian: little
encoding: raw
space origin: (0,0,0)
measurement frame: {frame}

"""


def tensors(path, frame, kind="3D-symmetric-matrix"):
    parts = 7 if "masked" in kind else 6
    text = " ".join(f"({','.join(map(str, vector))})" for vector in frame.tolist())
    voxels = RNG.normal(size=(4, 3, 2, parts)).astype("<f4")
    head = TENSOR.format(parts=parts, kind=kind, frame=text)
    path.write_bytes(head.encode() + voxels.tobytes())
    return path, voxels[..., parts - 6 :]


def full(parts, names):
    whole = np.empty((*parts.shape[:-1], 3, 3))
    for at, name in enumerate(names):
        row, column = map("xyz".index, name)
        whole[..., row, column] = whole[..., column, row] = parts[..., at]
    return whole


UPPER = ("xx", "xy", "xz", "yy", "yz", "zz")
LOWER = ("xx", "xy", "yy", "xz", "yz", "zz")
TURN = np.array([[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1.0]])


@pytest.mark.parametrize("frame", [np.eye(3), np.diag([1.0, -1, 1]), TURN], ids=["none", "flip", "turn"])
@pytest.mark.parametrize("world", [None, "LPS"])
def test_tensors_reach_nifti_in_ras(tmp_path, frame, world):
    """The frame's vectors are the columns of F (definition, section 5); D of the world is F D F'."""
    path, parts = tensors(tmp_path / "a.nrrd", frame)
    mlarray.convert(path, tmp_path / "a.mla", coord_system=world)
    done = mlarray.convert(tmp_path / "a.mla", tmp_path / "b.nii")
    assert not any("tensor" in loss.what or "positions" in loss.what for loss in done.losses)
    nifti = nibabel.load(tmp_path / "b.nii")
    assert nifti.header["intent_code"] == 1005
    found = full(np.asarray(nifti.dataobj)[:, :, :, 0], LOWER)
    expected = frame.T @ full(parts, UPPER) @ frame
    np.testing.assert_allclose(found, expected.transpose(2, 1, 0, 3, 4), atol=1e-6)


@pytest.mark.parametrize("kind", ["3D-symmetric-matrix", "3D-masked-symmetric-matrix"])
@pytest.mark.parametrize("frame", [np.eye(3), TURN], ids=["none", "turn"])
def test_tensors_turn_with_the_world(tmp_path, frame, kind):
    """Written in LPS, the tensors of the world are the same: F of the new file is that of the old, turned."""
    path, parts = tensors(tmp_path / "a.nrrd", frame, kind)
    mlarray.convert(path, tmp_path / "b.nrrd", coord_system="LPS")
    import nrrd

    voxels, header = nrrd.read(str(tmp_path / "b.nrrd"), index_order="C")
    assert header["kinds"][0] == kind
    now = np.asarray(header["measurement frame"], float)
    turned = now.T @ full(voxels[..., voxels.shape[-1] - 6 :], UPPER) @ now
    flip = np.diag([-1.0, -1, 1])
    before = flip @ frame.T @ full(parts, UPPER) @ frame @ flip
    np.testing.assert_allclose(turned, before, atol=1e-6)
    mlarray.convert(tmp_path / "b.nrrd", tmp_path / "c.nrrd", coord_system="RAS")
    again, _ = nrrd.read(str(tmp_path / "c.nrrd"), index_order="C")
    np.testing.assert_array_equal(again[..., again.shape[-1] - 6 :], parts)


def test_tensors_of_nifti_and_back(tmp_path):
    path = tmp_path / "a.nii"
    image = nibabel.Nifti1Image(RNG.normal(size=(4, 3, 2, 1, 6)).astype("f4"), np.diag([1.0, 2, 3, 1]))
    image.header["intent_code"] = 1005
    nibabel.save(image, path)
    mlarray.convert(path, tmp_path / "b.nrrd")
    mlarray.convert(tmp_path / "b.nrrd", tmp_path / "c.nii")
    again = nibabel.load(tmp_path / "c.nii")
    assert again.header["intent_code"] == 1005
    np.testing.assert_array_equal(np.asarray(again.dataobj), np.asarray(image.dataobj))


def test_tensors_without_a_frame_are_along_nothing_known(tmp_path):
    path, _ = tensors(tmp_path / "a.nrrd", np.eye(3))
    frame = b"measurement frame: (1.0,0.0,0.0) (0.0,1.0,0.0) (0.0,0.0,1.0)\n"
    assert frame in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(frame, b""))
    assert not Additions.of(mlarray.read(path).meta).axes


def test_a_frame_is_kept_in_the_positions(tmp_path):
    path, _ = tensors(tmp_path / "a.nrrd", TURN)
    known = Additions.of(mlarray.read(path).meta).axes[3]
    assert known.others == {FRAME: TURN.tolist()}
    assert geometry.normal_world(mlarray.read(path).meta.spatial.coord_system) == "RAS"


def test_diffusion_in_another_world_loses_no_positions(tmp_path):
    """The pairs that say the b-values are written too."""
    head = (
        "NRRD0005\ntype: short\ndimension: 4\nspace: right-anterior-superior\nsizes: 2 3 4 2\n"
        "space directions: (2,0,0) (0,3,0) (0,0,4) none\nkinds: space space space list\nendian: little\n"
        "encoding: raw\nspace origin: (0,0,0)\nmeasurement frame: (1,0,0) (0,1,0) (0,0,1)\n"
        "modality:=DWMRI\nDWMRI_b-value:=1000\nDWMRI_gradient_0000:=0 0 0\nDWMRI_gradient_0001:=0 0 1\n\n"
    )
    (tmp_path / "a.nrrd").write_bytes(head.encode() + bytes(96))
    done = mlarray.convert(tmp_path / "a.nrrd", tmp_path / "b.nrrd", coord_system="LPS", strict=True)
    assert done.losses == ()
