import json
import os
import pickle
import random
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions, geometry, reduce
from mlarray_core.errors import (
    CorruptError,
    MLArrayError,
    OptionError,
    PluginError,
    UnsafeError,
    UnsupportedError,
)
from mlarray_io.engine.select import images_of, open_image
from mlarray_io.sdk.context import Context
from mlarray_io.sdk.source import Source
from mlarray_io.testing import FormatTests
from mlarray_zarr import ZarrFormat

zarr = pytest.importorskip("zarr")

RNG = np.random.default_rng(3)
VOLUME = RNG.integers(0, 900, (2, 3, 12, 20, 18)).astype(np.uint16)
AXES = [
    {"name": "t", "type": "time", "unit": "second"},
    {"name": "c", "type": "channel"},
    {"name": "z", "type": "space", "unit": "micrometer"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "micrometer"},
]
CHANNELS = [
    {
        "label": name,
        "color": "00FF00",
        "window": {"min": 0, "max": 900, "start": 10, "end": 800},
        "active": True,
    }
    for name in ("DAPI", "GFP", "RFP")
]


def multiscale(version):
    def dataset(path, factor):
        scale = [2.5, 1, 0.8, 0.2 * factor, 0.3 * factor]
        moves = [0, 0, 7, 1 + 0.1 * (factor - 1), -2 + 0.15 * (factor - 1)]
        steps = [{"type": "scale", "scale": scale}, {"type": "translation", "translation": moves}]
        return {"path": path, "coordinateTransformations": steps}

    extra = {"version": "0.4"} if version == 2 else {}
    return {"name": "cells", "axes": AXES, "datasets": [dataset("0", 1), dataset("1", 2)], **extra}


def write_ome(store, version):
    """Write what the specification describes, by Zarr's own library and by hand."""
    ome = {"multiscales": [multiscale(version)], "omero": {"channels": CHANNELS}}
    attributes = {**ome, "site": "A1"} if version == 2 else {"ome": {"version": "0.5", **ome}, "site": "A1"}
    group = zarr.create_group(store, zarr_format=version, attributes=attributes)
    encoding = {"name": "v2", "separator": "/"} if version == 2 else None
    small = VOLUME[..., ::2, ::2]
    for name, voxels in (("0", VOLUME), ("1", small)):
        group.create_array(name, data=voxels, chunks=(1, 1, 6, 8, 8), chunk_key_encoding=encoding)
    labels = {"labels": ["nuclei"]}
    group.create_group("labels", attributes=labels if version == 2 else {"ome": {"version": "0.5", **labels}})
    marks = {"multiscales": [multiscale(version)], "image-label": {}}
    marks["multiscales"][0]["datasets"].pop()
    nuclei = group.create_group(
        "labels/nuclei", attributes=marks if version == 2 else {"ome": {"version": "0.5", **marks}}
    )
    nuclei.create_array(
        "0", data=(VOLUME > 450).astype(np.uint8), chunks=(1, 1, 6, 8, 8), chunk_key_encoding=encoding
    )


def write_samples(folder):
    write_ome(str(folder / "two.ome.zarr"), 2)
    write_ome(str(folder / "three.ome.zarr"), 3)
    with zarr.storage.ZipStore(folder / "zipped.zarr.zip", mode="w") as store:
        zarr.create_array(store, data=VOLUME[0, 0], chunks=(5, 6, 7), dimension_names=["z", "y", "x"])
    zarr.create_array(
        str(folder / "sharded.zarr"), data=VOLUME[0, 0].astype(">f4"), chunks=(4, 5, 6), shards=(12, 20, 18)
    )
    zarr.create_array(
        str(folder / "old.zarr"), data=VOLUME[0, :2] > 400, chunks=(1, 12, 20, 9), zarr_format=2, order="F"
    )
    return sorted(folder.iterdir())


