"""CZI under the compliance suite: files that Zeiss's library writes, read against their content."""

from __future__ import annotations

import struct

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import SelectionError, UnsupportedError
from mlarray_czi import CziFormat
from mlarray_io import Context, Source
from mlarray_io.engine.select import images_of, open_image
from mlarray_io.testing import FormatTests

czi = pytest.importorskip("pylibCZIrw.czi")

RNG = np.random.default_rng(3)
TILE = 40


def grey(*shape, dtype="u2"):
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype)


def write_scenes(path):
    """Two scenes far apart, of four overlapping tiles and of one; two channels, three planes."""
    tiles = []
    with czi.create_czi(str(path)) as file:
        for z in range(3):
            for channel in range(2):
                for scene, places in ((0, [(-32, 5), (0, 5), (-32, 39), (0, 39)]), (1, [(5000, 7)])):
                    for x, y in places:
                        tile = grey(TILE, TILE)
                        plane = {"C": channel, "Z": z}
                        file.write(tile[..., None], location=(x, y), plane=plane, scene=scene)
                        tiles.append((scene, channel, z, x, y, tile))
        file.write_metadata(
            document_name="made",
            channel_names={0: "DAPI", 1: "EGFP"},
            scale_x=0.25e-6,
            scale_y=0.5e-6,
            scale_z=2e-6,
        )
    return tiles


def composed(tiles, scene):
    """Put the tiles of a scene together: the later one lies on top."""
    own = [tile for tile in tiles if tile[0] == scene]
    left, top = min(tile[3] for tile in own), min(tile[4] for tile in own)
    size = max(tile[4] for tile in own) + TILE - top, max(tile[3] for tile in own) + TILE - left
    found = np.zeros((2, 3, *size), "u2")
    for _, channel, z, x, y, voxels in own:
        found[channel, z, y - top : y - top + TILE, x - left : x - left + TILE] = voxels
    return found


def write_colours(path):
    voxels = grey(30, 50, 3, dtype="u1")
    with czi.create_czi(str(path)) as file:
        file.write(voxels[..., ::-1], plane={"C": 0})  # the library takes blue, green, red
        file.write_metadata(scale_x=1e-6, scale_y=1e-6)
    return voxels


def by_czifile(path):
    """Return the one scene of a file as czifile reads it."""
    czifile = pytest.importorskip("czifile")
    with czifile.CziFile(path) as file:
        return np.squeeze(file.asarray(max_workers=1))


class TestCzi(FormatTests):
    mutants = 12

    @pytest.fixture
    def format(self):
        return CziFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("czi")
        self.tiles = write_scenes(folder / "scenes.czi")
        write_colours(folder / "colours.czi")
        return [folder / "scenes.czi", folder / "colours.czi"]

    def reference(self, path, image):
        if path.stem == "colours":
            return by_czifile(path), np.eye(3)[[1, 0, 2]], None
        affine = np.zeros((4, 4))
        affine[[0, 1, 2, 3], [2, 1, 0, 3]] = 0.25, 0.5, 2, 1
        left, top = ((-32, 5), (5000, 7))[int(image.key)]
        affine[:2, 3] = left * 0.25, top * 0.5
        return composed(self.tiles, int(image.key)), affine, None


def opened(path, key="0", **options):
    format, context = CziFormat(), Context()
    chosen = format.options_type(**options)
    images = images_of(Source(path), format, chosen, context)
    image = next(one for one in images if one.key == key)
    return open_image(Source(path), format, image, chosen, context), context


def whole(reader):
    return reader[tuple(slice(0, size) for size in reader.shape)]


def test_scenes_are_listed_with_their_sizes(tmp_path):
    write_scenes(tmp_path / "a.czi")
    format = CziFormat()
    images = images_of(Source(tmp_path / "a.czi"), format, format.options_type(), Context())
    assert [(image.key, image.primary, image.facts["shape"]) for image in images] == [
        ("0", True, [2, 3, 74, 72]),
        ("1", False, [2, 3, 40, 40]),
    ]


def test_axes_channels_and_sizes(tmp_path):
    write_scenes(tmp_path / "a.czi")
    image = mlarray.read(tmp_path / "a.czi", image="1")
    spatial = image.meta.spatial
    assert spatial.axis_labels == ["channel", "spatial_z", "spatial_y", "spatial_x"]
    assert spatial.axis_units == ["", "um", "um", "um"]
    assert spatial.spacing == [2.0, 0.5, 0.25]
    assert spatial.origin == [1250.0, 3.5, 0.0]  # 5000 and 7 pixels of the document
    assert [channel.name for channel in Additions.of(image.meta).channels] == ["DAPI", "EGFP"]
    assert "<Metadata>" in image.meta.source["xml"]


def test_planes_and_gaps_that_are_not_stored_are_zero_and_told(tmp_path):
    """Airyscan files hold a phase for some channels only: what no one wrote must not be memory."""
    path, tile = tmp_path / "sparse.czi", grey(20, 20)
    with czi.create_czi(str(path)) as file:
        file.write(tile[..., None], location=(0, 0), plane={"C": 0, "T": 0})
        file.write(tile[..., None], location=(30, 0), plane={"C": 0, "T": 0})
        file.write(tile[..., None], location=(0, 0), plane={"C": 1, "T": 1})
        file.write(tile[..., None], location=(30, 0), plane={"C": 1, "T": 1})
    reader, context = opened(path)
    with reader:
        voxels = whole(reader)
    expected = np.zeros((2, 2, 20, 50), "u2")
    for plane in (expected[0, 0], expected[1, 1]):
        plane[:, :20] = plane[:, 30:] = tile
    np.testing.assert_array_equal(voxels, expected)
    assert context.report.warnings[:2] == [
        "2 of its 4 planes aren't stored, and are 0",
        "its tiles leave gaps, which are 0",
    ]


