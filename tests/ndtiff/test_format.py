"""NDTiff under the compliance suite: real data sets of Micro-Manager, and those that ndstorage writes.

ndstorage is the format's own library; it prints what it does.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import (
    CorruptError,
    LimitError,
    NotFoundError,
    SelectionError,
    UnsafeError,
    UnsupportedError,
)
from mlarray_io import Context, Source
from mlarray_io.engine.registry import installed
from mlarray_io.testing import FormatTests, specimens
from mlarray_ndtiff import NdtiffFormat
from tests.mutants import read_damaged

DATA = Path(__file__).parent.parent / "data" / "ndtiff"
TIMES, STITCHED = DATA / "12_bit_pycromanager_mda", DATA / "ndtiffv3.0_stitched_test"
OLD, COLOURS = DATA / "ndtiffv2.0_test", DATA / "ndtiff3.2_magellan_explore_rgb"
RNG = np.random.default_rng(7)


def by_ndstorage(path, **place):
    """Return what ndstorage puts together, its files closed, which it doesn't do for pyramids."""
    ndstorage = pytest.importorskip("ndstorage")
    with contextlib.redirect_stdout(io.StringIO()):
        found = ndstorage.Dataset(str(path))
    voxels = np.asarray(found.as_array(**place))
    for level in getattr(found, "res_levels", {0: found}).values():
        level.close()
    return voxels


def made(folder, planes, summary=None):
    """Have ndstorage write planes: axes, voxels and what is told of each."""
    ndstorage = pytest.importorskip("ndstorage")
    told = {"PixelSize_um": 0.65, **(summary or {})}
    written = ndstorage.NDTiffDataset(str(folder), name="made", summary_metadata=told, writable=True)
    for place, voxels, plane in planes:
        written.put_image(place, voxels, plane)
    written.current_writer.reader.close()
    written.finish()
    written.close()
    return next(folder.glob("made_*"))


def plane(value):
    return np.full((5, 6), value, "u2")


class TestNdtiff(FormatTests):
    @pytest.fixture
    def format(self):
        return NdtiffFormat()

    @pytest.fixture
    def samples(self):
        return [TIMES, STITCHED, OLD, COLOURS]

    def reference(self, path, image):
        if path in (TIMES, OLD):
            return by_ndstorage(path), np.eye(3), None
        voxels = by_ndstorage(path, stitched=True, res_level=0)
        return voxels.reshape(voxels.shape[-2:] if path == STITCHED else voxels.shape[-3:]), np.eye(3), None


def test_the_series_that_tifffile_makes_is_the_same():
    for folder in (TIMES, OLD / "Full resolution"):
        with tifffile.TiffFile(next(folder.glob("*.tif"))) as file:
            theirs, kind = file.series[0].asarray(), file.series[0].kind
        assert kind == "ndtiff"
        np.testing.assert_array_equal(mlarray.read(folder).to_numpy(), theirs)


def test_times_channels_and_sizes():
    image = mlarray.read(TIMES)
    assert image.meta.spatial.axis_labels == ["temporal", "channel", "spatial_y", "spatial_x"]
    assert image.meta.spatial.axis_units == ["s", "", "um", "um"]
    assert image.spacing == [1, 1]
    additions = Additions.of(image.meta)
    assert additions.axes[0].values == [0, 0.025, 0.05, 0.076]
    assert additions.channels == [{"name": "DAPI", "color": "#33FF00"}, {"name": "FITC"}]
    assert image.meta.source["plane"]["BitDepth"] == 12