class TestZarr(FormatTests):
    mutants = 40

    @pytest.fixture
    def format(self):
        return ZarrFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        return write_samples(tmp_path_factory.mktemp("samples"))

    def reference(self, path, image):
        store = zarr.storage.ZipStore(path, mode="r") if path.is_file() else str(path)
        key = image.key.strip("/")
        node = zarr.open(store, path=key or None, mode="r")
        return np.asarray(node["0"] if isinstance(node, zarr.Group) else node), None, None


@pytest.mark.slow
class TestManyMutantsOfZips(TestZarr):
    mutants = 500


def survives(path):
    """Read everything; only explained errors may come."""
    format = ZarrFormat()
    try:
        context = Context(max_bytes=1 << 28)
        for image in images_of(Source(path), format, format.options_type(), context):
            with open_image(
                Source(path), format, image, format.options_type(), Context(max_bytes=1 << 28)
            ) as reader:
                reader[tuple(slice(0, size) for size in reader.shape)]
    except PluginError as error:
        raise AssertionError(f"not explained: {error}") from error
    except MLArrayError:
        pass


def mutate(folder, count, seed):
    noise = random.Random(seed)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    metadata = [path for path in files if path.name in ("zarr.json", ".zarray", ".zattrs", ".zgroup")]
    for number in range(count):
        path = noise.choice(metadata if number % 2 else files)
        content = path.read_bytes()
        mutant = bytearray(content)
        kind = noise.randrange(3)
        if kind == 0:
            mutant[noise.randrange(len(mutant))] ^= 1 << noise.randrange(8)
        elif kind == 1:
            mutant = mutant[: noise.randrange(len(mutant))]
        else:
            at = noise.randrange(len(mutant))
            mutant[at : at + noise.randrange(8)] = noise.choice(
                [b"-1", b"null", b"1e999", b"[]", b"99999999999", b'"x"']
            )
        path.write_bytes(mutant)
        survives(folder)
        path.write_bytes(content)


