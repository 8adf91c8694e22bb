"""Images as OME-Zarr over HTTP, read by the libraries of others: equal at every level."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mlarray import MLArray, convert
from tests.viewer.served import ask, served

zarr = pytest.importorskip("zarr")
pytest.importorskip("aiohttp")

SPACING = [2.0, 0.75, 0.5]
AFFINE = np.array([[0, 0, -0.5, 10], [0, -0.75, 0, 20], [2.0, 0, 0, -30], [0, 0, 0, 1]])
VERSIONS = ("0.5", "0.4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a volume of two coarser levels, and a series of volumes in two channels."""
    folder = tmp_path_factory.mktemp("stores")
    voxels = np.random.default_rng(0).integers(-1000, 3000, (50, 130, 170)).astype(np.int16)
    image = MLArray(voxels, axis_labels=["spatial_z", "spatial_y", "spatial_x"], affine=AFFINE)
    image.meta.spatial.coord_system = "RAS"
    image.meta.spatial.axis_units = ["mm"] * 3
    image.save(folder / "plain.mla")
    convert(folder / "plain.mla", folder / "volume.mla", levels=2)
    series = np.random.default_rng(1).random((2, 3, 9, 33, 21)).astype(np.float32)
    labels = ["channel", "temporal", "spatial_z", "spatial_y", "spatial_x"]
    MLArray(series, axis_labels=labels).save(folder / "series.mla")
    return folder


@pytest.fixture(scope="module")
def server(folder):
    with served(folder / "volume.mla", folder / "series.mla", zarr=True) as running:
        yield running


@pytest.fixture(scope="module")
def levels(folder):
    image = MLArray.open(folder / "volume.mla")
    return [one.to_numpy() for one in (image, *image.levels)]


@pytest.mark.parametrize("version", VERSIONS)
def test_zarr_python_reads_every_level(server, levels, version):
    group = zarr.open_group(f"{server.url}zarr/{version}/0.ome.zarr", mode="r")
    ome = group.attrs["ome"] if version == "0.5" else group.attrs
    datasets = ome["multiscales"][0]["datasets"]
    assert len(datasets) == 3
    for dataset, wanted in zip(datasets, levels, strict=True):
        array = group[dataset["path"]]
        assert array.dtype == wanted.dtype
        np.testing.assert_array_equal(array[:], wanted)
        np.testing.assert_array_equal(array[7:11, 20:40, 1], wanted[7:11, 20:40, 1])
    scale, *_ = datasets[0]["coordinateTransformations"]
    assert scale["scale"] == SPACING


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_told_is_what_a_conversion_writes(server, folder, tmp_path, version):
    convert(folder / "volume.mla", tmp_path / "a.ome.zarr", options={"version": version, "levels": "source"})
    name = "zarr.json" if version == "0.5" else ".zattrs"
    status, _, content = ask(server, f"zarr/{version}/0.ome.zarr/{name}")
    assert status == 200
    assert json.loads(content) == json.loads((tmp_path / "a.ome.zarr" / name).read_text())


def test_time_comes_before_channels_as_ome_zarr_wants_it(server, folder):
    array = zarr.open_array(f"{server.url}zarr/0.5/1.ome.zarr/0", mode="r")
    wanted = MLArray.open(folder / "series.mla").to_numpy().swapaxes(0, 1)
    assert array.metadata.dimension_names == ("t", "c", "z", "y", "x")
    np.testing.assert_array_equal(array[:], wanted)


@pytest.mark.parametrize("version", VERSIONS)
def test_tensorstore_reads_every_level(server, levels, version):
    tensorstore = pytest.importorskip("tensorstore")
    for number, wanted in enumerate(levels):
        spec = {
            "driver": "zarr3" if version == "0.5" else "zarr",
            "kvstore": {"driver": "http", "base_url": f"{server.url}zarr/{version}/0.ome.zarr/{number}/"},
        }
        got = tensorstore.open(spec, read=True).result().read().result()
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("version", VERSIONS)
def test_ome_zarr_py_reads_every_level(server, levels, version):
    reader = pytest.importorskip("ome_zarr.reader")
    io = pytest.importorskip("ome_zarr.io")
    location = io.parse_url(f"{server.url}zarr/{version}/0.ome.zarr")
    node = next(iter(reader.Reader(location)()))
    assert len(node.data) == len(levels)
    for data, wanted in zip(node.data, levels, strict=True):
        np.testing.assert_array_equal(np.asarray(data), wanted)


@pytest.mark.parametrize(
    "path",
    [
        "0.5/0.ome.zarr/0/c/9/0/0",
        "0.5/0.ome.zarr/0/c/0/0",
        "0.5/0.ome.zarr/0/c/-1/0/0",
        "0.5/0.ome.zarr/7/c/0/0/0",
        "0.5/0.ome.zarr/../0.ome.zarr/zarr.json",
        "0.5/9.ome.zarr/zarr.json",
        "0.6/0.ome.zarr/zarr.json",
        "0.5",
        "",
    ],
)
def test_what_is_not_in_a_store_is_not_there(server, path):
    assert ask(server, f"zarr/{path}")[0] == 404


def test_without_the_option_there_is_no_store(folder):
    with served(folder / "volume.mla") as running:
        assert ask(running, "zarr/0.5/0.ome.zarr/zarr.json")[0] == 404
