"""What other programs write by default is read right, and what we write opens in them.

Run with zarr 3.1.6, tensorstore 0.1.86, ome-zarr 0.18.0, ngff-zarr 0.50.0, bioio 3.6.0 with bioio-ome-zarr
3.8.1, and napari-ome-zarr 0.10.0 with npe2 0.10.0; what isn't installed is skipped.
"""

from __future__ import annotations

import numpy as np
import pytest

import mlarray

zarr = pytest.importorskip("zarr")

VOXELS = np.random.default_rng(5).integers(0, 4000, (6, 40, 50)).astype("u2")
SCALE, MOVE = (2.0, 0.5, 0.25), (9.0, 8.0, 7.0)


def ours(path, **options):
    image = mlarray.MLArray(VOXELS, spacing=SCALE, origin=MOVE[::-1])
    image.meta.spatial.axis_units = ["um"] * 3
    mlarray.write(image, path, options={"levels": 1, **options})
    return mlarray.read(path, options={"level": 1})


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_by_default(tmp_path, version):
    zarr.create_array(f"{tmp_path}/a.zarr", data=VOXELS, zarr_format=version)
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.zarr").to_numpy(), VOXELS)


@pytest.mark.parametrize("driver", ["zarr", "zarr3"])
def test_tensorstore_by_default(tmp_path, driver):
    tensorstore = pytest.importorskip("tensorstore")
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": f"{tmp_path}/a.zarr"}}
    store = tensorstore.open(spec, create=True, dtype=tensorstore.uint16, shape=VOXELS.shape).result()
    store[...] = VOXELS
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.zarr").to_numpy(), VOXELS)


@pytest.mark.parametrize(
    "options", [{}, {"version": "0.4"}, {"codec": "blosc"}, {"chunk_size": "8", "shard_size": "32"}]
)
def test_tensorstore_opens_ours(tmp_path, options):
    tensorstore = pytest.importorskip("tensorstore")
    coarse = ours(tmp_path / "a.zarr", **options).to_numpy()
    driver = "zarr" if options.get("version") == "0.4" else "zarr3"
    for level, expected in enumerate((VOXELS, coarse)):
        spec = {"driver": driver, "kvstore": {"driver": "file", "path": f"{tmp_path}/a.zarr/{level}"}}
        np.testing.assert_array_equal(tensorstore.open(spec).result().read().result(), expected)


def test_ome_zarr_py_by_default(tmp_path):
    """Five levels s0 to s4 that halve y and x; its own translations are of half a voxel."""
    writer = pytest.importorskip("ome_zarr.writer")
    group = zarr.open_group(f"{tmp_path}/a.zarr", mode="w")
    writer.write_image(VOXELS, group, axes="zyx")
    image = mlarray.read(tmp_path / "a.zarr")
    np.testing.assert_array_equal(image.to_numpy(), VOXELS)
    assert image.meta.spatial.axis_labels == ["spatial_z", "spatial_y", "spatial_x"]
    coarse = mlarray.read(tmp_path / "a.zarr", options={"level": 1})
    assert (coarse.shape, coarse.spacing, coarse.origin) == ((6, 20, 25), [1, 2, 2], [0.5, 0.5, 0])


def test_ome_zarr_py_opens_ours(tmp_path):
    reader = pytest.importorskip("ome_zarr.reader")
    io = pytest.importorskip("ome_zarr.io")
    coarse = ours(tmp_path / "a.zarr").to_numpy()
    node = next(iter(reader.Reader(io.parse_url(str(tmp_path / "a.zarr")))()))
    for data, expected in zip(node.data, (VOXELS, coarse), strict=True):
        np.testing.assert_array_equal(np.asarray(data), expected)
    first, second = node.metadata["coordinateTransformations"]
    assert (first[0]["scale"], first[1]["translation"]) == (list(SCALE), list(MOVE))
    assert (second[0]["scale"], second[1]["translation"]) == ([2, 0.5, 0.5], [9, 8, 7.125])


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.6"])
def test_ngff_zarr_both_ways(tmp_path, version):
    ngff_zarr = pytest.importorskip("ngff_zarr")
    scale, move = dict(zip("zyx", SCALE, strict=True)), dict(zip("zyx", MOVE, strict=True))
    image = ngff_zarr.to_ngff_image(VOXELS, dims=("z", "y", "x"), scale=scale, translation=move)
    levels = ngff_zarr.to_multiscales(image, scale_factors=[])
    ngff_zarr.to_ngff_zarr(str(tmp_path / "theirs.zarr"), levels, version=version)
    read = mlarray.read(tmp_path / "theirs.zarr")
    np.testing.assert_array_equal(read.to_numpy(), VOXELS)
    assert (read.spacing, read.origin) == (list(SCALE), list(MOVE[::-1]))
    coarse = ours(tmp_path / "ours.zarr", version=version)
    found = ngff_zarr.from_ngff_zarr(str(tmp_path / "ours.zarr")).images
    np.testing.assert_array_equal(np.asarray(found[0].data), VOXELS)
    np.testing.assert_array_equal(np.asarray(found[1].data), coarse.to_numpy())
    assert [(one.scale["x"], one.translation["x"]) for one in found] == [(0.25, 7), (0.5, 7.125)]
    assert found[0].axes_units["x"] == "micrometer"