@pytest.mark.parametrize("name", ["two.ome.zarr", "three.ome.zarr", "sharded.zarr", "old.zarr"])
def test_mutants_of_folders(tmp_path, name):
    write_samples(tmp_path)
    mutate(tmp_path / name, 40, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two.ome.zarr", "three.ome.zarr", "sharded.zarr", "old.zarr"])
def test_many_mutants_of_folders(tmp_path, name):
    write_samples(tmp_path)
    mutate(tmp_path / name, 500, name * 2)


# OME-Zarr read


@pytest.mark.parametrize("version", [2, 3])
def test_axes_units_scale_translation(tmp_path, version):
    write_ome(str(tmp_path / "a.zarr"), version)
    image = mlarray.read(tmp_path / "a.zarr")
    np.testing.assert_array_equal(image.to_numpy(), VOLUME)
    spatial = image.meta.spatial
    assert spatial.axis_labels == ["temporal", "channel", "spatial_z", "spatial_y", "spatial_x"]
    assert spatial.axis_units == ["s", "", "um", "um", "um"]
    assert spatial.spacing == [0.8, 0.2, 0.3]
    assert spatial.origin == [-2, 1, 7]
    assert spatial.coord_system is None
    additions = Additions.of(image.meta)
    assert [channel["label"] for channel in additions.channels] == ["DAPI", "GFP", "RFP"]
    assert additions.axes[0].values == [0.0, 2.5]
    assert image.meta.source["attributes"]["site"] == "A1"


def test_labels_are_segmentations(tmp_path):
    write_ome(str(tmp_path / "a.zarr"), 3)
    labels = mlarray.read(tmp_path / "a.zarr", image="labels/nuclei")
    assert labels.meta.is_seg.is_seg is True
    np.testing.assert_array_equal(labels.to_numpy(), VOLUME > 450)
    assert mlarray.read(tmp_path / "a.zarr").meta.is_seg.is_seg is None


def test_levels(tmp_path):
    write_ome(str(tmp_path / "a.zarr"), 2)
    coarse = mlarray.read(tmp_path / "a.zarr", options={"level": 1})
    np.testing.assert_array_equal(coarse.to_numpy(), VOLUME[..., ::2, ::2])
    assert coarse.meta.spatial.spacing == [0.8, 0.4, 0.6]
    np.testing.assert_allclose(coarse.meta.spatial.origin, [-1.85, 1.1, 7])
    format, source = ZarrFormat(), Source(tmp_path / "a.zarr")
    with open_image(
        source,
        format,
        format.images(source, format.options_type(), Context())[0],
        format.options_type(),
        Context(),
    ) as reader:
        assert [level.shape for level in reader.levels] == [(2, 3, 12, 10, 9)]
    with pytest.raises(OptionError, match="0 to 1"):
        mlarray.read(tmp_path / "a.zarr", options={"level": 2})


def test_axes_of_old_versions(tmp_path):
    """0.3 names its axes, 0.1 and 0.2 have five without saying so."""
    for axes in (["t", "c", "z", "y", "x"], None):
        group = zarr.open_group(str(tmp_path / f"{axes is None}.zarr"), mode="w", zarr_format=2)
        content = {"datasets": [{"path": "0"}], **({} if axes is None else {"axes": axes})}
        group.attrs["multiscales"] = [content]
        group.create_array("0", data=VOLUME)
        labels = mlarray.read(tmp_path / f"{axes is None}.zarr").meta.spatial.axis_labels
        assert labels == ["temporal", "channel", "spatial_z", "spatial_y", "spatial_x"]


def test_several_images(tmp_path):
    """A plate or a converted slide holds images in groups; one is to be chosen."""
    for well in ("A/1/0", "B/2/0"):
        write_ome(str(tmp_path / "plate.zarr" / well), 2)
    zarr.open_group(str(tmp_path / "plate.zarr"), mode="a", zarr_format=2)
    with pytest.raises(MLArrayError, match="A/1/0"):
        mlarray.read(tmp_path / "plate.zarr")
    np.testing.assert_array_equal(mlarray.read(tmp_path / "plate.zarr", image="B/2/0").to_numpy(), VOLUME)


# OME-Zarr written


def volume(**more):
    voxels = RNG.integers(-500, 500, (20, 300, 270)).astype(np.int16)
    upright = [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    return mlarray.MLArray(voxels, spacing=(3, 0.5, 0.4), origin=(1, 2, 3), **{"direction": upright, **more})


@pytest.mark.parametrize("name", ["a.ome.zarr", "a.zarr", "a.zarr.zip", "a.ozx"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"version": "0.4", "codec": "blosc"},
        {"codec": "gzip", "chunk_size": "10,64,64", "shard_size": "20,128,128"},
    ],
)
def test_own_files_read_the_same(tmp_path, name, options):
    image = volume()
    mlarray.write(image, tmp_path / name, options=options)
    again = mlarray.read(tmp_path / name)
    np.testing.assert_array_equal(again.to_numpy(), image.to_numpy())
    np.testing.assert_allclose(again.affine, image.affine)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_validates_with_another_reader(tmp_path, version):
    """The same world positions at every level, by ngff-zarr, which also checks the metadata's schema."""
    ngff_zarr = pytest.importorskip("ngff_zarr", reason="ngff-zarr, an independent reader, isn't installed")
    pytest.importorskip("jsonschema", reason="ngff-zarr needs jsonschema to validate")
    image = volume()
    losses = mlarray.write(image, tmp_path / "a.ome.zarr", options={"version": version, "levels": 2}).losses
    assert losses == ()
    levels = ngff_zarr.from_ngff_zarr(str(tmp_path / "a.ome.zarr"), validate=True).images
    assert len(levels) == 3
    voxels, affine = image.to_numpy(), geometry.affine_of(image.meta.spatial, 3)
    np.testing.assert_array_equal(np.asarray(levels[0].data), voxels)
    for level in levels:
        data = np.asarray(level.data)
        for index in RNG.integers(0, data.shape, (50, 3)):
            world = [level.translation[a] + i * level.scale[a] for a, i in zip("zyx", index, strict=True)][
                ::-1
            ]
            at = np.linalg.solve(affine, [*world, 1])[:3]
            low, high = np.floor(at + 1e-6).astype(int), np.ceil(at - 1e-6).astype(int)
            factor = [round(level.scale[a] / s) for a, s in zip("zyx", (3, 0.5, 0.4), strict=True)]
            corner = [i * f for i, f in zip(index, factor, strict=True)]
            middle = [c + (f - 1) / 2 for c, f in zip(corner, factor, strict=True)]
            np.testing.assert_allclose(at, middle, atol=1e-6)
            assert (low <= high).all()


def test_other_reader_sees_channels_and_time(tmp_path):
    ngff_zarr = pytest.importorskip("ngff_zarr", reason="ngff-zarr, an independent reader, isn't installed")
    pytest.importorskip("jsonschema", reason="ngff-zarr needs jsonschema to validate")
    write_ome(str(tmp_path / "a.zarr"), 2)
    mlarray.convert(tmp_path / "a.zarr", tmp_path / "b.mla")
    mlarray.convert(tmp_path / "b.mla", tmp_path / "c.ome.zarr")
    found = ngff_zarr.from_ngff_zarr(str(tmp_path / "c.ome.zarr"), validate=True)
    first = found.images[0]
    assert tuple(first.dims) == tuple("tczyx")
    assert (first.scale["t"], first.scale["z"], first.translation["y"]) == (2.5, 0.8, 1)
    assert first.axes_units["x"] == "micrometer"
    assert [channel.label for channel in found.metadata.omero.channels] == ["DAPI", "GFP", "RFP"]
    again = mlarray.read(tmp_path / "c.ome.zarr").meta
    assert again.to_plain()["spatial"] == mlarray.read(tmp_path / "b.mla").meta.to_plain()["spatial"]
    assert (
        json.loads((tmp_path / "c.ome.zarr" / "zarr.json").read_text(encoding="utf-8"))["attributes"]["site"]
        == "A1"
    )


def test_reads_what_another_program_writes(tmp_path):
    ngff_zarr = pytest.importorskip("ngff_zarr", reason="ngff-zarr, an independent writer, isn't installed")
    voxels = RNG.integers(0, 255, (8, 40, 50)).astype(np.uint8)
    scale, move = {"z": 2.0, "y": 0.5, "x": 0.25}, {"z": 9.0, "y": 8.0, "x": 7.0}
    image = ngff_zarr.to_ngff_image(voxels, dims=("z", "y", "x"), scale=scale, translation=move)
    for version in ("0.4", "0.5"):
        ngff_zarr.to_ngff_zarr(
            str(tmp_path / f"{version}.zarr"),
            ngff_zarr.to_multiscales(image, scale_factors=[]),
            version=version,
        )
        read = mlarray.read(tmp_path / f"{version}.zarr")
        np.testing.assert_array_equal(read.to_numpy(), voxels)
        assert (read.spacing, read.origin) == ([2.0, 0.5, 0.25], [7.0, 8.0, 9.0])


def test_oblique_geometry_comes_back_and_is_told(tmp_path):
    turned = np.linalg.qr(RNG.random((3, 3)))[0]
    image = volume(direction=turned.tolist())
    image.meta.spatial.coord_system = "LPS"
    done = mlarray.write(image, tmp_path / "a.zarr", options={"levels": 1})
    assert [loss.what for loss in done.losses] == ["direction of the axes"]
    for level in (0, 1):
        again = mlarray.read(tmp_path / "a.zarr", options={"level": level})
        assert again.meta.spatial.coord_system == "LPS"
        by = np.diag([1, 2**level, 2**level, 1.0])
        by[1:3, 3] = (2**level - 1) / 2
        np.testing.assert_allclose(
            geometry.affine_of(again.meta.spatial), geometry.affine_of(image.meta.spatial) @ by
        )


def test_changed_scale_wins_over_what_was_kept(tmp_path):
    mlarray.write(volume(), tmp_path / "a.zarr")
    path = tmp_path / "a.zarr" / "zarr.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["attributes"]["ome"]["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"][
        0
    ] = 9
    path.write_text(json.dumps(content))
    assert mlarray.read(tmp_path / "a.zarr").spacing == [9, 0.5, 0.4]


