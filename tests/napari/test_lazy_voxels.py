"""Voxels in the order of the display are NumPy's, for every key that napari uses."""

import numpy as np
import pytest

from mlarray import MLArray
from mlarray.napari.lazy_voxels import LazyVoxels

ARRAY = np.arange(3 * 5 * 7 * 4, dtype=np.int16).reshape(3, 5, 7, 4)
ORDERS = [(0, 1, 2, 3), (2, 0, 1, 3), (3, 2, 1, 0), (1, 3, 0, 2)]
KEYS = [
    ..., np.s_[0], np.s_[-1, ..., 2], np.s_[:, 1, 2, :], np.s_[1, :, :2, ::-1], np.s_[np.int64(2), 1, 0, 2],
    np.s_[..., 1:1], np.s_[1:, ..., 0], np.s_[[0, 1]], np.s_[:, None], np.s_[:, :, :, 0], np.s_[2, 0:3:2, 1],
]  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_slices_are_those_of_the_transposed_array(order):
    lazy, expected = LazyVoxels(MLArray(ARRAY), order), ARRAY.transpose(order)
    assert (lazy.shape, lazy.dtype, lazy.ndim, lazy.size) == (expected.shape, np.int16, 4, expected.size)
    assert (len(lazy), lazy.nbytes) == (len(expected), expected.nbytes)
    for key in KEYS:
        np.testing.assert_array_equal(lazy[key], expected[key], err_msg=str(key))
    np.testing.assert_array_equal(np.asarray(lazy), expected)


def test_one_channel_and_a_conversion():
    lazy = LazyVoxels(MLArray(ARRAY), (2, 1, 3), {0: 2}, (np.negative, np.dtype("i2")))
    expected = -ARRAY[2].transpose(1, 0, 2)
    np.testing.assert_array_equal(lazy[4], expected[4])
    np.testing.assert_array_equal(lazy, expected)


@pytest.mark.parametrize("key", [(..., ...), (0, 0, 0, 0, 0)])
def test_too_many_indices(key):
    with pytest.raises(IndexError):
        LazyVoxels(MLArray(ARRAY), (0, 1, 2, 3))[key]


def test_a_slice_reads_the_chunks_that_it_needs_only(tmp_path, monkeypatch):
    image = MLArray(
        np.zeros((64, 64, 64), np.int16), patch_size=None, chunk_size=(16, 64, 64), block_size=(1, 64, 64)
    )
    image.save(tmp_path / "image.mla")
    image, asked = MLArray.open(tmp_path / "image.mla"), []
    read = MLArray.read
    monkeypatch.setattr(MLArray, "read", lambda image, key: asked.append(key) or read(image, key))
    assert LazyVoxels(image, (0, 1, 2))[5].shape == (64, 64)
    assert asked == [(5, slice(None), slice(None))]
