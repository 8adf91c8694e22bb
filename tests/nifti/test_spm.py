"""Analyze files by SPM, as nibabel writes and reads them; and what FreeSurfer and scanners do to headers."""

from __future__ import annotations

import struct

import nibabel
import numpy as np
import pytest
import SimpleITK

import mlarray
from mlarray_core import geometry

VALUES = np.linspace(-3, 3, 60).reshape(3, 4, 5)


def spm(path, affine):
    image = nibabel.Spm99AnalyzeImage(VALUES, affine)
    image.set_data_dtype(np.int16)
    nibabel.save(image, path)
    return path


def test_the_scale_is_applied_when_asked_for(tmp_path):
    path = spm(tmp_path / "s.img", np.diag([-2.0, 2, 2, 1]))
    expected = np.asarray(nibabel.load(path).dataobj).T
    assert expected.min() == pytest.approx(-3)
    np.testing.assert_allclose(mlarray.read(path, options={"analyze": "spm"}).to_numpy(), expected, rtol=1e-6)


def test_the_scale_is_named_and_reaches_nifti(tmp_path):
    path = spm(tmp_path / "s.img", np.diag([-2.0, 2, 2, 1]))
    done = mlarray.convert(path, tmp_path / "a.mla")
    assert any("112 to 115" in text for text in done.warnings)
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.nii")
    again = np.asarray(nibabel.load(tmp_path / "b.nii").dataobj)
    np.testing.assert_allclose(again, np.asarray(nibabel.load(path).dataobj), rtol=1e-6)


def test_the_matrix_beside_it_places_the_voxels(tmp_path):
    affine = np.array([[-2, 0.1, 0, 5], [0.1, 3, 0, -7], [0, 0, 4, 11], [0, 0, 0, 1.0]])
    image = mlarray.read(spm(tmp_path / "s.img", affine))
    assert image.meta.spatial.coord_system == "LPS"
    ours = geometry.to_world(geometry.affine_of(image.meta.spatial), "LPS", "RAS")[:, [2, 1, 0, 3]]
    np.testing.assert_allclose(ours, nibabel.load(tmp_path / "s.img").affine, atol=1e-6)


def test_a_matrix_without_a_side_is_named(tmp_path):
    path = spm(tmp_path / "s.img", np.diag([-2.0, 2, 2, 1]))
    content = struct.pack("<5i", 0, 4, 4, 0, 2) + b"M\0" + np.eye(4).tobytes()
    (tmp_path / "s.mat").write_bytes(content)
    done = mlarray.convert(path, tmp_path / "a.mla")
    assert any("s.mat" in text for text in done.warnings)
    assert mlarray.read(path).meta.spatial.coord_system is None


@pytest.mark.parametrize("content", [b"", b"MATLAB 5.0 MAT-file", bytes(3000), b"\xff" * 200])
def test_a_matrix_that_is_none(tmp_path, content):
    path = spm(tmp_path / "s.img", np.diag([-2.0, 2, 2, 1]))
    (tmp_path / "s.mat").write_bytes(content)
    assert mlarray.read(path).meta.spatial.coord_system is None


def test_surfaces_of_freesurfer(tmp_path):
    """dim[1] is -1 and glmin has the length; nibabel reads (54614, 1, 1, 2)."""
    header = bytearray(nibabel.Nifti1Header().binaryblock)
    struct.pack_into("<8h", header, 40, 4, -1, 1, 1, 2, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 16, 32)
    struct.pack_into("<i", header, 144, 54614)
    struct.pack_into("<f", header, 108, 352)
    header[344:348] = b"n+1\0"
    voxels = np.arange(54614 * 2, dtype="<f4")
    (tmp_path / "f.nii").write_bytes(bytes(header) + bytes(4) + voxels.tobytes())
    theirs = nibabel.load(tmp_path / "f.nii")
    assert theirs.shape == (54614, 1, 1, 2)
    mlarray.convert(tmp_path / "f.nii", tmp_path / "a.mla")
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.mla").to_numpy(), np.asarray(theirs.dataobj).T)
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.nii")
    np.testing.assert_array_equal(np.asarray(nibabel.load(tmp_path / "b.nii").dataobj), theirs.dataobj)


@pytest.mark.parametrize("places", [2, 3])
@pytest.mark.parametrize("angle", [3, 10, 17, 25, 33, 40, 44])
def test_rounded_positions_get_a_qform(tmp_path, angle, places):
    """Three slices whose positions were rounded, as in DICOM: the nearest rotation is 0.003 mm away."""
    tilt = np.radians(angle)
    rows, columns = np.array([1.0, 0, 0]), np.array([0, np.cos(tilt), np.sin(tilt)])
    steps = np.round(3 * np.cross(rows, columns) * 2, places) / 2
    image = mlarray.MLArray(np.zeros((3, 8, 8), np.int16))
    affine = np.eye(4)
    affine[:3, :3] = np.stack([steps, columns, rows], 1)
    image.meta.spatial = geometry.spatial_meta(
        affine, axis_labels=["spatial_z", "spatial_y", "spatial_x"], coord_system="LPS"
    )
    mlarray.write(image, tmp_path / "a.nii")
    header = nibabel.load(tmp_path / "a.nii").header
    assert header["qform_code"] == header["sform_code"] == 2
    corners = np.array([[0, 0, 0, 1], [7, 7, 2, 1], [0, 7, 2, 1]]).T
    away = (header.get_qform() - header.get_sform()) @ corners
    assert np.linalg.norm(away[:3], axis=0).max() <= 0.01
    assert SimpleITK.ReadImage(str(tmp_path / "a.nii")).GetSize() == (8, 8, 3)


def test_a_tilted_gantry_gets_none(tmp_path):
    """A shear of 10 degrees is no rotation: the sform alone holds it, and that is said."""
    image = mlarray.MLArray(np.zeros((30, 8, 8), np.int16))
    affine = np.eye(4)
    affine[1, 0], affine[2, 0] = np.tan(np.radians(10)), 3
    affine[:3, 1:3] = [[0, 1], [1, 0], [0, 0]]
    image.meta.spatial = geometry.spatial_meta(
        affine, axis_labels=["spatial_z", "spatial_y", "spatial_x"], coord_system="LPS"
    )
    done = mlarray.write(image, tmp_path / "a.nii")
    assert any("right angles" in text for text in done.warnings)
    header = nibabel.load(tmp_path / "a.nii").header
    assert header["qform_code"] == 0
    np.testing.assert_allclose(header.get_sform()[:3, 2], np.diag([-1, -1, 1]) @ affine[:3, 0], atol=1e-6)