def test_colours_go_first_and_come_back_last(tmp_path):
    pixels = RNG.integers(0, 255, (30, 40, 3)).astype(np.uint8)
    image = mlarray.MLArray(pixels, axis_labels=["spatial_y", "spatial_x", "components"], spacing=(2, 1))
    mlarray.write(image, tmp_path / "a.zarr")
    assert zarr.open_array(str(tmp_path / "a.zarr"), path="0", mode="r").shape == (3, 30, 40)
    again = mlarray.read(tmp_path / "a.zarr")
    np.testing.assert_array_equal(again.to_numpy(), pixels)
    assert again.meta.spatial.axis_labels == ["spatial_y", "spatial_x", "components"]


def test_axes_that_ome_zarr_has_no_place_for(tmp_path):
    voxels = RNG.random((2, 3, 4, 5, 6, 7)).astype(np.float32)
    image = mlarray.MLArray(voxels, axis_labels=["a", "b", "temporal", "spatial_z", "spatial_y", "spatial_x"])
    assert mlarray.write(image, tmp_path / "a.zarr").losses
    again = mlarray.read(tmp_path / "a.zarr")
    np.testing.assert_array_equal(again.to_numpy(), voxels)
    assert again.meta.spatial.axis_labels == image.meta.spatial.axis_labels


