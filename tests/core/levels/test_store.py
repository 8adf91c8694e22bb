"""Levels in a file: what they hold, how they are tied to the image, and what becomes of them."""

from __future__ import annotations

import json
import os
import zipfile

import blosc2
import numpy as np
import pytest

from mlarray_core import Meta, MLArray, geometry
from mlarray_core.container.level_index import INDEX, index_of
from mlarray_core.container.open import open_contents
from mlarray_core.errors import ArgumentError, CorruptError
from mlarray_core.levels import pyramid, reduction
from mlarray_core.levels import store as levels
from mlarray_io.checks.verifying import verify


@pytest.fixture
def scan():
    random = np.random.default_rng(7)
    return random.integers(-1000, 2000, (40, 150, 130)).astype(np.int16)


@pytest.fixture
def path(tmp_path, scan):
    where = tmp_path / "scan.mla"
    image = MLArray(
        scan,
        spacing=(2.0, 0.5, 0.5),
        origin=(10.0, -20.0, 30.0),
        axis_labels=["spatial_z", "spatial_y", "spatial_x"],
    )
    image.meta.spatial.coord_system = "LPS"
    image.save(where, levels="auto")
    return where


def test_levels_are_the_reduced_image(path, scan):
    image = MLArray.open(path, verify="full")
    np.testing.assert_array_equal(image.to_numpy(), scan)
    before = scan
    steps = [(1, 2, 2), (1, 2, 2)]
    assert len(image.levels) == len(steps)
    for level, step in zip(image.levels, steps, strict=True):
        before = reduction.reduce(before, step, "mean")
        np.testing.assert_array_equal(level.to_numpy(), before)
        assert level.meta.spatial.axis_labels == ["spatial_z", "spatial_y", "spatial_x"]
        assert level.meta.spatial.coord_system == "LPS"


def test_levels_overlay_in_the_world(path):
    image = MLArray.open(path)
    factors = (1, 4, 4)
    coarse = image.levels[1]
    np.testing.assert_allclose(coarse.affine, pyramid.affine_at(image.affine, factors))
    corner = image.affine @ [0, 1.5, 1.5, 1]  # the centre of the first 4 x 4 voxels
    np.testing.assert_allclose(coarse.affine @ [0, 0, 0, 1], corner)


