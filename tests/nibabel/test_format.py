"""The clinical formats under the compliance suite, with nibabel as the independent reader."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

import mlarray
from mlarray_core import geometry
from mlarray_core.errors import CorruptError
from mlarray_io.testing import FormatTests
from mlarray_nibabel import EcatFormat, MincFormat

# nibabel leaves files open
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
DATA = Path(__file__).parent.parent / "data" / "nibabel"


class TestMinc(FormatTests):
    mutants = 2

    @pytest.fixture
    def format(self):
        return MincFormat()

    @pytest.fixture
    def samples(self):
        return [DATA / "tiny.mnc", DATA / "minc2_1_scale.mnc"]

    def reference(self, path, image):
        found = nibabel.load(path)
        return np.asanyarray(found.dataobj).astype("f4"), found.affine, "RAS"

    def test_cut_short(self, format, samples, tmp_path):
        super().test_cut_short(format, samples[1:], tmp_path)


class TestEcat(FormatTests):
    mutants = 2

    @pytest.fixture
    def format(self):
        return EcatFormat()

    @pytest.fixture
    def samples(self):
        return [DATA / "tinypet.v"]

    def reference(self, path, image):
        found = nibabel.ecat.load(path)
        return np.asanyarray(found.dataobj).T.astype("f4"), found.affine[:, [2, 1, 0, 3]], "RAS"

    def test_cut_short(self, format, samples, tmp_path):
        pytest.skip("each cut costs two processes; the mutants cut too")


@pytest.mark.parametrize(
    "name",
    [
        "scaled+tlrc.HEAD", "scaled+tlrc.BRIK", "example4d+orig.BRIK.gz",
        "phantom_EPI_asc_CLEAR_2_1.PAR", "phantom_varscale.REC",
    ],
)  # fmt: skip
def test_pairs_that_nibabel_brings_along(name):
    """Either file may be given; voxels and placement are nibabel's, but for its axis of one sub-brick."""
    path = Path(nibabel.__file__).parent / "tests" / "data" / name
    image, found = mlarray.read(path), nibabel.load(path)
    voxels = np.asanyarray(found.dataobj).T
    if name.startswith("scaled"):
        assert voxels.shape == (1, *image.shape)
    np.testing.assert_allclose(image.to_numpy(), voxels.reshape(image.shape), rtol=1e-6)
    affine = geometry.to_world(geometry.affine_of(image.meta.spatial), "LPS", "RAS")
    np.testing.assert_allclose(affine, found.affine[:, [2, 1, 0, 3]], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("name", "data"), [("scaled+tlrc", ".BRIK"), ("phantom_varscale", ".REC")])
def test_pairs_cut_short(tmp_path, name, data):
    folder = Path(nibabel.__file__).parent / "tests" / "data"
    for path in folder.glob(f"{name}.*"):
        shutil.copyfile(path, tmp_path / path.name)
    voxels = tmp_path / f"{name}{data}"
    voxels.write_bytes(voxels.read_bytes()[:-40])
    with pytest.raises(CorruptError):
        mlarray.convert(voxels, tmp_path / "a.mla")
    assert not (tmp_path / "a.mla").exists()


def test_values_beyond_float32(tmp_path):
    """A MINC file's ranges decide how wide its values must be."""
    content = (DATA / "tiny.mnc").read_bytes()
    largest = nibabel.load(DATA / "tiny.mnc").dataobj.minc_file._image_max.data.max()
    old, new = (np.array(value, ">f8").tobytes() for value in (largest, 1e300))
    assert old in content
    path = tmp_path / "a.mnc"
    path.write_bytes(content.replace(old, new))
    image = mlarray.read(path)
    assert image.dtype == np.float64
    np.testing.assert_allclose(image.to_numpy(), np.asanyarray(nibabel.load(path).dataobj))
    assert image.to_numpy().max() > 1e290
    assert mlarray.read(DATA / "tiny.mnc").dtype == np.float32