@pytest.mark.parametrize("seg", [False, True])
def test_levels_are_those_of_a_mla_file(tmp_path, seg):
    """One rule for all pyramids: whole blocks with the edge repeated, sizes rounded up, labels by mode."""
    voxels = RNG.integers(0, 5 if seg else 60000, (7, 301, 603)).astype(np.uint16)
    image = mlarray.MLArray(voxels, spacing=(4, 1, 1), origin=(1, 2, 3), meta=mlarray.Meta(is_seg=seg))
    mlarray.write(image, tmp_path / "a.zarr", options={"levels": 3, "chunk_size": "3,64,65"})
    image.save(tmp_path / "a.mla", levels=1)
    ours = mlarray.MLArray.open(tmp_path / "a.mla").levels[0]
    for level, step in enumerate([(1, 2, 2), (1, 2, 2), (2, 2, 2)], 1):
        voxels = reduce(voxels, step, "mode" if seg else "mean")
        read = mlarray.read(tmp_path / "a.zarr", options={"level": level})
        np.testing.assert_array_equal(read.to_numpy(), voxels)
        if level == 1:
            np.testing.assert_array_equal(ours.to_numpy(), voxels)
            np.testing.assert_allclose(read.origin, ours.origin)
    assert voxels.shape == (4, 38, 76)


def test_labels_keep_their_values_in_a_pyramid(tmp_path):
    labels = RNG.choice([0, 7, 300], (4, 600, 600)).astype(np.uint16)
    image = mlarray.MLArray(labels, spacing=(1, 1, 1), meta=mlarray.Meta(is_seg=True))
    mlarray.write(image, tmp_path / "a.zarr")
    coarse = mlarray.read(tmp_path / "a.zarr", options={"level": 1})
    assert set(np.unique(coarse.to_numpy())) <= {0, 7, 300}
    assert coarse.meta.is_seg.is_seg is True
    assert coarse.spacing == [2, 2, 2]


@pytest.mark.parametrize(
    "options",
    [
        {"chunk_size": "1,2"},
        {"chunk_size": "0"},
        {"shard_size": "63"},
        {"version": "0.4", "shard_size": "128"},
    ],
)
def test_settings_that_do_not_fit(tmp_path, options):
    with pytest.raises(OptionError):
        mlarray.write(volume(), tmp_path / "a.zarr", options=options)
    assert not (tmp_path / "a.zarr").exists()


