"""Class locations in files: stored in the pass that writes them, and ignored once voxels have changed."""

from __future__ import annotations

import base64
import os
import subprocess

import numpy as np
import pytest

import mlarray
from mlarray import MLArray
from mlarray_core import errors
from mlarray_core.statistics.class_counter import ClassCounter

REFERENCE = os.environ.get("MLARRAY_REFERENCE_PYTHON")


@pytest.fixture
def labels():
    array = np.zeros((40, 50, 60), np.uint8)
    array[5:15, 10:30, 20:50] = 1
    array[20:22, 40:, 3:9] = 4
    array[39, 49, 59] = 200
    return array


@pytest.fixture
def stored(labels, tmp_path):
    path = tmp_path / "labels.mla"
    MLArray(labels, meta=mlarray.Meta(is_seg=True), patch_size=16).save(path, stats=True)
    return path


def expected(array):
    counter = ClassCounter(array.shape)
    counter.add(tuple(slice(0, size) for size in array.shape), array)
    return counter.locations()


def same(found, array):
    wanted = expected(array)
    assert list(found) == list(wanted)
    for value in wanted:
        assert (found[value].count, found[value].box) == (wanted[value].count, wanted[value].box)
        assert (found[value].sample == wanted[value].sample).all()


def test_saving_stores_them(stored, labels):
    image = MLArray.open(stored)
    same(image.class_locations, labels)
    assert image.meta.stats.max == 200
    assert image.verify() == "sealed"
    same(image.find_classes(), labels)


def test_they_are_counted_where_none_are_stored(labels, tmp_path):
    MLArray(labels).save(tmp_path / "a.mla")
    image = MLArray.open(tmp_path / "a.mla")
    assert image.class_locations is None
    same(image.find_classes(), labels)
    same(MLArray(labels, compressed=False).find_classes(), labels)
    with pytest.raises(errors.UnsupportedError, match="whole numbers"):
        MLArray(labels + 0.5).find_classes()


def test_images_have_none(labels, tmp_path):
    MLArray(labels, meta=mlarray.Meta(is_seg=False)).save(tmp_path / "a.mla", stats=True)
    image = MLArray.open(tmp_path / "a.mla")
    assert image.class_locations is None
    assert image.meta.stats.max == 200


def test_an_edit_makes_them_those_of_other_voxels(stored, labels):
    with MLArray.open(stored, mmap_mode="r+") as image:
        image[0, 0, 0] = 9
    assert MLArray.open(stored).class_locations is None
    with MLArray.open(stored, mmap_mode="r+") as image:
        image.save(stored, stats=True)
    labels[0, 0, 0] = 9
    same(MLArray.open(stored).class_locations, labels)


def test_an_edit_of_metadata_keeps_them(stored, labels):
    with MLArray.open(stored, mmap_mode="r+") as image:
        image.meta.source["a"] = 1
    same(MLArray.open(stored).class_locations, labels)


def test_copies_of_the_metadata_do_not_carry_them_to_other_voxels(stored, labels, tmp_path):
    MLArray(labels[::-1].copy(), copy=MLArray.open(stored)).save(tmp_path / "other.mla")
    assert MLArray.open(tmp_path / "other.mla").class_locations is None
    MLArray.load(stored).save(tmp_path / "same.mla")
    same(MLArray.open(tmp_path / "same.mla").class_locations, labels)


def test_levels_do_not_disturb_them(stored, labels, tmp_path):
    MLArray.open(stored).save(tmp_path / "a.mla", levels=1, stats=True)
    image = MLArray.open(tmp_path / "a.mla")
    same(image.class_locations, labels)
    assert image.levels[0].class_locations is None


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("count", 0, "count"),
        ("count", 10**9, "count"),
        ("count", True, "count"),
        ("value", "1", "value"),
        ("box", [[0, 99], [0, 1], [0, 1]], "box"),
        ("box", [[0, 1]], "box"),
        ("box", [[0.5, 1], [0, 1], [0, 1]], "box"),
        ("box", [[0, 1, 2], [0, 1], [0, 1]], "box"),
        ("sample", "!", "base64"),
        ("sample", "", "bytes"),
        ("sample", "AAAA", "bytes"),
        ("sample", base64.b64encode(np.array([40 * 50 * 60], "<u4")).decode(), "voxel"),
        ("sample", base64.b64encode(np.zeros(5000, "<u4")).decode(), "bytes"),
    ],
)
def test_what_a_file_says_is_checked(stored, field, value, message):
    with MLArray.open(stored, mmap_mode="r+") as image:
        image.meta.extra["mlarray"]["classes"]["found"][0][field] = value
    with pytest.raises(errors.MetadataError, match=message):
        _ = MLArray.open(stored).class_locations


def test_a_shape_that_is_not_the_images(stored):
    with MLArray.open(stored, mmap_mode="r+") as image:
        image.meta.extra["mlarray"]["classes"]["shape"] = [1, 2, 3]
    with pytest.raises(errors.MetadataError, match="shape"):
        _ = MLArray.open(stored).class_locations


@pytest.mark.skipif(REFERENCE is None, reason="needs MLARRAY_REFERENCE_PYTHON")
def test_the_reference_reads_such_files_and_its_edits_are_noticed(stored, labels):
    code = (
        "import sys; from mlarray import MLArray; image = MLArray.open(sys.argv[1], mmap_mode='r+'); "
        "print(int(image[5, 10, 20]), image.meta.stats.max); image[0, 0, 0] = 7; image.close()"
    )
    said = subprocess.run(
        [REFERENCE, "-I", "-c", code, stored], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout.split() == ["1", "200.0"]
    with pytest.warns(UserWarning, match="edited by another program"):
        image = MLArray.open(stored)
    assert image.class_locations is None