@pytest.mark.parametrize(
    "codec", ["zstd0:ExplicitLevel=3", "zstd1:ExplicitLevel=3;PreProcess=HiLoByteUnpack"]
)
def test_zstandard(tmp_path, codec):
    """czifile 2019 knows neither: the content is known instead."""
    path, tile = tmp_path / "a.czi", grey(64, 60)
    with czi.create_czi(str(path), compression_options=codec) as file:
        file.write(tile[..., None], plane={"C": 0})
    reader, _ = opened(path)
    with reader:
        np.testing.assert_array_equal(whole(reader), tile)


def test_indices_need_not_begin_at_zero(tmp_path):
    """Parts of a split plate keep the numbers of the whole."""
    path, planes = tmp_path / "part.czi", grey(2, 16, 18)
    with czi.create_czi(str(path)) as file:
        for t in range(2):
            file.write(planes[t][..., None], plane={"C": 1, "T": 3 + t}, scene=4)
    reader, context = opened(path, "4")
    with reader:
        assert reader.labels == ["temporal", "spatial_y", "spatial_x"]
        np.testing.assert_array_equal(whole(reader), planes)
    assert context.report.warnings == []


def test_channels_of_different_types_take_one_that_holds_both(tmp_path):
    path, small, large = tmp_path / "two.czi", grey(9, 11, dtype="u1"), grey(9, 11)
    with czi.create_czi(str(path)) as file:
        file.write(small[..., None], plane={"C": 0})
        file.write(large[..., None], plane={"C": 1})
    reader, _ = opened(path)
    with reader:
        assert reader.dtype == np.uint16
        np.testing.assert_array_equal(whole(reader), [small, large])
    reader, _ = opened(path, channel=0)
    with reader:
        assert reader.dtype == np.uint8
        np.testing.assert_array_equal(whole(reader), small)
    with pytest.raises(SelectionError, match="no channel 2"):
        opened(path, channel=2)


def test_colours_beside_greys_are_read_one_at_a_time(tmp_path):
    path, colours = tmp_path / "two.czi", grey(9, 11, 3, dtype="u1")
    with czi.create_czi(str(path)) as file:
        file.write(colours, plane={"C": 0})
        file.write(colours[..., :1], plane={"C": 1})
    with pytest.raises(UnsupportedError, match="channels of colours beside channels of greys"):
        opened(path)
    reader, _ = opened(path, channel=0)
    with reader:
        np.testing.assert_array_equal(whole(reader), colours[..., ::-1])


def write_pyramid(path):
    """Write four tiles and a coarser one, which the library writes as a tile: its entry is changed to say so.

    A tile of a pyramid stands for more pixels than it stores: Size and StoredSize of the entries X and Y
    ("ZISRAW (CZI) File Format", DimensionEntryDV1).
    """
    fine, coarse = grey(96, 100), grey(48, 50)
    with czi.create_czi(str(path)) as file:
        for y, x in np.ndindex(2, 2):
            tile = fine[48 * y : 48 * y + 48, 50 * x : 50 * x + 50]
            file.write(
                np.ascontiguousarray(tile)[..., None], location=(50 * x, 48 * y), plane={"C": 0}, scene=0
            )
        marked = np.zeros((49, 51, 1), "u2")
        marked[:48, :50, 0] = coarse
        file.write(marked, location=(0, 0), plane={"C": 0}, scene=0)
        file.write_metadata(scale_x=1e-6, scale_y=1e-6)
    content = path.read_bytes()
    for letter, stored in ((b"X", 51), (b"Y", 49)):
        plain = letter + bytes(3) + struct.pack("<iifi", 0, stored, 0, stored)
        assert plain in content
        content = content.replace(plain, letter + bytes(3) + struct.pack("<iifi", 0, 2 * stored, 0, stored))
    path.write_bytes(content)
    return fine, coarse


def test_levels_are_the_tiles_of_the_pyramid(tmp_path):
    fine, coarse = write_pyramid(tmp_path / "a.czi")
    reader, _ = opened(tmp_path / "a.czi")
    with reader:
        np.testing.assert_array_equal(whole(reader), fine)
        assert [level.shape for level in reader.levels] == [(48, 50)]
        np.testing.assert_array_equal(whole(reader.levels[0]), coarse)
        spatial = reader.levels[0].meta.spatial
        assert (spatial.spacing, spatial.origin) == ([2.0, 2.0], [0.5, 0.5])


def test_a_file_without_metadata(tmp_path):
    with czi.create_czi(str(tmp_path / "bare.czi")) as file:
        file.write(grey(8, 9)[..., None])
    image = mlarray.read(tmp_path / "bare.czi")
    assert image.meta.spatial.spacing is None
    assert image.meta.spatial.axis_labels == ["spatial_y", "spatial_x"]