# hostile stores


def edit(folder, change, name=".zarray"):
    path = folder / name
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content))


@pytest.fixture
def plain(tmp_path):
    zarr.create_array(str(tmp_path / "a.zarr"), data=VOLUME[0, 0], chunks=(12, 20, 18), zarr_format=2)
    return tmp_path / "a.zarr"


@pytest.mark.parametrize("place", ["compressor", "filters"])
def test_codecs_never_execute(plain, place):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(plain / "sprung"),)

    codec = {"id": "pickle", "protocol": 5}
    edit(plain, lambda c: c.update({place: codec if place == "compressor" else [codec]}))
    (plain / "0.0.0").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(MLArrayError, match="pickle"):
        mlarray.read(plain)
    assert not (plain / "sprung").exists()


@pytest.mark.parametrize("dtype", ["|O", "<U4", "<M8[s]", [["a", "<i2"]]])
def test_no_numbers(plain, dtype):
    edit(plain, lambda c: c.update(dtype=dtype))
    with pytest.raises(MLArrayError, match="no voxels"):
        mlarray.read(plain)


def test_absurd_sizes(plain):
    edit(plain, lambda c: c.update(chunks=[100000, 100000, 100000]))
    with pytest.raises(MLArrayError, match="chunks"):
        mlarray.read(plain)
    edit(plain, lambda c: c.update(chunks=[12, 20, 18], shape=[1 << 40, 1 << 40, 1 << 40]))
    with pytest.raises(MLArrayError, match="shape"):
        mlarray.read(plain)
    edit(plain, lambda c: c.update(shape=[30000, 30000, 30000]))
    with pytest.raises(MLArrayError, match="limit"):
        mlarray.read(plain, max_bytes=1 << 28)


def test_nested_json(plain):
    (plain / ".zattrs").write_text('{"a":' + "[" * 200_000 + "]" * 200_000 + "}")
    with pytest.raises(MLArrayError):
        mlarray.read(plain)


@pytest.mark.parametrize("path", ["../secret", "/etc", "a/../../secret", "..\\secret"])
def test_paths_that_leave_the_store(tmp_path, path):
    zarr.create_array(str(tmp_path / "secret"), data=VOLUME, zarr_format=2)
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=2)
    group.attrs["multiscales"] = [{"axes": AXES, "datasets": [{"path": path}]}]
    with pytest.raises(MLArrayError, match="out of the store"):
        mlarray.read(tmp_path / "a.zarr")
    group.attrs["multiscales"] = [{"axes": AXES, "datasets": [{"path": "0"}]}]
    group.create_array("0", data=VOLUME)
    with pytest.raises(UnsafeError):
        (
            mlarray.read(tmp_path / "a.zarr", image="/"),
            ZarrFormat().open(
                Source(tmp_path / "a.zarr"), mlarray_ref("../secret"), ZarrFormat.options_type(), Context()
            ),
        )


def mlarray_ref(key):
    from mlarray_io import ImageRef

    return ImageRef(key=key)


