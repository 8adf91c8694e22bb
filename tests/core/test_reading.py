"""Several boxes in one call, and telling the system what comes next."""

from __future__ import annotations

import numpy as np
import pytest

from mlarray import MLArray
from mlarray_core.errors import ArgumentError, CorruptError

VOXELS = np.arange(40 * 50 * 60, dtype=np.int32).reshape(40, 50, 60)
BOXES = [tuple(slice(at, at + size) for at, size in zip(start, (8, 9, 10), strict=True))
         for start in ((0, 0, 0), (5, 7, 11), (32, 41, 50))]  # fmt: skip


@pytest.fixture(params=["plain", "memory", "file", "edited"])
def image(request, tmp_path):
    if request.param in ("plain", "memory"):
        return MLArray(VOXELS, compressed=request.param == "memory")
    MLArray(VOXELS - (request.param == "edited")).save(tmp_path / "a.mla")
    opened = MLArray.open(tmp_path / "a.mla", mmap_mode="c" if request.param == "edited" else "r")
    if request.param == "edited":
        opened[...] = VOXELS
    return opened


def test_boxes_are_stacked(image):
    assert np.array_equal(image.read_many(BOXES), np.stack([VOXELS[box] for box in BOXES]))


def test_boxes_go_into_the_callers_buffer(image):
    out = np.empty((3, 8, 9, 10), np.int32)
    assert image.read_many(iter(BOXES), out=out) is out
    assert np.array_equal(out, np.stack([VOXELS[box] for box in BOXES]))


@pytest.mark.parametrize(
    "out", [np.empty((2, 8, 9, 10), np.int32), np.empty((3, 8, 9, 10), np.int16),
            np.empty((3, 8, 9, 20), np.int32)[..., ::2]]
)  # fmt: skip
def test_unsuitable_buffers_are_refused(image, out):
    with pytest.raises(ArgumentError, match="out must be"):
        image.read_many(BOXES, out=out)


@pytest.mark.parametrize("boxes", [[], [BOXES[0], np.s_[:3, :3, :3]], [np.s_[::2, :3, :3]], [np.s_[0]]])
def test_boxes_of_one_shape_are_needed(image, boxes):
    with pytest.raises(ArgumentError, match="expected"):
        image.read_many(boxes)


def test_prefetching_changes_nothing(image):
    image.prefetch([*BOXES, np.s_[:], np.s_[3:3, :, :]])
    assert np.array_equal(image[...], VOXELS)
    with pytest.raises(ArgumentError, match="plain slices"):
        image.prefetch([np.s_[::2]])


def test_reading_many_checks_the_chunks(tmp_path):
    path = tmp_path / "a.mla"
    MLArray(np.random.default_rng(0).integers(0, 99, (64, 64, 64)).astype(np.int32)).save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptError, match="checksum"):
        MLArray.open(path).read_many([np.s_[:, :, :]])
