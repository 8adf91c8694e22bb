"""Intents in the version, times of frames, and the centre that an MGH header has the place of."""

from __future__ import annotations

import gzip
import struct

import nibabel
import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import CorruptError

# nibabel leaves files open
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
AFFINE = np.array([[-1.5, 0, 0, 10], [0, 0, 2, 20], [0, -3, 0, 30], [0, 0, 0, 1]])
VOXELS = np.arange(60, dtype="f4").reshape(3, 4, 5)


@pytest.mark.parametrize("intent", [0, 1, 2, 4, 6])
def test_intents(tmp_path, intent):
    """The version is intent << 8 | 1 (FreeSurfer 7.3 and later, surfa); nibabel takes 1 only."""
    nibabel.save(nibabel.MGHImage(VOXELS, AFFINE), tmp_path / "x.mgh")
    content = struct.pack(">i", intent << 8 | 1) + (tmp_path / "x.mgh").read_bytes()[4:]
    (tmp_path / "i.mgz").write_bytes(gzip.compress(content))
    mlarray.convert(tmp_path / "i.mgz", tmp_path / "a.mla")
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.mla").to_numpy(), VOXELS.T)
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.mgh", strict=True)
    assert (tmp_path / "b.mgh").read_bytes()[:90] == content[:90]


def test_another_version_is_none(tmp_path):
    nibabel.save(nibabel.MGHImage(VOXELS, AFFINE), tmp_path / "x.mgh")
    content = struct.pack(">i", 2) + (tmp_path / "x.mgh").read_bytes()[4:]
    (tmp_path / "x.mgh").write_bytes(content)
    with pytest.raises(CorruptError, match="version"):
        mlarray.read(tmp_path / "x.mgh")


@pytest.mark.parametrize(("unit", "step"), [("sec", 2.0), ("msec", 2000.0), ("sec", 0.72)])
def test_repetition_time(tmp_path, unit, step):
    """MGH's tr is in milliseconds (mri.h)."""
    image = nibabel.Nifti1Image(np.zeros((2, 3, 4, 5), "i2"), np.diag([1.0, 2, 3, 1]))
    image.header.set_zooms((1, 2, 3, step))
    image.header.set_xyzt_units("mm", unit)
    nibabel.save(image, tmp_path / "a.nii")
    done = mlarray.convert(tmp_path / "a.nii", tmp_path / "a.mgz")
    assert [loss.what for loss in done.losses] == ["the header of the source"]
    milliseconds = step * (1000 if unit == "sec" else 1)
    assert nibabel.load(tmp_path / "a.mgz").header["tr"] == pytest.approx(milliseconds)
    again = mlarray.read(tmp_path / "a.mgz")
    assert again.meta.spatial.axis_labels[0] == "temporal"
    assert Additions.of(again.meta).axes[0].values[1] == pytest.approx(milliseconds)


@pytest.mark.parametrize("cut", [np.s_[:], np.s_[:2], np.s_[:, :3], np.s_[:, :, :1]])
def test_the_first_voxel_stays_where_it_is(tmp_path, cut):
    """Pxyz_c is the place of the centre: of fewer voxels, another one."""
    nibabel.save(nibabel.MGHImage(VOXELS, AFFINE), tmp_path / "a.mgz")
    image = mlarray.read(tmp_path / "a.mgz")
    cropped = mlarray.MLArray(image.to_numpy()[cut], meta=image.meta)
    mlarray.write(cropped, tmp_path / "b.mgz")
    again = nibabel.load(tmp_path / "b.mgz")
    np.testing.assert_allclose(again.affine, AFFINE, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(again.dataobj).T, image.to_numpy()[cut])


def test_a_placement_without_sense_has_a_way_out(tmp_path):
    nibabel.save(nibabel.MGHImage(VOXELS, AFFINE), tmp_path / "a.mgh")
    content = bytearray((tmp_path / "a.mgh").read_bytes())
    content[42:78] = bytes(36)
    (tmp_path / "a.mgh").write_bytes(content)
    with pytest.raises(CorruptError, match="geometry=none"):
        mlarray.read(tmp_path / "a.mgh")
    image = mlarray.read(tmp_path / "a.mgh", options={"geometry": "none"})
    assert image.meta.spatial.affine is None
    np.testing.assert_array_equal(image.to_numpy(), VOXELS.T)