def test_links_that_leave_the_store(plain, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes((plain / "0.0.0").read_bytes())
    (plain / "0.0.0").unlink()
    (plain / "0.0.0").symlink_to(secret)
    with pytest.raises(UnsafeError, match="out of the store"):
        mlarray.read(plain)


def test_a_chunk_that_is_a_pipe_is_missing(plain):
    (plain / "0.0.0").unlink()
    os.mkfifo(plain / "0.0.0")
    assert not mlarray.read(plain).to_numpy().any()


def test_oversized_chunk(plain):
    (plain / "0.0.0").write_bytes(bytes(64 << 20))
    with pytest.raises(MLArrayError, match="larger"):
        mlarray.read(plain)


def zstd_of_runs(count):
    """Return a frame of blocks that repeat one byte, 4 bytes for each 128 KiB, which doesn't say its size."""
    block = (1 << 1) | ((128 << 10) << 3)
    blocks = b"".join((block | (n == count - 1)).to_bytes(3, "little") + b"\0" for n in range(count))
    return b"\x28\xb5\x2f\xfd\x00\x58" + blocks


@pytest.mark.parametrize("codec", ["zstd", "zstd says", "gzip", "zlib", "bz2", "lzma", "blosc", "lz4"])
def test_bombs(plain, codec):
    """A chunk of 8 KB that becomes gigabytes is refused before it does."""
    import bz2
    import gzip
    import lzma
    import tracemalloc
    import zlib

    size = 1 << 25 if codec in ("bz2", "lzma") else 1 << 31
    makers = {
        "zstd": lambda: zstd_of_runs(2000),
        "zstd says": lambda: b"\x28\xb5\x2f\xfd\xa0" + size.to_bytes(4, "little") + bytes(99),
        "gzip": lambda: gzip.compress(bytes(1 << 20), 9) * 2048,
        "zlib": lambda: zlib.compress(bytes(1 << 28), 9) * 5,
        "bz2": lambda: bz2.compress(bytes(size)),
        "lzma": lambda: lzma.compress(bytes(size)),
        "blosc": lambda: b"\x02\x01\x21\x02" + size.to_bytes(4, "little") + bytes(99),
        "lz4": lambda: size.to_bytes(4, "little") + bytes(99),
    }
    name = codec.split()[0]
    settings = {"id": name} if name in ("lzma", "blosc", "lz4") else {"id": name, "level": 1}
    edit(plain, lambda c: c.update(compressor=settings, chunks=[64, 128, 128]))
    (plain / "0.0.0").write_bytes(makers[codec]())
    tracemalloc.start()
    with pytest.raises(MLArrayError, match="would become"):
        mlarray.read(plain)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 << 20


@pytest.mark.parametrize("place", ["start", "end"])
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "part"])
@pytest.mark.parametrize("codec", ["zstd", "gzip", "blosc"])
def test_bombs_in_shards(tmp_path, place, whole, codec):
    """A chunk in a shard is weighed too, whether the shard is read whole or in part."""
    import gzip
    import tracemalloc

    import google_crc32c

    size = 1 << 31
    bomb = {
        "zstd": lambda: zstd_of_runs(20000),
        "gzip": lambda: gzip.compress(bytes(1 << 20), 9) * 2048,
        "blosc": lambda: b"\x02\x01\x21\x02" + size.to_bytes(4, "little") + bytes(99),
    }[codec]()
    codecs = {"zstd": zarr.codecs.ZstdCodec, "gzip": zarr.codecs.GzipCodec, "blosc": zarr.codecs.BloscCodec}
    zarr.create_array(
        str(tmp_path / "a.zarr"), data=np.ones((256, 256, 256), np.uint8), chunks=(128, 128, 256),
        shards={"shape": (256, 256, 256), "index_location": place}, compressors=codecs[codec](),
    )  # fmt: skip
    shard = tmp_path / "a.zarr/c/0/0/0"
    assert np.all(mlarray.read(tmp_path / "a.zarr").to_numpy() == 1)
    start = 4 * 16 + 4 if place == "start" else 0
    index = np.array([start, len(bomb)] + [(1 << 64) - 1] * 6, "<u8").tobytes()
    index += google_crc32c.value(index).to_bytes(4, "little")
    shard.write_bytes(index + bomb if place == "start" else bomb + index)
    tracemalloc.start()
    with pytest.raises(MLArrayError, match="would become"):
        if whole:
            mlarray.read(tmp_path / "a.zarr")
        else:
            read_part(tmp_path / "a.zarr")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 << 20


def read_part(path):
    format, context = ZarrFormat(), Context()
    image = images_of(Source(path), format, format.options_type(), context)[0]
    with open_image(Source(path), format, image, format.options_type(), context) as reader:
        return reader[slice(0, 100), slice(0, 100), slice(0, 256)]


