"""MGH under the compliance suite, with nibabel as the independent reader."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

import mlarray
from mlarray_io.testing import FormatTests
from mlarray_mgh import MghFormat

# nibabel leaves files open
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
DATA = Path(__file__).parent.parent / "data" / "nibabel"


class TestMgh(FormatTests):
    @pytest.fixture
    def format(self):
        return MghFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        made = tmp_path_factory.mktemp("mgh") / "made.mgh"
        affine = np.array([[0, 0, 2.0, 5], [-3, 0, 0, 6], [0, 1.5, 0, 7], [0, 0, 0, 1]])
        nibabel.save(nibabel.MGHImage(np.arange(60, dtype="i2").reshape(3, 4, 5), affine), made)
        return [DATA / "test.mgz", made]

    def reference(self, path, image):
        found = nibabel.load(path)
        return np.asanyarray(found.dataobj).T, found.affine[:, [2, 1, 0, 3]], "RAS"


def test_mgh_comes_back_byte_by_byte(tmp_path):
    mlarray.convert(DATA / "test.mgz", tmp_path / "a.mla")
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.mgz", strict=True)
    before, after = (gzip.decompress(path.read_bytes()) for path in (DATA / "test.mgz", tmp_path / "b.mgz"))
    assert after[:90] == before[:90]
    assert after[284:] == before[284:]


def test_mgz_to_nifti_and_back(tmp_path):
    done = mlarray.convert(DATA / "test.mgz", tmp_path / "a.nii.gz")
    assert any("header of the source" in str(loss) for loss in done.losses)
    before, nifti = nibabel.load(DATA / "test.mgz"), nibabel.load(tmp_path / "a.nii.gz")
    np.testing.assert_allclose(nifti.affine, before.affine, atol=1e-5)
    np.testing.assert_array_equal(np.asanyarray(nifti.dataobj), np.asanyarray(before.dataobj))
    mlarray.convert(tmp_path / "a.nii.gz", tmp_path / "b.mgz")
    again = nibabel.load(tmp_path / "b.mgz")
    np.testing.assert_allclose(again.affine, before.affine, atol=1e-5)
    np.testing.assert_array_equal(np.asanyarray(again.dataobj), np.asanyarray(before.dataobj))


def test_no_good_placement_is_freesurfers_default(tmp_path):
    content = bytearray(gzip.decompress((DATA / "test.mgz").read_bytes()))
    content[28:30] = bytes(2)
    content[30:90] = bytes(60)
    (tmp_path / "a.mgh").write_bytes(content)
    image = mlarray.read(tmp_path / "a.mgh")
    assert image.meta.spatial.coord_system == "LPS"
    assert image.meta.spatial.spacing == [1, 1, 1]