def test_tiles_are_put_together_as_their_planes_lie():
    voxels = mlarray.read(STITCHED).to_numpy()
    with tifffile.TiffFile(next((STITCHED / "Full resolution").glob("*.tif"))) as file:
        last, first = (page.asarray() for page in file.pages)
    np.testing.assert_array_equal(voxels[:28, :28], first[2:30, 2:30])
    np.testing.assert_array_equal(voxels[28:, 28:], last[2:30, 2:30])
    assert not voxels[:28, 28:].any()
    assert not voxels[28:, :28].any()
    with specimens.opened(NdtiffFormat(), STITCHED) as reader:
        assert [level.shape for level in reader.levels] == [(28, 28), (14, 14), (7, 7), (4, 4)]
        assert [level.meta.spatial.spacing for level in reader.levels] == [[2, 2], [4, 4], [8, 8], [16, 16]]
        mean = voxels.reshape(28, 2, 28, 2).mean((1, 3))
        assert np.abs(specimens.whole(reader.levels[0]) - mean).max() <= 1
    apart = mlarray.read(STITCHED, options={"tiles": "axes"})
    assert apart.shape == (2, 2, 32, 32)
    names = [Additions.of(apart.meta).axes[axis].name for axis in (0, 1)]
    tiles = dict(zip(names, (0, 1), strict=True))
    assert set(tiles) == {"row", "column"}
    np.testing.assert_array_equal(apart.to_numpy()[0, 0], first)


def test_any_file_of_a_data_set_stands_for_it(tmp_path):
    for name in ("NDTiff.index", "12_bit_pycromanager_mda_NDTiffStack.tif"):
        source = Source(TIMES / name)
        assert installed().identify(source).name == "ndtiff"
    alone = tmp_path / "alone.tif"
    shutil.copyfile(TIMES / "12_bit_pycromanager_mda_NDTiffStack.tif", alone)
    assert installed().identify(Source(alone)).name == "tiff"
    shutil.copytree(DATA, tmp_path / "many")
    (tmp_path / "out").mkdir()
    result = mlarray.convert(tmp_path / "many", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.mla")) == sorted(
        f"{path.name}.mla" for path in DATA.iterdir()
    ), result


def test_positions_are_images_with_their_place(tmp_path):
    planes = [
        (
            {"position": name, "z": z, "channel": "DAPI"},
            plane(10 * at + z + 1),
            {
                "XPosition_um_Intended": 100 * at,
                "YPosition_um_Intended": -5,
                "ZPosition_um_Intended": 3 + 0.5 * z,
            },
        )
        for at, name in enumerate(("B2", "A1"))
        for z in (-1, 0, 1)
    ]
    folder = made(tmp_path, planes)
    listed = specimens.images(NdtiffFormat(), folder)
    assert [(image.key, image.title, image.primary) for image in listed] == [
        ("B2", "B2", True),
        ("A1", "A1", False),
    ]
    image = mlarray.read(folder, image="A1")
    np.testing.assert_array_equal(image.to_numpy(), np.stack([plane(11 + z) for z in (-1, 0, 1)]))
    assert image.spacing == [0.5, 0.65, 0.65]
    assert image.meta.source["stage_position_um"] == {"X": 100, "Y": -5, "Z": 2.5}
    assert [channel.name for channel in Additions.of(image.meta).channels] == ["DAPI"]
    with pytest.raises(SelectionError):
        mlarray.read(folder, image="C3")


def test_planes_that_were_not_acquired_are_0_and_told(tmp_path):
    planes = [
        ({"time": t, "z": z}, plane(1 + t + z), {})
        for t in range(3)
        for z in (0, 2, 4, 8)
        if (t, z) != (2, 8)
    ]
    folder = made(
        tmp_path, [*planes, ({"time": 0, "z": 0}, plane(99), {})], {"z-step_um": -0.3, "Interval_ms": 500}
    )
    context = Context()
    with NdtiffFormat().open(
        Source(folder), specimens.images(NdtiffFormat(), folder)[0], NdtiffFormat.options_type(), context
    ) as reader:
        voxels = specimens.whole(reader)
        assert reader.meta.spatial.spacing == [0.6, 0.65, 0.65]
    assert voxels.shape == (3, 5, 5, 6)
    assert voxels[0, 0, 0, 0] == 99, "the later one of two"
    assert voxels[:, :, 0, 0].tolist() == [[99, 3, 5, 0, 9], [2, 4, 6, 0, 10], [3, 5, 7, 0, 0]]
    assert any("4 of its planes or tiles weren't acquired" in text for text in context.report.warnings)
    assert Additions.of(reader.meta).axes[0].values == [0, 0.5, 1]


def test_uneven_planes_have_no_step(tmp_path):
    planes = [({"z": z}, plane(z), {"ZPosition_um_Intended": at}) for z, at in enumerate((0, 1, 4))]
    image = mlarray.read(made(tmp_path, planes, {"z-step_um": 1}))
    assert image.meta.spatial.axis_units == ["", "um", "um"]


