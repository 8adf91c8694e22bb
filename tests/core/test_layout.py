"""How arrays are cut and compressed, and that every profile gives back the same voxels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlarray import MLArray
from mlarray_core import layout
from mlarray_core.errors import ArgumentError

SIZES = st.integers(1, 700)
RNG = np.random.default_rng(3)
SMOOTH = np.add.outer(np.add.outer(np.arange(40), np.arange(50)), np.arange(60)).astype(np.int16)


@given(
    st.lists(SIZES, min_size=1, max_size=5),
    st.sampled_from([1, 2, 4, 8, 16]),
    st.integers(1, 300),
    st.data(),
)
def test_chunks_hold_whole_blocks_and_both_fit(shape, itemsize, patch, data):
    spatial = data.draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
    inner = [not flag and data.draw(st.booleans()) for flag in spatial]
    chunks, blocks = layout.partition(shape, itemsize, spatial, [patch] * sum(spatial), inner)
    for size, chunk, block in zip(shape, chunks, blocks, strict=True):
        assert 1 <= block <= chunk <= size
        assert chunk == size or chunk % block == 0
    assert math.prod(blocks) * itemsize <= 1 << 17
    assert math.prod(chunks) * itemsize <= 1 << 22


@pytest.mark.parametrize("itemsize", [1, 2, 4, 8])
def test_blocks_of_volumes_are_neither_tiny_nor_large(itemsize):
    chunks, blocks = layout.partition((400, 512, 512), itemsize, [True] * 3, [192] * 3)
    assert 16 << 10 <= math.prod(blocks) * itemsize <= 64 << 10
    assert 1 << 18 <= math.prod(chunks) * itemsize <= 1 << 20


def test_components_stay_together():
    _, blocks = layout.partition((1000, 1000, 3), 1, [True, True, False], [192, 192], [False, False, True])
    assert blocks[2] == 3


def test_channels_beside_one_another_stay_together():
    picture = MLArray(np.zeros((300, 400, 3), np.uint8), axis_labels=["spatial", "spatial", "channel"])
    assert picture.meta.blosc2.block_size[2] == 3
    volumes = MLArray(np.zeros((2, 40, 50, 60), np.uint8), axis_labels=["channel", *["spatial"] * 3])
    assert volumes.meta.blosc2.block_size[0] == 1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_one_block_thick(axis):
    image = MLArray(SMOOTH, profile=f"slices:{axis}")
    assert image.meta.blosc2.block_size[axis] == 1
    assert np.array_equal(image[...], SMOOTH)


def test_slices_without_an_axis_are_those_of_the_first():
    assert MLArray(SMOOTH, profile="slices").meta.blosc2 == MLArray(SMOOTH, profile="slices:0").meta.blosc2


def test_slices_of_time_series_leave_time_apart():
    image = MLArray(
        np.zeros((5, 40, 50, 60), np.int16), axis_labels=["temporal", *["spatial"] * 3], profile="slices:1"
    )
    assert image.meta.blosc2.block_size == [1, 1, 50, 60]
    with pytest.raises(ArgumentError, match="axis 0"):
        MLArray(
            np.zeros((5, 40, 50, 60), np.int16), axis_labels=["temporal", *["spatial"] * 3], profile="slices"
        )


@pytest.mark.parametrize("profile", ["tiny", "slices:x", "slices:-1", "fast:1", ""])
def test_unknown_profiles_are_refused(profile):
    with pytest.raises(ArgumentError, match="profile"):
        MLArray(SMOOTH, profile=profile)


def test_slices_and_explicit_chunks_exclude_one_another():
    with pytest.raises(ArgumentError, match="not both"):
        MLArray(SMOOTH, patch_size=None, chunk_size=8, block_size=8, profile="slices")


@pytest.mark.parametrize("profile", layout.PROFILES)
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
def test_every_profile_gives_the_same_voxels(profile, dtype, tmp_path):
    voxels = (SMOOTH + RNG.integers(0, 4, SMOOTH.shape)).astype(dtype)
    MLArray(voxels, profile=profile).save(tmp_path / "a.mla")
    assert np.array_equal(MLArray.open(tmp_path / "a.mla")[...], voxels)


@pytest.mark.parametrize(
    ("voxels", "codec"),
    [
        (RNG.integers(0, 256, (64, 64, 64), np.uint8), layout.LZ4),
        (np.repeat(RNG.integers(0, 4, 64 * 64 * 8, np.uint8), 8).reshape(64, 64, 64), layout.ZSTD),
        (np.zeros((64, 64, 64), np.uint8), layout.LZ4HC),
    ],
    ids=["noise is stored", "runs shrink most", "nothing to learn"],
)
def test_auto_decides_by_size(voxels, codec):
    image = MLArray(voxels, profile="auto")
    assert image.meta.blosc2.cparams["codec"] == codec
    assert np.array_equal(image[...], voxels)


def test_auto_needs_voxels(tmp_path):
    with pytest.raises(ArgumentError, match="auto"):
        MLArray.create(tmp_path / "a.mla", (4, 4), np.uint8, profile="auto")


def test_explicit_parameters_win_over_the_profile():
    image = MLArray(SMOOTH, profile="small", cparams={"clevel": 1})
    assert image.meta.blosc2.cparams["clevel"] == 1
    assert image.meta.blosc2.cparams["codec"] == layout.ZSTD
