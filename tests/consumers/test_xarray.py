"""xarray: the engine is found by the suffix, reads lazily, and its coordinates are true."""

import pickle
import subprocess
import sys

import nibabel
import numpy as np
import pytest

from mlarray import Meta, MLArray
from mlarray_core import Additions, AxisValues, Channel
from mlarray_core.errors import ArgumentError
from tests.consumers import volumes

xarray = pytest.importorskip("xarray", reason="xarray isn't installed: pip install 'mlarray[consumers]'")
pytestmark = pytest.mark.consumers


def world(image):
    """Return what leads from distances along z, y, x to RAS, by the attributes alone."""
    origin, direction = np.array(image.attrs["origin"]), np.reshape(image.attrs["direction"], (3, 3))
    signs = {"LPS": np.diag((-1, -1, 1)), "RAS": np.eye(3)}[image.attrs["coord_system"]]
    return signs @ origin, signs @ direction


def by_distance(image, places):
    """Return the voxels that are nearest to points in RAS: xarray looks them up by its coordinates."""
    origin, direction = world(image)
    distances = np.linalg.solve(direction, (places - origin).T)
    lookup = {
        name: xarray.DataArray(values, dims="point")
        for name, values in zip(("z", "y", "x"), distances, strict=True)
    }
    return image.sel(lookup, method="nearest")


@pytest.mark.parametrize("kind", volumes.KINDS)
def test_voxels_at_the_same_points_are_equal(kind, pairs):
    with xarray.open_dataset(pairs(kind).mla) as dataset:
        found = by_distance(dataset.image.load(), volumes.points(kind)).transpose("point", ...)
    expected = volumes.expected(kind)
    if kind == "colours":
        assert found.dims == ("point", "components")
    np.testing.assert_array_equal(found, expected)


def test_coordinates_are_distances_whatever_the_direction(pairs):
    with xarray.open_dataset(pairs("oblique").mla) as dataset:
        assert dataset.image.dims == ("z", "y", "x")
        np.testing.assert_allclose(dataset.x, np.arange(25) * 0.7, rtol=1e-6)
        np.testing.assert_allclose(dataset.z, np.arange(12) * 3.0, rtol=1e-6)
        assert dataset.x.attrs == {"units": "mm"}
        affine = np.reshape(dataset.image.attrs["affine"], (4, 4))
    np.testing.assert_allclose(affine, MLArray.open(pairs("oblique").mla).affine)


def test_a_part_knows_where_it_lies(pairs):
    """The affine is that of the whole image; origin, direction and the part's own coordinates stay true."""
    places = volumes.points("sheared")
    with xarray.open_dataset(pairs("sheared").mla) as dataset:
        part = dataset.image.isel(x=slice(4, None, 2), y=slice(3, 28), z=slice(1, None))
        inside = by_distance(part, places)
        whole = by_distance(dataset.image, places)
        near = np.abs(inside.x - whole.x) + np.abs(inside.y - whole.y) + np.abs(inside.z - whole.z) < 1e-6
        assert 300 < near.sum() < 1900
        np.testing.assert_array_equal(inside[near], whole[near])


def test_nothing_is_read_before_it_is_asked_for(tmp_path, monkeypatch):
    voxels = np.arange(64 * 64 * 64, dtype="i4").reshape(64, 64, 64)
    MLArray(voxels, chunk_size=(16, 64, 64), block_size=(4, 64, 64)).save(tmp_path / "a.mla")
    sizes, read = [], MLArray.read

    def noted(self, key):
        box = read(self, key)
        sizes.append(box.size)
        return box

    monkeypatch.setattr(MLArray, "read", noted)
    with xarray.open_dataset(tmp_path / "a.mla", engine="mlarray") as dataset:
        assert dataset.image.dims == ("z", "y", "x"), "no labels: slowest first, as everywhere"
        part = dataset.image[10:20, ::-1, 5]
        assert sizes == []
        np.testing.assert_array_equal(part, voxels[10:20, ::-1, 5])
        assert sizes == [10 * 64]
        np.testing.assert_array_equal(dataset.image[[5, 1], :, [2, 60]], voxels[[5, 1]][:, :, [2, 60]])


