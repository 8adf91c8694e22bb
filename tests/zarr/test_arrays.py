"""Plain arrays: names and coordinates, chunks that are missing or elsewhere, shards in shards, codecs."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io import Context, Source
from mlarray_zarr.listing import list_images
from mlarray_zarr.options import ZarrOptions
from mlarray_zarr.reader import open_zarr

zarr = pytest.importorskip("zarr")

VOXELS = np.arange(1, 1801, dtype="u2").reshape(3, 20, 30)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("band", "y", "x"), ["band", "spatial_y", "spatial_x"]),
        (("time", "lat", "lon"), ["temporal", "lat", "lon"]),
        (("t", None, "x"), ["temporal", "non_spatial", "spatial_x"]),
        (("y", "Y", "x"), ["spatial_y", "non_spatial", "spatial_x"]),
    ],
)
def test_names_hold(tmp_path, names, labels):
    """Zarr 3, "dimension_names": each may be null, and none says more than its own axis."""
    zarr.create_array(f"{tmp_path}/a.zarr", data=VOXELS, dimension_names=names)
    assert mlarray.read(tmp_path / "a.zarr").meta.spatial.axis_labels == labels


def test_axes_that_the_user_names(tmp_path):
    """An array that names none: the last three are space, unless the user says what they are."""
    zarr.create_array(f"{tmp_path}/a.zarr", data=np.zeros((2, 3, 4), "u1"))
    assert mlarray.read(tmp_path / "a.zarr").meta.spatial.axis_labels[0] == "spatial_z"
    read = mlarray.read(tmp_path / "a.zarr", options={"axes": "tyx", "spacing": "2,0.5", "unit": "um"})
    assert read.meta.spatial.axis_labels == ["temporal", "spatial_y", "spatial_x"]
    assert (read.spacing, read.meta.spatial.axis_units) == ([2, 0.5], ["", "um", "um"])


@pytest.mark.parametrize("version", [2, 3])
def test_coordinates_of_xarray(tmp_path, version):
    group = zarr.open_group(f"{tmp_path}/a.zarr", mode="w", zarr_format=version)
    for name, data, dims in (
        ("temp", VOXELS, ("time", "y", "x")),
        ("time", np.array([0.0, 6.0, 12.0]), ("time",)),
    ):
        named = (
            {"dimension_names": dims} if version == 3 else {"attributes": {"_ARRAY_DIMENSIONS": list(dims)}}
        )
        group.create_array(name, data=data, **named)
    group["time"].attrs["units"] = "hours since 2020-01-01"
    group["temp"].attrs["scale_factor"] = 0.5
    image = mlarray.read(tmp_path / "a.zarr")
    assert image.shape == VOXELS.shape
    additions = Additions.of(image.meta)
    assert (additions.axes[0].values, additions.axes[0].unit) == ([0.0, 6.0, 12.0], "hours since 2020-01-01")
    assert (additions.rescale.slope, additions.rescale.applied) == (0.5, False)


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_xarray_itself(tmp_path):
    xarray = pytest.importorskip("xarray")
    array = xarray.DataArray(VOXELS, dims=("band", "y", "x"), coords={"band": [4, 5, 6]}, name="reflectance")
    array.to_zarr(tmp_path / "a.zarr")
    image = mlarray.read(tmp_path / "a.zarr")
    assert image.meta.spatial.axis_labels == ["band", "spatial_y", "spatial_x"]
    assert Additions.of(image.meta).axes[0].values == [4, 5, 6]
    np.testing.assert_array_equal(image.to_numpy(), VOXELS)


@pytest.mark.parametrize(("written", "said"), [("/", None), (".", "/")])
def test_chunks_that_lie_elsewhere_are_not_zeros(tmp_path, written, said):
    """`dimension_separator` lost or wrong: by the letter all chunks are missing (ome/ome-zarr-py#201)."""
    path = tmp_path / "a.zarr"
    encoding = {"name": "v2", "separator": written}
    zarr.create_array(str(path), data=VOXELS, chunks=(1, 20, 30), zarr_format=2, chunk_key_encoding=encoding)
    content = json.loads((path / ".zarray").read_text("utf-8"))
    content.pop("dimension_separator", None)
    if said:
        content["dimension_separator"] = said
    (path / ".zarray").write_text(json.dumps(content))
    with pytest.raises(CorruptError, match="don't lie where its metadata look"):
        mlarray.read(path)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("version", [2, 3])
def test_an_array_without_chunks_is_its_fill_value_and_says_so(tmp_path, version, zipped):
    name = "a.zarr.zip" if zipped else "a.zarr"
    store = zarr.storage.ZipStore(tmp_path / name, mode="w") if zipped else str(tmp_path / name)
    zarr.create_array(store, shape=(4, 5), dtype="u2", fill_value=7, zarr_format=version)
    if zipped:
        store.close()
    context = Context()
    with open_zarr(Source(tmp_path / name), "/", ZarrOptions(), context) as reader:
        assert (reader[slice(0, 4), slice(0, 5)] == 7).all()
    assert any("no chunks" in text for text in context.report.warnings)


def test_an_array_without_chunks_and_without_a_fill_value_is_refused(tmp_path):
    zarr.create_array(f"{tmp_path}/a.zarr", shape=(4, 5), dtype="u2", zarr_format=2)
    content = json.loads((tmp_path / "a.zarr/.zarray").read_text("utf-8"))
    (tmp_path / "a.zarr/.zarray").write_text(json.dumps({**content, "fill_value": None}))
    with pytest.raises(CorruptError, match="no value to fill"):
        mlarray.read(tmp_path / "a.zarr")


@pytest.mark.parametrize("compressor", ["zstd", "blosc", "gzip"])
def test_shards_in_shards(tmp_path, compressor):
    from zarr.codecs import BloscCodec, BytesCodec, GzipCodec, ShardingCodec, ZstdCodec

    codec = {"zstd": ZstdCodec(), "blosc": BloscCodec(typesize=2), "gzip": GzipCodec()}[compressor]
    inner = ShardingCodec(chunk_shape=(2, 4, 5), codecs=[BytesCodec(), codec])
    voxels = np.arange(16 * 16 * 20, dtype="u2").reshape(16, 16, 20)
    array = zarr.create(
        store=f"{tmp_path}/a.zarr", shape=voxels.shape, chunks=(8, 16, 20), dtype="u2", zarr_format=3,
        codecs=[ShardingCodec(chunk_shape=(4, 8, 10), codecs=[inner])],
    )  # fmt: skip
    array[...] = voxels
    image = mlarray.read(tmp_path / "a.zarr")
    np.testing.assert_array_equal(image.to_numpy(), voxels)
    with open_zarr(Source(tmp_path / "a.zarr"), "/", ZarrOptions(), Context()) as reader:
        assert reader.chunks == (2, 4, 5)
        np.testing.assert_array_equal(reader[slice(3, 9), slice(5, 6), slice(0, 20)], voxels[3:9, 5:6])


def test_a_shard_whose_chunks_lie_over_one_another_is_refused():
    """A hundred entries of one place: few bytes would be inflated a hundred times."""
    from mlarray_zarr.shards import ShardIndex

    index = ShardIndex(100, first=True, dtype="<u8", checked=False)
    shard = np.array([(1600, 400)] * 100, "<u8").tobytes() + b"\0" * 400
    with pytest.raises(CorruptError, match="more bytes than the shard"):
        list(index.chunks(shard))


def test_codecs_whose_result_can_not_be_weighed(tmp_path):
    import numcodecs

    zarr.create_array(
        f"{tmp_path}/a.zarr",
        data=VOXELS,
        zarr_format=2,
        filters=[numcodecs.Zlib()],
        compressors=numcodecs.Zstd(),
    )
    with pytest.raises(UnsupportedError, match="compressed twice"):
        mlarray.read(tmp_path / "a.zarr")


def test_a_shard_of_too_many_chunks_is_refused(tmp_path):
    zarr.create_array(f"{tmp_path}/a.zarr", shape=(64, 64), chunks=(2, 2), shards=(64, 64), dtype="u1")
    path = tmp_path / "a.zarr/zarr.json"
    content = json.loads(path.read_text("utf-8"))
    content["shape"] = content["chunk_grid"]["configuration"]["chunk_shape"] = [1 << 14, 1 << 14]
    path.write_text(json.dumps(content))
    with pytest.raises(UnsupportedError, match="are the most"):
        mlarray.read(tmp_path / "a.zarr")


@pytest.mark.filterwarnings("ignore:The data type")
@pytest.mark.parametrize("dtype", ["U4", "datetime64[ns]"])
def test_text_and_dates_are_named(tmp_path, dtype):
    zarr.create_array(f"{tmp_path}/a.zarr", shape=(4, 4), dtype=dtype)
    with pytest.raises(UnsupportedError, match=r"holds values of type '.*', which are no voxels"):
        mlarray.read(tmp_path / "a.zarr")


def test_a_missing_well_is_named(tmp_path):
    group = zarr.open_group(f"{tmp_path}/a.zarr", mode="w")
    group.attrs["ome"] = {"version": "0.5", "plate": {"wells": [{"path": "A/1"}, {"path": "A/2"}]}}
    group.create_group("A/1").create_array("0", data=VOXELS)
    context = Context()
    list_images(Source(tmp_path / "a.zarr"), context)
    assert [loss.what for loss in context.report.skipped] == ["A/2"]


@pytest.mark.parametrize(("step", "spacing"), [(0.0, None), (-2.0, [2, 1, 1])])
def test_scales_that_are_no_sizes(tmp_path, step, spacing):
    """Microscopes write 0 for what they don't know; a negative scale is a direction (OME-Zarr has both)."""
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3)
    group.create_array("0", data=VOXELS)
    scale = [{"type": "scale", "scale": [step, 1.0, 1.0]}]
    axes = [{"name": name, "type": "space"} for name in "zyx"]
    about = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [about]}
    image = mlarray.read(tmp_path / "a.zarr")
    assert image.spacing == spacing
    if step:
        assert image.affine[2][0] == step
        back = mlarray.convert(tmp_path / "a.zarr", tmp_path / "b.zarr")
        assert "direction of the axes" in [loss.what for loss in back.losses]
    else:
        assert mlarray.read(tmp_path / "a.zarr", options={"spacing": "3,1,1"}).spacing == [3, 1, 1]


