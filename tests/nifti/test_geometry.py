"""Placements: sform, qform, none; degenerate and sheared ones; and how they are written."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlarray_core import geometry as core
from mlarray_core.errors import CorruptError
from mlarray_nifti.geometry import put_qform, qform, voxel_move, voxel_sizes
from mlarray_nifti.header import Header, blank

OBLIQUE = np.array([[-1.9, 0.3, 0.1, 12], [0.2, 1.8, -0.5, -30], [0.1, 0.4, 2.4, 7], [0, 0, 0, 1.0]])
VOXELS = np.arange(3 * 4 * 5, dtype="i2").reshape(5, 4, 3)
NOWHERE = Path("x.nii")

unit = st.floats(-1, 1, width=32)


@given(
    q=st.tuples(unit, unit, unit),
    sizes=st.tuples(*[st.floats(0.125, 8, width=32)] * 3),
    flipped=st.booleans(),
)
def test_qform_is_nibabels(q, sizes, flipped):
    if sum(part * part for part in q) > 1:
        return
    theirs = nibabel.Nifti1Header()
    theirs["quatern_b"], theirs["quatern_c"], theirs["quatern_d"] = q
    theirs["pixdim"][:4] = [-1 if flipped else 1, *sizes]
    theirs["dim"][:4] = [3, 2, 2, 2]
    header = Header("nifti1", theirs.structarr)
    ours = qform(header, voxel_sizes(header, 3, NOWHERE))
    np.testing.assert_allclose(ours, theirs.get_qform(), atol=1e-3)
    again = blank("nifti1")
    assert put_qform(again, ours, 1)
    again.fields["pixdim"][1:4] = sizes
    np.testing.assert_allclose(qform(again, list(sizes)), ours, atol=1e-4)


@pytest.mark.parametrize("codes", [(1, 0), (2, 1), (4, 2), (5, 5), (0, 1), (0, 4)])
def test_placement_is_nibabels_in_lps(save, load, codes):
    turned = np.array([[0, -2, 0, 5], [1.5, 0, 0, 6], [0, 0, -3, 7], [0, 0, 0, 1.0]])
    path = save(VOXELS, turned if codes[1] else OBLIQUE, codes=codes)
    theirs = nibabel.load(path)
    image = load(path)
    assert image.spatial.coord_system == "LPS"
    ours = core.to_world(core.affine_of(image.spatial), "LPS", "RAS")
    np.testing.assert_allclose(ours, theirs.affine[:, [2, 1, 0, 3]], rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(image.array, VOXELS.T)


def test_shear_is_kept_as_affine(save, load):
    sheared = OBLIQUE.copy()
    sheared[0, 2] = 1.5
    image = load(save(VOXELS, sheared))
    assert image.spatial.affine is not None
    assert image.spatial.spacing is None


def test_right_angles_are_kept_as_spacing_origin_direction(save, load):
    spatial = load(save(VOXELS, np.diag([2.0, 3.0, 4.0, 1.0]))).spatial
    assert spatial.affine is None
    assert spatial.spacing == [4.0, 3.0, 2.0]


def test_no_codes_is_no_world(save, load):
    path = save(VOXELS, np.diag([2.0, 3.0, 4.0, 1.0]), codes=(0, 0))
    spatial = load(path).spatial
    assert spatial.coord_system is None
    assert spatial.spacing == [4.0, 3.0, 2.0]
    assert spatial.origin == [0, 0, 0]
    np.testing.assert_array_equal(core.affine_of(spatial)[:3, :3], [[0, 0, 2], [0, 3, 0], [4, 0, 0]])


def test_form_can_be_chosen(save, load):
    path = save(VOXELS, OBLIQUE, edit=lambda h: h.set_qform(np.diag([2.0, 3.0, 4.0, 1.0]), code=1))
    assert load(path, form="qform").spatial.spacing == [4.0, 3.0, 2.0]
    assert load(path, form="sform").meta.spatial.to_plain() == load(path).meta.spatial.to_plain()
    assert load(path, form="none").spatial.coord_system is None


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
@pytest.mark.parametrize("codes", [(2, 0), (0, 1), (0, 0)])
def test_senseless_voxel_size(save, load, bad, codes):
    path = save(VOXELS, np.diag([2.0, 3.0, 4.0, 1.0]), codes=codes)
    content = bytearray(path.read_bytes())
    content[84:88] = np.float32(bad).tobytes()
    path.write_bytes(content)
    with pytest.raises(CorruptError, match=r"pixdim\[2\].*form=sform"):
        load(path)
    assert load(path, form="none").spatial.spacing is None
    if codes[0]:
        assert load(path, form="sform").spatial.spacing == [4.0, 3.0, 2.0]


@pytest.mark.parametrize(("row", "what"), [([0, 0, 0, 0], "singular"), ([np.nan, 0, 0, 0], "NaN")])
def test_degenerate_sform(save, load, row, what):
    path = save(VOXELS, np.diag([2.0, 3.0, 4.0, 1.0]))
    content = bytearray(path.read_bytes())
    content[280:296] = np.array(row, "f4").tobytes()
    path.write_bytes(content)
    with pytest.raises(CorruptError, match=what):
        load(path)
    assert load(path, form="none").spatial.spacing == [4.0, 3.0, 2.0]


def test_plane_in_space_gets_a_slice_axis(save, load, write):
    affine = np.array([[0, 0, 5, 10], [2, 0, 0, 20], [0, -3, 0, 30], [0, 0, 0, 1.0]])
    path = save(VOXELS[..., 0], affine, descrip=b"a plane")
    image = load(path)
    assert image.array.shape == (1, 4, 5)
    assert image.spatial.axis_labels == ["spatial_z", "spatial_y", "spatial_x"]
    out, _ = write(image.array, image.meta)
    back = nibabel.load(out)
    assert back.shape == (5, 4)
    np.testing.assert_allclose(back.affine, affine)


def test_plane_without_a_place_stays_a_plane(save, load):
    image = load(save(VOXELS[..., 0], np.diag([2.0, 3.0, 4.0, 1.0]), codes=(0, 0)))
    assert image.array.shape == (4, 5)
    assert image.spatial.spacing == [3.0, 2.0]


def test_plane_whose_sform_has_no_third_direction(save, load):
    path = save(VOXELS[..., 0], np.diag([2.0, 3.0, 1.0, 1.0]))
    content = bytearray(path.read_bytes())
    content[320:324] = bytes(4)  # srow_z[2]
    path.write_bytes(content)
    assert np.linalg.det(core.affine_of(load(path).spatial)) != 0


def test_line(save, load):
    image = load(save(np.arange(7, dtype="f4"), np.diag([2.0, 1, 1, 1])))
    assert image.array.shape == (1, 1, 7)
    assert image.spatial.spacing[2] == 2.0


def test_moves_are_flips_and_permutations_only():
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = 9
    np.testing.assert_array_equal(voxel_move(OBLIQUE, OBLIQUE @ flip), flip)
    assert voxel_move(OBLIQUE, OBLIQUE @ np.diag([2.0, 1, 1, 1])) is None