def test_orientation_by_ngff_zarr(tmp_path):
    """ITK's images lie in LPS: ngff-zarr writes RFC-4's orientations with them, and reads ours."""
    ngff_zarr = pytest.importorskip("ngff_zarr")
    scale, move = dict(zip("zyx", SCALE, strict=True)), dict(zip("zyx", MOVE, strict=True))
    image = ngff_zarr.to_ngff_image(VOXELS, dims=("z", "y", "x"), scale=scale, translation=move)
    levels = ngff_zarr.to_multiscales(image, scale_factors=[], orientation="LPS")
    ngff_zarr.to_ngff_zarr(str(tmp_path / "a.zarr"), levels, version="0.5")
    read = mlarray.read(tmp_path / "a.zarr")
    assert read.meta.spatial.coord_system == "LPS"
    np.testing.assert_allclose(read.affine, [[0, 0, 0.25, 7], [0, 0.5, 0, 8], [2, 0, 0, 9], [0, 0, 0, 1]])
    mlarray.write(read, tmp_path / "b.zarr")
    told = ngff_zarr.from_ngff_zarr(str(tmp_path / "b.zarr")).images[0].axes_orientations
    assert {axis: one.value.value for axis, one in told.items()} == {
        "z": "inferior-to-superior", "y": "anterior-to-posterior", "x": "right-to-left",
    }  # fmt: skip


def test_ngff_zarr_by_default(tmp_path):
    """Version 0.5, an array called scale0/image; large ones get levels of half size."""
    ngff_zarr = pytest.importorskip("ngff_zarr")
    scale, move = dict(zip("zyx", SCALE, strict=True)), dict(zip("zyx", MOVE, strict=True))
    image = ngff_zarr.to_ngff_image(VOXELS, dims=("z", "y", "x"), scale=scale, translation=move)
    levels = ngff_zarr.to_multiscales(image, scale_factors=[2])
    ngff_zarr.to_ngff_zarr(str(tmp_path / "a.zarr"), levels)
    for number, expected in enumerate(levels.images):
        read = mlarray.read(tmp_path / "a.zarr", options={"level": number})
        np.testing.assert_array_equal(read.to_numpy(), np.asarray(expected.data))
        assert read.spacing == [expected.scale[axis] for axis in "zyx"]
        assert read.origin == [expected.translation[axis] for axis in "xyz"]


def test_bioio_opens_ours(tmp_path):
    reader = pytest.importorskip("bioio_ome_zarr").Reader
    coarse = ours(tmp_path / "a.ome.zarr").to_numpy()
    image = reader(tmp_path / "a.ome.zarr")
    assert image.resolution_levels == (0, 1)
    for level, (expected, size) in enumerate(((VOXELS, SCALE), (coarse, (2, 0.5, 0.5)))):
        image.set_resolution_level(level)
        np.testing.assert_array_equal(np.asarray(image.data).reshape(expected.shape), expected)
        sizes = image.physical_pixel_sizes
        assert size == (sizes.Z, sizes.Y, sizes.X)
    assert str(image.dimension_properties.X.unit) == "micrometer"


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.6"])
def test_napari_opens_ours(tmp_path, version):
    """By npe2, as napari itself asks. Its reader takes translations from 0.6 alone."""
    npe2 = pytest.importorskip("npe2")
    pytest.importorskip("napari_ome_zarr")
    npe2.PluginManager.instance().discover()
    coarse = ours(tmp_path / "a.ome.zarr", version=version).to_numpy()
    path = str(tmp_path / "a.ome.zarr")
    ((levels, about, kind),) = npe2.io_utils.read([path], stack=False, plugin_name="napari-ome-zarr")
    assert kind == "image"
    for found, expected in zip(levels, (VOXELS, coarse), strict=True):
        np.testing.assert_array_equal(np.asarray(found), expected)
    assert (list(about["scale"]), list(about["axis_labels"])) == (list(SCALE), ["z", "y", "x"])
    assert set(map(str, about["units"])) == {"micrometer"}
    moved = list(about["affine"].translate) if about.get("affine") is not None else [0, 0, 0]
    assert moved == (list(MOVE) if version == "0.6" else [0, 0, 0])
