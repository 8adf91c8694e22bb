"""Dask: `image.to_dask()` has chunks that fit the stored ones, and computes what is in the file."""

import pickle

import nibabel
import numpy as np
import pytest

from mlarray import MLArray
from tests.consumers import volumes

dask = pytest.importorskip("dask", reason="Dask isn't installed: pip install 'mlarray[consumers]'")
da = pytest.importorskip("dask.array")
pytestmark = pytest.mark.consumers


@pytest.mark.parametrize("kind", volumes.KINDS)
def test_voxels_at_the_same_points_are_equal(kind, pairs):
    image = MLArray.open(pairs(kind).mla)
    array = image.to_dask()
    axes = (2, 1, 0) if kind not in ("series",) else (3, 2, 1, 0)
    turned = array.transpose((*axes, 3) if kind == "colours" else axes)
    affine = nibabel.load(pairs(kind).nifti).affine
    found = volumes.at(volumes.points(kind), turned.compute(scheduler="synchronous"), affine)
    np.testing.assert_array_equal(found, volumes.expected(kind))


def test_chunks_are_whole_chunks_of_the_file(tmp_path):
    voxels = np.arange(64 * 96 * 80, dtype="i2").reshape(64, 96, 80)
    MLArray(voxels, chunk_size=(16, 32, 40), block_size=(8, 16, 20)).save(tmp_path / "a.mla")
    image = MLArray.open(tmp_path / "a.mla")
    with dask.config.set({"array.chunk-size": "80 kB"}):
        array = image.to_dask()
    assert array.npartitions > 4
    for sizes, stored in zip(array.chunks, (16, 32, 40), strict=True):
        assert all(size % stored == 0 for size in sizes[:-1])
    np.testing.assert_array_equal(array.compute(scheduler="synchronous"), voxels)
    assert image.to_dask((10, 96, 80)).chunks == ((10,) * 6 + (4,), (96,), (80,))
    assert (image.to_dask() + 1).sum().compute(scheduler="threads") == (voxels + 1).sum()


def test_a_file_travels_as_its_path(tmp_path):
    voxels = np.random.default_rng(0).integers(0, 9, (40, 50, 60)).astype("u1")
    MLArray(voxels).save(tmp_path / "a.mla")
    array = MLArray.open(tmp_path / "a.mla").to_dask()
    assert len(pickle.dumps(array)) < 10_000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(array)).compute(scheduler="synchronous"), voxels)
    assert array.name == MLArray.open(tmp_path / "a.mla").to_dask().name, "the same file is computed once"
    MLArray(voxels + 1).save(tmp_path / "a.mla")
    assert array.name != MLArray.open(tmp_path / "a.mla").to_dask().name


def test_an_image_in_memory():
    image = MLArray(np.arange(24).reshape(2, 3, 4), compressed=False)
    np.testing.assert_array_equal(image.to_dask().compute(scheduler="synchronous"), image)
    assert image.to_dask().dtype == image.dtype