def test_chunks_of_dask_are_those_of_the_file(tmp_path):
    pytest.importorskip("dask")
    voxels = np.arange(64 * 64 * 64, dtype="i4").reshape(64, 64, 64)
    MLArray(voxels, chunk_size=(16, 32, 64), block_size=(4, 32, 64)).save(tmp_path / "a.mla")
    with xarray.open_dataset(tmp_path / "a.mla", chunks={}) as dataset:
        assert dataset.image.chunks == ((16,) * 4, (32,) * 2, (64,))
        again = pickle.loads(pickle.dumps(dataset))
        assert int(again.image.sum().compute(scheduler="synchronous")) == voxels.sum()


def test_names_of_time_channels_and_other_axes(tmp_path):
    labels = ["temporal", "channel", "spatial_y", "spatial_x"]
    meta = Meta(spatial={"axis_labels": labels, "spacing": [0.5, 0.25], "axis_units": ["", "", "um", "um"]})
    Additions(
        axes={0: AxisValues("time", "s", [0.0, 1.5, 4.0])},
        channels=[Channel(name="DAPI"), Channel(name="GFP")],
    ).store(meta)
    MLArray(np.zeros((3, 2, 4, 5), "u1"), meta=meta).save(tmp_path / "a.mla")
    with xarray.open_dataset(tmp_path / "a.mla") as dataset:
        assert dataset.image.dims == ("t", "c", "y", "x")
        np.testing.assert_array_equal(dataset.t, [0, 1.5, 4])
        assert dataset.t.attrs == {"units": "s", "long_name": "time"}
        assert list(dataset.c.values) == ["DAPI", "GFP"]
        assert dataset.image.sel(c="GFP", t=4.0).shape == (4, 5)
        assert "coord_system" not in dataset.image.attrs, "an unset world stays unset"
    MLArray(np.zeros((2, 3)), axis_labels=["spatial", "spatial"]).save(tmp_path / "b.mla")
    with xarray.open_dataset(tmp_path / "b.mla", drop_variables=["x"]) as dataset:
        assert dataset.image.dims == ("spatial_0", "spatial_1")
        assert not dataset.coords, "distances that nobody knows are not made up"
        assert dataset.image.attrs == {}


def test_levels_lie_where_the_image_does(tmp_path):
    voxels = np.arange(40 * 64 * 64, dtype="f4").reshape(40, 64, 64)
    image = MLArray(voxels, affine=volumes.oblique()[:, [2, 1, 0, 3]])
    image.save(tmp_path / "a.mla", levels=1)
    with (
        xarray.open_dataset(tmp_path / "a.mla") as fine,
        xarray.open_dataset(tmp_path / "a.mla", level=1) as coarse,
    ):
        level = MLArray.open(tmp_path / "a.mla").levels[0]
        assert coarse.image.shape == level.shape
        np.testing.assert_array_equal(coarse.image, level)
        origin, direction = coarse.image.attrs["origin"], np.reshape(coarse.image.attrs["direction"], (3, 3))
        first = [float(coarse[name][0]) for name in coarse.image.dims]
        np.testing.assert_allclose(origin + direction @ first, level.affine[:3, 3])
        assert fine.image.attrs["origin"] == origin
    with pytest.raises(ArgumentError, match=r"a\.mla.*1 levels, got level 2"):
        xarray.open_dataset(tmp_path / "a.mla", level=2)


def test_other_formats_hold_what_it_gives(pairs, tmp_path):
    pytest.importorskip("scipy")
    with xarray.open_dataset(pairs("oblique").mla) as dataset:
        dataset.to_netcdf(tmp_path / "a.nc", engine="scipy")
        with xarray.open_dataset(tmp_path / "a.nc", engine="scipy") as again:
            np.testing.assert_array_equal(again.image, dataset.image)
            np.testing.assert_array_equal(again.image.attrs["affine"], dataset.image.attrs["affine"])
            np.testing.assert_array_equal(again.z, dataset.z)


def test_what_is_no_file_of_ours_is_left_to_others(tmp_path):
    from mlarray.xarray import MLArrayBackendEntrypoint

    engine = MLArrayBackendEntrypoint()
    assert engine.guess_can_open("s3://bucket/A.MLA")
    assert not engine.guess_can_open(tmp_path / "a.nc")
    assert not engine.guess_can_open(b"CDF")
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2, 2), "u1"), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(ValueError, match="did not find a match"):
        xarray.open_dataset(tmp_path / "a.nii")


def test_a_program_that_opens_something_else_does_not_wait_for_blosc2():
    code = "import sys, mlarray.xarray; print('blosc2' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