def test_a_large_box_is_read_in_parts_that_end_with_chunks(tmp_path, monkeypatch):
    voxels, chunks = np.random.default_rng(0).integers(0, 99, (20, 30, 40), np.int16), (8, 16, 16)
    zarr.create_array(f"{tmp_path}/a.zarr", shape=voxels.shape, chunks=chunks, dtype="i2")[...] = voxels
    monkeypatch.setattr("mlarray_zarr.voxels.WINDOW", 1)
    asked, plain = [], zarr.Array.__getitem__
    monkeypatch.setattr(zarr.Array, "__getitem__", lambda self, box: asked.append(box) or plain(self, box))
    with open_zarr(Source(tmp_path / "a.zarr"), "/", ZarrOptions(), Context()) as reader:
        np.testing.assert_array_equal(reader[tuple(slice(0, size) for size in voxels.shape)], voxels)
        whole = [one for box in asked for one in touched(box, chunks)]
        box = (slice(3, 17), slice(5, 30), slice(15, 17))
        np.testing.assert_array_equal(reader[box], voxels[box])
    assert max(len(touched(box, chunks)) for box in asked) == 2
    assert len(whole) == len(set(whole)) == 3 * 2 * 3  # no chunk is decoded twice


def touched(box, chunks):
    """Return the chunks that a box lies in."""
    ranges = [
        range(part.start // size, -(-part.stop // size)) for part, size in zip(box, chunks, strict=True)
    ]
    return list(itertools.product(*ranges))