def test_each_level_is_sealed_and_named_in_a_zip(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["1.b2nd", "2.b2nd", INDEX]
        index = json.loads(archive.read(INDEX))
    contents = open_contents(str(path))
    assert index["frame"] == {
        "length": contents.frame.length,
        "fingerprint": contents.frame.fingerprint.hex(),
    }
    for stored in levels.find(contents):
        level = levels.open_level(contents, stored)
        assert level.state.value == "sealed"
        assert level.damaged() == []


@pytest.mark.parametrize("dtype", ["i2", "u1"])
def test_threads_make_the_same_file(tmp_path, dtype):
    voxels = np.random.default_rng(0).integers(0, 100, (70, 200, 300)).astype(dtype)
    made = []
    for threads in (1, 3):
        where = tmp_path / f"{threads}.mla"
        MLArray(voxels, meta=Meta(is_seg=dtype == "u1")).save(where)
        assert levels.build(where, "auto", threads=threads) == 3
        made.append(where.read_bytes())
    assert made[0] == made[1]


def test_blosc2_opens_a_level_by_its_offset(path, scan):
    stored = levels.find(open_contents(str(path)))[0]
    array = blosc2.open(str(path), offset=stored.at, mmap_mode="r", mode="r")
    np.testing.assert_array_equal(array[...], reduction.reduce(scan, (1, 2, 2), "mean"))


def test_label_maps_keep_their_classes(tmp_path):
    labels = np.random.default_rng(0).choice([0, 3, 7, 200], (30, 70, 300)).astype(np.uint8)
    MLArray(labels, meta=Meta(is_seg=True)).save(tmp_path / "labels.mla", levels="auto")
    image = MLArray.open(tmp_path / "labels.mla")
    assert image.levels
    for level in image.levels:
        assert level.meta.is_seg.value is True
        assert set(np.unique(level.to_numpy())) <= {0, 3, 7, 200}


def test_the_mean_of_labels_is_refused(tmp_path):
    MLArray(np.zeros((100, 100, 100), np.uint8), meta=Meta(is_seg=True)).save(tmp_path / "labels.mla")
    with pytest.raises(ArgumentError, match="no label"):
        levels.build(tmp_path / "labels.mla", "auto", "mean")


def test_saving_keeps_levels_and_editing_drops_them(path, tmp_path, scan):
    copy = tmp_path / "copy.mla"
    MLArray.open(path).save(copy)
    assert [level.shape for level in MLArray.open(copy).levels] == [(40, 75, 65), (40, 38, 33)]
    with MLArray.open(copy, mmap_mode="r+") as image:
        image[0] = 5
    edited = MLArray.open(copy, verify="full")
    assert edited.levels == []
    assert edited[0, 0, 0] == 5
    assert levels.build(copy, 1) == 1
    np.testing.assert_array_equal(MLArray.open(copy).levels[0][0], 5)


def test_an_image_edited_in_memory_leaves_its_levels_behind(path, tmp_path):
    image = MLArray(path)
    image[0] = 1
    image.save(tmp_path / "changed.mla")
    assert MLArray.open(tmp_path / "changed.mla").levels == []


def test_levels_cut_off_are_gone_and_the_image_whole(path, scan):
    length = open_contents(str(path)).frame.length
    os.truncate(path, length)
    with pytest.warns(UserWarning, match="gone"):
        image = MLArray.open(path, verify="full")
    assert image.levels == []
    np.testing.assert_array_equal(image.to_numpy(), scan)


def test_levels_of_another_image_are_noticed(path, tmp_path):
    other = tmp_path / "other.mla"
    MLArray(np.zeros((40, 150, 130), np.int16)).save(other)
    length = open_contents(str(path)).frame.length
    tail = path.read_bytes()[length:]
    other.write_bytes(other.read_bytes() + tail)
    with pytest.warns(UserWarning, match="after the image are ignored"):
        image = MLArray.open(other)
    assert image.levels == []


@pytest.mark.parametrize("cut", [1, 22, 100, 5000])
def test_a_torn_set_of_levels_is_ignored_with_a_warning(path, scan, cut):
    os.truncate(path, path.stat().st_size - cut)
    with pytest.warns(UserWarning, match="after the image are ignored"):
        image = MLArray.open(path)
    assert image.levels == []
    np.testing.assert_array_equal(image.to_numpy(), scan)


def test_damage_within_a_level_is_noticed(path):
    stored = levels.find(open_contents(str(path)))[0]
    data = bytearray(path.read_bytes())
    data[stored.at + stored.size // 2] ^= 0xFF
    path.write_bytes(data)
    image = MLArray.open(path)
    with pytest.raises(CorruptError):
        image.levels[0].to_numpy()


def test_create_builds_levels_when_the_file_appears(tmp_path, scan):
    where = tmp_path / "made.mla"
    with MLArray.create(where, scan.shape, scan.dtype, levels=2) as image:
        image[...] = scan
    assert [level.shape for level in MLArray.open(where).levels] == [(20, 75, 65), (10, 38, 33)]


def test_choosing_by_spacing_and_shape(path):
    image = MLArray.open(path)
    assert image.at(spacing=2.0).shape == (40, 38, 33)
    assert image.at(spacing=0.1) is image
    assert image.at(max_shape=100).shape == (40, 75, 65)
    assert image.at(max_shape=1).shape == (40, 38, 33)
    assert max(image.thumbnail(20).shape) <= 20
    with pytest.raises(ArgumentError):
        image.at()


def test_opening_the_coarsest_level_reads_little(path, monkeypatch):
    image = MLArray.open(path)
    read = []
    contents = image._state.storage.contents
    original = contents.read
    monkeypatch.setattr(contents, "read", lambda at, count: read.append(count) or original(at, count))
    coarse = image.levels[-1]
    assert coarse.shape == (40, 38, 33)
    assert sum(read) < 10_000


def test_dropping(path):
    assert levels.drop(path)
    assert not levels.drop(path)
    with pytest.warns(UserWarning, match="gone"):
        assert MLArray.open(path).levels == []


def test_metadata_only_files_have_none(tmp_path):
    MLArray(meta=Meta(bbox=[[[0, 1], [2, 3]]])).save(tmp_path / "boxes.mla", levels="auto")
    assert MLArray.open(tmp_path / "boxes.mla").levels == []


def test_affine_images(tmp_path):
    affine = geometry.compose((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))
    affine[0, 1] = 0.3
    MLArray(np.zeros((70, 70, 70), np.float32), affine=affine).save(tmp_path / "sheared.mla", levels="auto")
    level = MLArray.open(tmp_path / "sheared.mla").levels[0]
    np.testing.assert_allclose(level.affine, pyramid.affine_at(affine, (2, 2, 2)))


def test_levels_that_were_cut_off_are_missed(path):
    os.truncate(path, open_contents(str(path)).frame.length)
    with pytest.warns(UserWarning, match="its coarser levels are gone"):
        MLArray.open(path)
    with pytest.warns(UserWarning, match="its coarser levels are gone"):
        MLArray(path).save(path)
    assert MLArray.open(path, verify="full").levels == []


def flipped(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def test_a_damaged_level_is_found_by_whoever_checks_everything(path):
    """One bit in the middle of a level's chunks; the image itself stays right."""
    level = open_contents(str(path)).levels[0]
    flipped(path, level.at + level.size // 2)
    with pytest.raises(CorruptError, match=r"levels\[1\].*damaged.*--build"):
        MLArray.open(path, verify="full")
    with MLArray.open(path) as image, pytest.raises(CorruptError, match=r"levels\[1\]"):
        image.verify()
    found = verify(path)
    assert (found.state, found.failed) == ("damaged", True)
    assert "levels[1]" in str(found)


def test_levels_that_are_gone_fail_verification_and_not_opening(path):
    os.truncate(path, open_contents(str(path)).frame.length)
    with pytest.warns(UserWarning, match="gone"):
        found = verify(path)
    assert "2 coarser levels are gone" in str(found)
    with pytest.warns(UserWarning, match="gone"):
        MLArray.open(path, verify="full").close()


def test_a_level_that_holds_levels_itself_is_refused(path, tmp_path):
    """Levels are frames and nothing else, so that looking at one can't lead on and on."""
    inner = path.read_bytes()
    contents = open_contents(str(path))
    factors = [level.factors for level in contents.levels][:1]
    outer = tmp_path / "outer.mla"
    outer.write_bytes(inner[: contents.frame.length])
    with zipfile.ZipFile(outer, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("1.b2nd", inner)
        archive.writestr("levels.json", index_of(contents.frame, "mean", factors))
    with pytest.warns(UserWarning, match="ignored"):
        assert MLArray.open(outer).levels == []


def test_saving_levels_of_an_image_that_is_edited_replaces_the_file(path, scan):
    """Who has it open keeps what he opened; the lock is kept, and further edits go to the new file."""
    reader, before = MLArray.open(path), os.stat(path).st_ino
    with MLArray.open(path, mmap_mode="r+") as image:
        image[0] = 7
        image.save(path, levels=1)
        assert os.stat(path).st_ino != before
        with MLArray.open(path) as seen:
            assert [level.shape for level in seen.levels] == [image.levels[0].shape]
        image[1] = 8
    np.testing.assert_array_equal(reader.to_numpy(), scan)
    with MLArray.open(path, verify="full") as image:
        expected = scan.copy()
        expected[0], expected[1] = 7, 8
        np.testing.assert_array_equal(image.to_numpy(), expected)
        assert image.levels == []


def test_levels_of_a_file_that_another_program_edited_are_not_made(path, scan):
    """Its broken seal must not be renewed by the way."""
    MLArray(scan).save(path)
    array = blosc2.open(str(path), mode="a")
    array[0, 0, 0] = 999
    del array
    with pytest.warns(UserWarning, match="edited by another"):
        image = MLArray.open(path, mmap_mode="r+")
    with image, pytest.raises(ArgumentError, match="sealed"):
        image.save(path, levels=1)


def test_levels_of_an_unmarked_label_map_keep_its_classes(tmp_path):
    """The mean of 0, 1 and 5 is no class: integers of few values are taken for labels, with a warning."""
    coarse = np.random.default_rng(1).choice(np.array([0, 1, 5], "u1"), (24, 24, 24))
    labels = np.kron(coarse, np.ones((7, 7, 7), "u1"))
    with pytest.warns(UserWarning, match="3 different integers"):
        MLArray(labels).save(tmp_path / "a.mla", levels=1)
    with MLArray.open(tmp_path / "a.mla") as image:
        assert set(np.unique(image.levels[0].to_numpy())) <= {0, 1, 5}
    averaged = MLArray(labels, meta=Meta(is_seg=False))
    averaged.save(tmp_path / "b.mla", levels=1)
    with MLArray.open(tmp_path / "b.mla") as image:
        assert not set(np.unique(image.levels[0].to_numpy())) <= {0, 1, 5}
