"""N5 that z5py wrote and precomputed volumes that cloud-volume wrote, of known content."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorstore")

import mlarray
from mlarray_core import Additions, geometry
from mlarray_core.errors import (
    CorruptError,
    LimitError,
    MLArrayError,
    SelectionError,
    UnsafeError,
    UnsupportedError,
)
from mlarray_io.testing import FormatTests, specimens
from mlarray_tensorstore import N5Format, PrecomputedFormat

DATA = Path(__file__).parent.parent / "data" / "blocks"
VOXELS = np.arange(4 * 6 * 10).reshape(4, 6, 10) * 3 % 251
"""z, y, x: what z5py 3.0.2 and cloud-volume 12.15.2 were given."""
VOLUMES = {"raw": "uint16", "compressed_segmentation": "uint64"}


class TestN5(FormatTests):
    @pytest.fixture
    def format(self):
        return N5Format()

    @pytest.fixture
    def samples(self):
        return [DATA / "z5.n5"]

    def reference(self, path, image):
        dtype = {"raw": "u1", "gzip": "u2", "volumes/blosc": "f4", "pyramid/s0": "i2"}[image.key]
        spacing = [2, 0.5, 0.5] if image.key == "pyramid/s0" else [40, 3, 2]
        return VOXELS.astype(dtype), np.diag([*spacing, 1]), None


class TestPrecomputed(FormatTests):
    @pytest.fixture
    def format(self):
        return PrecomputedFormat()

    @pytest.fixture
    def samples(self):
        return [DATA / f"{name}.precomputed" for name in VOLUMES]

    def reference(self, path, image):
        affine = np.array([[0, 0, 4, 22], [0, 4, 0, 26], [40, 0, 0, 300], [0, 0, 0, 1]])
        return VOXELS.astype(VOLUMES[path.stem]), affine, None


def test_n5_lists_arrays_and_takes_levels_together():
    found = specimens.images(N5Format(), DATA / "z5.n5")
    assert {image.key for image in found} == {"raw", "gzip", "volumes/blosc", "pyramid/s0"}
    with pytest.raises(SelectionError):
        mlarray.read(DATA / "z5.n5")
    pyramid = next(image for image in found if image.key == "pyramid/s0")
    with specimens.opened(N5Format(), DATA / "z5.n5", pyramid) as reader:
        assert [level.shape for level in reader.levels] == [(2, 3, 5)]
        np.testing.assert_array_equal(specimens.whole(reader.levels[0]), VOXELS[::2, ::2, ::2])
        assert list(reader.levels[0].meta.spatial.spacing) == [4, 1, 1]


def test_an_array_of_n5_by_itself():
    image = mlarray.read(DATA / "z5.n5" / "gzip")
    np.testing.assert_array_equal(image.to_numpy(), VOXELS)
    assert list(image.meta.spatial.axis_units) == ["nm"] * 3


def test_scales_lie_over_one_another():
    with specimens.opened(PrecomputedFormat(), DATA / "raw.precomputed") as reader:
        np.testing.assert_array_equal(specimens.whole(reader.levels[0]), VOXELS[:, ::2, ::2])
        first = geometry.affine_of(reader.meta.spatial, 3)
        second = geometry.affine_of(reader.levels[0].meta.spatial, 3)
        # index 0 of the coarser scale reaches from 2 * 8 nm on: the finer one begins at 5 * 4 nm
        assert second[0, 3] - 4 == 2 * 8
        assert first[0, 3] - 2 == 5 * 4


def test_segmentations_hold_labels_and_jpeg_is_lossy():
    assert mlarray.read(DATA / "compressed_segmentation.precomputed").meta.is_seg
    image = mlarray.read(DATA / "jpeg.precomputed")
    assert Additions.of(image.meta).lossy == {"compression": "JPEG"}
    assert image.shape == VOXELS.shape


def test_sharded_volumes_of_several_channels(tmp_path):
    import tensorstore

    voxels = np.random.default_rng(0).integers(0, 9, (10, 6, 4, 2), "u2")
    sharding = {
        "@type": "neuroglancer_uint64_sharded_v1", "preshift_bits": 1, "minishard_bits": 1, "shard_bits": 1,
        "hash": "identity", "data_encoding": "gzip", "minishard_index_encoding": "gzip",
    }  # fmt: skip
    scale = {"size": [10, 6, 4], "resolution": [1, 1, 1], "encoding": "raw", "chunk_size": [4, 4, 4]}
    spec = {
        "driver": "neuroglancer_precomputed",
        "kvstore": {"driver": "file", "path": f"{tmp_path}/"},
        "multiscale_metadata": {"type": "image", "data_type": "uint16", "num_channels": 2},
        "scale_metadata": {**scale, "sharding": sharding},
    }
    tensorstore.open(spec, create=True).result().write(voxels).result()
    image = mlarray.read(tmp_path)
    np.testing.assert_array_equal(image.to_numpy(), voxels.transpose(3, 2, 1, 0))
    assert list(image.meta.spatial.axis_labels) == ["channel", "spatial_z", "spatial_y", "spatial_x"]


def test_blocks_that_were_never_written_are_zero(tmp_path):
    shutil.copytree(DATA / "z5.n5" / "raw", tmp_path / "raw.n5")
    shutil.rmtree(tmp_path / "raw.n5" / "0")
    voxels = mlarray.read(tmp_path / "raw.n5").to_numpy()
    assert not voxels[:, :, :5].any()
    np.testing.assert_array_equal(voxels[:, :, 5:], VOXELS[:, :, 5:])


def test_a_scale_outside_of_the_folder(tmp_path):
    shutil.copytree(DATA / "raw.precomputed", tmp_path / "secret")
    shutil.copytree(DATA / "raw.precomputed", tmp_path / "volume")
    info = json.loads((tmp_path / "volume" / "info").read_text())
    for key in ("../secret/4_4_40", str(tmp_path / "secret" / "4_4_40"), "http://localhost/x"):
        info["scales"][0]["key"] = key
        (tmp_path / "volume" / "info").write_text(json.dumps(info))
        with pytest.raises((UnsafeError, CorruptError)):
            mlarray.read(tmp_path / "volume")
    shutil.rmtree(tmp_path / "volume" / "8_8_40")
    (tmp_path / "volume" / "8_8_40").symlink_to(tmp_path / "secret" / "8_8_40")
    info["scales"][0]["key"] = "8_8_40"
    (tmp_path / "volume" / "info").write_text(json.dumps(info))
    with pytest.raises(UnsafeError):
        mlarray.read(tmp_path / "volume")


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("dimensions", [10, 6, -4], CorruptError),
        ("dimensions", "many", CorruptError),
        ("blockSize", [5, 4], CorruptError),
        ("blockSize", [1 << 20, 1 << 20, 1 << 20], LimitError),
        ("dataType", "object", CorruptError),
        ("compression", {"type": "secret"}, MLArrayError),
    ],
)
def test_attributes_that_make_no_sense(tmp_path, name, value, error):
    shutil.copytree(DATA / "z5.n5" / "raw", tmp_path / "raw.n5")
    path = tmp_path / "raw.n5" / "attributes.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(error):
        mlarray.read(tmp_path / "raw.n5")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", [10, 6]),
        ("size", [10, 6, 0]),
        ("chunk_sizes", []),
        ("chunk_sizes", [[0, 1, 1]]),
        ("resolution", [4, 4, 0]),
        ("encoding", "other"),
        ("voxel_offset", ["a", 0, 0]),
    ],
)
def test_scales_that_make_no_sense(tmp_path, name, value):
    shutil.copytree(DATA / "raw.precomputed", tmp_path / "volume")
    info = json.loads((tmp_path / "volume" / "info").read_text())
    info["scales"][0][name] = value
    (tmp_path / "volume" / "info").write_text(json.dumps(info))
    with pytest.raises(MLArrayError):
        mlarray.read(tmp_path / "volume")


@pytest.mark.parametrize("encoding", ["compresso", "jpegxl", "fpzip"])
def test_packings_that_the_library_lacks_are_named(tmp_path, encoding):
    shutil.copytree(DATA / "raw.precomputed", tmp_path / "volume")
    info = json.loads((tmp_path / "volume" / "info").read_text())
    info["scales"][0]["encoding"] = encoding
    (tmp_path / "volume" / "info").write_text(json.dumps(info))
    with pytest.raises(UnsupportedError, match=f"packed as '{encoding}'"):
        mlarray.read(tmp_path / "volume")


def placed(tmp_path, **attributes):
    shutil.copytree(DATA / "z5.n5" / "raw", tmp_path / "a.n5")
    path = tmp_path / "a.n5" / "attributes.json"
    kept = {name: json.loads(path.read_text())[name] for name in ("dimensions", "blockSize", "dataType")}
    path.write_text(json.dumps({**kept, "compression": {"type": "raw"}, **attributes}))
    return mlarray.read(tmp_path / "a.n5").meta.spatial


def test_a_coarser_level_of_n5_viewer(tmp_path):
    """As n5-ij's test data have it: the resolution is that of the finest level."""
    pixels = {"dimensions": [1.5, 1.5, 3.0], "unit": "mm"}
    spatial = placed(tmp_path, pixelResolution=pixels, downsamplingFactors=[2, 2, 1])
    assert list(spatial.spacing) == [3, 3, 3]
    assert list(spatial.origin) == [0.75, 0.75, 0]


