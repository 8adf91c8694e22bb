"""Boxes that reach beyond the array, against NumPy's padding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlarray import MLArray, errors

VOXELS = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
IMAGES = [MLArray(VOXELS, chunk_size=(2, 4, 4), block_size=(2, 2, 2)), MLArray(VOXELS, compressed=False)]
OVER = 12
WIDE = np.pad(VOXELS, OVER, constant_values=-3)


@pytest.mark.parametrize("image", IMAGES, ids=["compressed", "plain"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_box(image, data):
    ends = [sorted(data.draw(st.lists(st.integers(-9, 15), min_size=2, max_size=2))) for _ in range(3)]
    box = tuple(slice(*pair) for pair in ends)
    wanted = WIDE[tuple(slice(a + OVER, b + OVER) for a, b in ends)]
    found = image.read(box, pad=-3)
    assert found.dtype == np.int16
    assert (found == wanted).all()
    assert found.shape == wanted.shape
    out = np.empty(wanted.shape, np.int16)
    assert image.read(box, pad=-3, out=out) is out
    assert (out == wanted).all()


def test_missing_axes_and_ends_are_those_of_the_array():
    image = IMAGES[0]
    assert (image.read(np.s_[-2:3], pad=0)[2:] == VOXELS[:3]).all()
    assert (image.read(np.s_[..., 3:], pad=0) == VOXELS[..., 3:]).all()
    assert (image.read(pad=0) == VOXELS).all()
    assert (image.read(np.s_[:, -1:], pad=1)[:, 0] == 1).all()


@pytest.mark.parametrize(
    ("key", "pad", "message"),
    [
        (np.s_[0], 0, "slice for each"),
        (np.s_[::2], 0, "slice for each"),
        (np.s_[:, :, :, :], 0, "slice for each"),
        (np.s_[4:-1], 0, "ends before"),
        (np.s_[-1:2], 0.5, "can't be 0.5"),
        (np.s_[-1:2], 1 << 20, "can't be"),
        (np.s_[-1:2], "a", "can't be"),
    ],
)
def test_what_is_no_box_or_no_voxel(key, pad, message):
    with pytest.raises(errors.ArgumentError, match=message):
        IMAGES[0].read(key, pad=pad)


def test_padding_of_other_types():
    assert np.isnan(MLArray(np.ones(3)).read(np.s_[-1:2], pad=float("nan"))[0])
    assert MLArray(np.array([True])).read(np.s_[0:2], pad=False).tolist() == [True, False]
    with pytest.raises(errors.LimitError):
        IMAGES[0].read(np.s_[0 : 1 << 50], pad=0)
    with pytest.raises(errors.ArgumentError, match="out must"):
        IMAGES[0].read(np.s_[-1:2], pad=0, out=np.empty((3, 6, 6), np.int16))