def test_other_axes_keep_their_name_and_values(tmp_path):
    planes = [({"laser": name, "Z": 0, "z": z}, plane(z), {}) for name in ("red", "blue") for z in range(2)]
    image = mlarray.read(made(tmp_path, planes))
    assert image.meta.spatial.axis_labels == ["non_spatial", "spatial_z", "spatial_y", "spatial_x"]
    assert (Additions.of(image.meta).axes[0].name, Additions.of(image.meta).axes[0].values) == (
        "laser",
        ["red", "blue"],
    )


@pytest.fixture
def copy(tmp_path):
    return Path(shutil.copytree(TIMES, tmp_path / "copy"))


def entry(place, name="12_bit_pycromanager_mda_NDTiffStack.tif", fields=(508, 64, 64, 4, 0, 8700, 10, 0)):
    texts = [json.dumps(place).encode(), name.encode()]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts) + struct.pack("<IiiiiIii", *fields)


def test_an_index_that_leads_astray(copy):
    index = copy / "NDTiff.index"
    content = index.read_bytes()
    place = {"time": 4, "channel": "DAPI"}
    for added, error in (
        (entry(place, "../secret.tif"), UnsafeError),
        (entry(place, "/etc/hostname"), UnsafeError),
        (entry(place, "missing.tif"), NotFoundError),
        (entry(place, "NDTiff.index"), CorruptError),
        (entry({**place, "time": 1 << 30}), LimitError),
        (entry({"time": 4}), UnsupportedError),
        (entry(place, fields=(508, 32, 64, 4, 0, 8700, 10, 0)), UnsupportedError),
        (entry(place, fields=(508, 64, 64, 9, 0, 8700, 10, 0)), UnsupportedError),
        (entry(place, fields=(95_000, 64, 64, 4, 0, 8700, 10, 0)), CorruptError),
        (entry(place, fields=(508, -64, 64, 4, 0, 8700, 10, 0)), CorruptError),
        (entry(["time"]), CorruptError),
        (entry(place)[:-1], CorruptError),
        (struct.pack("<I", 1 << 31), CorruptError),
    ):
        index.write_bytes(content + added)
        with pytest.raises(error):
            mlarray.read(copy)
    stack = copy / "12_bit_pycromanager_mda_NDTiffStack.tif"
    index.write_bytes(content)
    stack.rename(copy.parent / "elsewhere.tif")
    stack.symlink_to(copy.parent / "elsewhere.tif")
    with pytest.raises(UnsafeError):
        mlarray.read(copy)


def test_mutants(copy):
    counts = read_damaged(NdtiffFormat(), copy, sorted(copy.iterdir())[:3], seed=22)
    assert min(counts["read"], counts["refused"]) > 10


def test_levels_that_begin_before_the_finest_one(tmp_path):
    """A coarser resolution may have tiles of which no finer ones were acquired: they are left aside."""
    summary = {"GridPixelOverlapX": 0, "GridPixelOverlapY": 0}
    values = {4: 100, 5: 200, 6: 300, 7: 400}
    tiles = {row: np.full((8, 8), value, "u2") for row, value in values.items()}
    half = {2: np.vstack([tiles[4][:4], tiles[5][:4]]), 3: np.vstack([tiles[6][:4], tiles[7][:4]])}
    quarter = {0: np.zeros((8, 8), "u2"), 1: np.vstack([tile[:2] for tile in tiles.values()])}
    for name, rows in (("Full resolution", tiles), ("Downsampled_x2", half), ("Downsampled_x4", quarter)):
        planes = [({"row": row, "column": 0}, pixels, {}) for row, pixels in rows.items()]
        made(tmp_path / name, planes, summary).rename(tmp_path / "made")
        (tmp_path / name).rmdir()
        (tmp_path / "made").rename(tmp_path / name)
    with specimens.opened(NdtiffFormat(), tmp_path) as reader:
        shown = [specimens.whole(one)[:, 0].tolist() for one in (reader, *reader.levels)]
    assert shown == [np.repeat([100, 200, 300, 400], count).tolist() for count in (8, 4, 2)]