def test_what_a_group_says_of_its_levels(tmp_path):
    """As neuroglancer's test data have it: `resolution` and `scales` stand with the group."""
    shutil.copytree(DATA / "z5.n5" / "pyramid", tmp_path / "a.n5" / "group")
    for level in ("s0", "s1"):
        path = tmp_path / "a.n5" / "group" / level / "attributes.json"
        attributes = json.loads(path.read_text())
        del attributes["pixelResolution"]
        path.write_text(json.dumps(attributes))
    told = {"axes": ["x", "y", "z"], "units": ["nm"] * 3, "resolution": [4, 4, 40]}
    told["scales"] = [[1, 1, 1], [2, 2, 2]]
    (tmp_path / "a.n5" / "group" / "attributes.json").write_text(json.dumps(told))
    (tmp_path / "a.n5" / "attributes.json").write_text('{"n5": "2.0.0"}')
    with specimens.opened(N5Format(), tmp_path / "a.n5") as reader:
        assert list(reader.meta.spatial.spacing) == [40, 4, 4]
        assert list(reader.levels[0].meta.spatial.spacing) == [80, 8, 8]
        assert list(reader.levels[0].meta.spatial.origin) == [2, 2, 20]
    assert list(mlarray.read(tmp_path / "a.n5" / "group").meta.spatial.spacing) == [40, 4, 4]