def test_weights_of_honest_chunks():
    """What the libraries write weighs what it becomes, so that nothing honest is refused."""
    numcodecs = pytest.importorskip("numcodecs")
    from mlarray_zarr.bombs import weigh

    for size in (1, 200, 255, 256, 300, 70_000, 400_000):
        content = RNG.integers(0, 9, size).astype(np.uint8).tobytes()
        for name in ("zstd", "gzip", "zlib", "bz2", "lzma", "blosc", "lz4"):
            packed = bytes(numcodecs.get_codec({"id": name}).encode(content))
            weigh(packed, name, size)
            if name not in ("gzip", "zlib"):
                with pytest.raises(MLArrayError, match="would become"):
                    weigh(packed, name, size - 1)


def test_zip_with_lying_sizes(plain, tmp_path):
    target = tmp_path / "a.zarr.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(plain.rglob("*"), reverse=True):
            archive.write(path, path.relative_to(plain).as_posix())
    content = target.read_bytes()
    size = (plain / "0.0.0").stat().st_size
    target.write_bytes(content.replace(size.to_bytes(4, "little"), (1 << 30).to_bytes(4, "little")))
    with pytest.raises(MLArrayError):
        mlarray.read(target)


def test_a_zip_of_the_folder_itself(plain, tmp_path):
    shutil.make_archive(str(tmp_path / "b.zarr"), "zip", plain.parent, plain.name)
    np.testing.assert_array_equal(mlarray.read(tmp_path / "b.zarr.zip").to_numpy(), VOLUME[0, 0])


def test_later_versions_are_refused(tmp_path):
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=3)
    content = {"coordinateSystems": [], "datasets": [{"path": "0"}]}
    group.attrs["ome"] = {"version": "0.6", "multiscales": [content]}
    with pytest.raises(UnsupportedError, match=r"0\.6"):
        mlarray.read(tmp_path / "a.zarr")


def test_memory_stays_bounded(tmp_path):
    """The reader hands out the store's chunks, and the writer asks for a few of them at a time."""
    import tracemalloc

    zarr.create_array(
        str(tmp_path / "a.zarr"), shape=(300, 512, 512), dtype="int16", chunks=(30, 128, 128), fill_value=7
    )
    tracemalloc.start()
    mlarray.convert(tmp_path / "a.zarr", tmp_path / "b.zarr", options={"levels": 0}, threads=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150 << 20
    assert Path(tmp_path / "b.zarr").is_dir()


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("keep", [3, 15, 16, 200, -1])
def test_blosc_chunks_that_were_cut_short_are_refused(tmp_path, version, keep):
    """numcodecs' Blosc reads beyond the end of a chunk, as far as its header says, and may crash there."""
    import numcodecs
    from zarr.codecs import BloscCodec

    codec = numcodecs.Blosc(cname="lz4") if version == 2 else BloscCodec(cname="lz4")
    settings = {"chunks": VOLUME.shape[2:], "zarr_format": version, "compressors": codec}
    zarr.create_array(str(tmp_path / "a.zarr"), data=VOLUME[0, 0], **settings)
    (chunk,) = [path for path in (tmp_path / "a.zarr").rglob("*") if path.is_file() and path.name[0] in "0c2"]
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.zarr").to_numpy(), VOLUME[0, 0])
    chunk.write_bytes(chunk.read_bytes()[:keep])
    with pytest.raises(CorruptError, match="cut short"):
        mlarray.read(tmp_path / "a.zarr")


def test_blosc_chunks_may_have_bytes_behind_them(tmp_path):
    """z5 of 2019 wrote 16; numcodecs leaves them alone."""
    import numcodecs

    settings = {"chunks": VOLUME.shape[2:], "zarr_format": 2, "compressors": numcodecs.Blosc(cname="lz4")}
    zarr.create_array(str(tmp_path / "a.zarr"), data=VOLUME[0, 0], **settings)
    with (tmp_path / "a.zarr" / "0.0.0").open("ab") as chunk:
        chunk.write(bytes(16))
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.zarr").to_numpy(), VOLUME[0, 0])
