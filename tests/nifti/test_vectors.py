"""Displacements and tensors of the world, as ITK and nifti1.h have them."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK

import mlarray
from mlarray_core import Additions

RNG = np.random.default_rng(3)
AFFINE = np.diag([1.0, 2, 3, 1])
AFFINE[:3, 3] = 10, 20, 30


def saved(path, intent, voxels):
    image = nibabel.Nifti1Image(voxels, AFFINE)
    image.header["intent_code"] = intent
    image.set_qform(AFFINE, 1)
    nibabel.save(image, path)
    return path


def by_itk(path):
    image = SimpleITK.ReadImage(str(path))
    return SimpleITK.GetArrayFromImage(image), image.GetDirection(), image.GetOrigin()


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nii.gz"])
@pytest.mark.parametrize("world", [None, "RAS", "LPS"])
def test_displacements_are_those_that_itk_reads(tmp_path, suffix, world):
    """ITK turns intent 1006 to LPS when it reads NIfTI (itkNiftiImageIO.cxx, ConvertRASVectors)."""
    voxels = RNG.normal(size=(4, 3, 2, 1, 3)).astype("f4")
    path = saved(tmp_path / "a.nii", 1006, voxels)
    mlarray.convert(path, tmp_path / "a.mla", coord_system=world)
    for name, source in (("b", path), ("c", tmp_path / "a.mla")):
        mlarray.convert(source, tmp_path / f"{name}{suffix}")
        before, after = by_itk(path), by_itk(tmp_path / f"{name}{suffix}")
        np.testing.assert_array_equal(after[0], before[0])
        np.testing.assert_allclose(after[1], before[1])
        np.testing.assert_allclose(after[2], before[2])


@pytest.mark.parametrize(("world", "sign"), [("RAS", 1), ("LPS", -1)])
def test_displacements_are_along_the_world(tmp_path, world, sign):
    voxels = RNG.normal(size=(4, 3, 2, 1, 3)).astype("f4")
    path = saved(tmp_path / "a.nii", 1006, voxels)
    mlarray.convert(path, tmp_path / "a.mla", coord_system=world, orient="PSL")
    image = mlarray.read(tmp_path / "a.mla")
    assert image.meta.spatial.axis_labels == ["components", "spatial_z", "spatial_y", "spatial_x"]
    assert Additions.of(image.meta).axes[0].values == ["x", "y", "z"]
    unturned = nibabel.as_closest_canonical(nibabel.load(path)).get_fdata()[:, :, :, 0]
    back = tmp_path / "b.mla"
    mlarray.convert(tmp_path / "a.mla", back, orient="RAS")
    expected = np.moveaxis(unturned, 3, 0).transpose(0, 3, 2, 1) * np.array([sign, sign, 1]).reshape(
        3, 1, 1, 1
    )
    np.testing.assert_array_equal(mlarray.read(back).to_numpy(), expected.astype("f4"))


@pytest.mark.parametrize("intent", [1005, 1006, 1007])
def test_vectors_come_back_byte_by_byte(tmp_path, intent):
    parts = 6 if intent == 1005 else 3
    path = saved(tmp_path / "a.nii", intent, RNG.normal(size=(4, 3, 2, 1, parts)).astype("f4"))
    mlarray.convert(path, tmp_path / "a.mla")
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.nii", strict=True)
    assert (tmp_path / "b.nii").read_bytes() == path.read_bytes()


def test_tensors_turn_with_the_world(tmp_path):
    """D in LPS is F D F with F = diag(-1, -1, 1); nifti1.h has the lower triangle row by row."""
    full = RNG.normal(size=(4, 3, 2, 3, 3))
    full = (full + full.swapaxes(-1, -2)).astype("f4")
    lower = [full[..., row, column] for row in range(3) for column in range(row + 1)]
    path = saved(tmp_path / "a.nii", 1005, np.stack(lower, -1)[:, :, :, None])
    found = mlarray.read(path).to_numpy()
    turn = np.diag([-1.0, -1, 1])
    turned = turn @ full @ turn
    expected = np.stack([turned[..., row, column] for row in range(3) for column in range(row + 1)])
    np.testing.assert_array_equal(found, expected.transpose(0, 3, 2, 1))


def test_other_vectors_are_left_alone(tmp_path):
    """ITK doesn't turn intent 1007 either."""
    path = saved(tmp_path / "a.nii", 1007, RNG.normal(size=(4, 3, 2, 1, 3)).astype("f4"))
    mlarray.convert(path, tmp_path / "a.mha")
    np.testing.assert_array_equal(by_itk(tmp_path / "a.mha")[0], by_itk(path)[0])


def test_raw_leaves_displacements_as_they_are_stored(tmp_path):
    voxels = RNG.normal(size=(4, 3, 2, 1, 3)).astype("f4")
    path = saved(tmp_path / "a.nii", 1006, voxels)
    image = mlarray.read(path, raw=True)
    assert image.meta.spatial.coord_system == "RAS"
    np.testing.assert_array_equal(image.to_numpy(), voxels[:, :, :, 0].transpose(3, 2, 1, 0))


def test_a_time_series_of_vectors_keeps_its_time(tmp_path):
    path = saved(tmp_path / "a.nii", 1007, RNG.normal(size=(4, 3, 2, 5, 3)).astype("f4"))
    assert mlarray.read(path).meta.spatial.axis_labels[:2] == ["components", "temporal"]