def test_scales_in_any_order(tmp_path):
    shutil.copytree(DATA / "raw.precomputed", tmp_path / "volume")
    info = json.loads((tmp_path / "volume" / "info").read_text())
    info["scales"].reverse()
    (tmp_path / "volume" / "info").write_text(json.dumps(info))
    np.testing.assert_array_equal(mlarray.read(tmp_path / "volume").to_numpy(), VOXELS)


def test_a_transform_of_cosem(tmp_path):
    told = {"axes": ["z", "y", "x"], "scale": [5.24, 4, 4], "translate": [2.62, 2, 1], "units": ["nm"] * 3}
    spatial = placed(tmp_path, transform=told)
    assert list(spatial.spacing) == [5.24, 4, 4]
    assert list(spatial.origin) == [1, 2, 2.62]
    assert list(spatial.axis_units) == ["nm"] * 3


def test_packing_of_the_first_version(tmp_path):
    """N5 1.x has a name in place of parameters (N5's README, "Changes")."""
    shutil.copytree(DATA / "z5.n5" / "gzip", tmp_path / "old.n5")
    path = tmp_path / "old.n5" / "attributes.json"
    attributes = json.loads(path.read_text())
    del attributes["compression"]
    path.write_text(json.dumps({**attributes, "compressionType": "gzip"}))
    np.testing.assert_array_equal(mlarray.read(tmp_path / "old.n5").to_numpy(), VOXELS)


def test_a_damaged_block(tmp_path):
    shutil.copytree(DATA / "z5.n5" / "gzip", tmp_path / "a.n5")
    block = tmp_path / "a.n5" / "1" / "0" / "0"
    for content in (b"", block.read_bytes()[:20], block.read_bytes()[:-9]):
        block.write_bytes(content)
        with pytest.raises(CorruptError):
            mlarray.read(tmp_path / "a.n5")
