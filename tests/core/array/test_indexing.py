"""Indexing as NumPy does it, on every kind of storage."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlarray import MLArray
from mlarray_core.array.indexing import split

SHAPE = (7, 5, 6)
VOXELS = np.arange(7 * 5 * 6, dtype=np.int32).reshape(SHAPE)
LAYOUT = {"patch_size": None, "chunk_size": (4, 3, 4), "block_size": (2, 3, 2)}
COMPRESSED = MLArray(VOXELS, **LAYOUT)
PLAIN = MLArray(VOXELS, compressed=False)

integers = st.integers(-8, 8)
basic = hnp.basic_indices(SHAPE, allow_newaxis=True, allow_ellipsis=True)
slices = st.builds(slice, *[st.none() | integers] * 2, st.none() | integers.filter(bool))
lists = st.lists(st.integers(-5, 4), max_size=4).map(lambda values: np.array(values, int))
masks = hnp.arrays(bool, SHAPE) | hnp.arrays(bool, SHAPE[:2]) | hnp.arrays(bool, SHAPE[0])
ranges = st.builds(range, st.integers(0, 2), st.integers(0, 5))
parts = integers | slices | lists | ranges | st.none() | st.just(...)
keys = basic | masks | st.lists(parts, max_size=5).map(tuple) | parts | st.booleans()


def outcome(call):
    try:
        return call()
    except IndexError as error:
        return type(error)


def assert_same(found, expected):
    if isinstance(expected, type):
        assert found is expected
        return
    assert np.shape(found) == np.shape(expected)
    assert np.array_equal(found, expected)
    assert np.asarray(found).dtype == np.asarray(expected).dtype


@settings(max_examples=300, deadline=None)
@given(key=keys)
@example(key=(None, 0, ..., 0, np.array([], int)))
def test_reading_agrees_with_numpy(key):
    expected = outcome(lambda: VOXELS[key])
    for image in (COMPRESSED, PLAIN):
        assert_same(outcome(lambda image=image: image[key]), expected)


@settings(max_examples=200, deadline=None)
@given(key=keys, seed=st.integers(0, 99))
def test_writing_agrees_with_numpy(key, seed):
    expected = VOXELS.copy()
    target = outcome(lambda: expected[key])
    fits = not isinstance(target, type)
    value = np.random.default_rng(seed).integers(0, 99, np.shape(target)) if fits else 0
    images = [MLArray(VOXELS, **LAYOUT), MLArray(VOXELS.copy(), compressed=False)]
    for image in images:
        found = outcome(lambda image=image: image.__setitem__(key, value))
        if not fits:
            assert found is target
    if fits:
        expected[key] = value
    assert all(np.array_equal(image, expected) for image in images)


@given(key=keys)
def test_boxes_lie_within_the_array(key):
    try:
        box, rest = split(key, SHAPE)
    except IndexError:
        return
    assert all(0 <= part.start <= part.stop <= size for part, size in zip(box, SHAPE, strict=True))
    assert all(part.step is None for part in box)
    voxels = VOXELS[box]
    assert_same(voxels if rest is None else outcome(lambda: voxels[rest]), outcome(lambda: VOXELS[key]))


@pytest.mark.parametrize(
    ("key", "box"),
    [
        (3, (slice(3, 4), slice(0, 5), slice(0, 6))),
        (np.s_[5:1:-2], (slice(3, 6), slice(0, 5), slice(0, 6))),
        (np.s_[..., 2:2], (slice(0, 7), slice(0, 5), slice(0, 0))),
        ([1, -2], (slice(1, 6), slice(0, 5), slice(0, 6))),
        (np.s_[:, 1:4, -1], (slice(0, 7), slice(1, 4), slice(5, 6))),
    ],
)
def test_no_more_is_read_than_needed(key, box):
    assert split(key, SHAPE)[0] == box


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (7, "index 7 is out of bounds for axis 0 of size 7"),
        (np.s_[0, -6], "index -6 is out of bounds for axis 1 of size 5"),
        ([0, 9], "from 0 to 9 is out of bounds for axis 0 of size 7"),
        (np.s_[0, 0, 0, 0], "too many indices: the array has 3 axes, 4 were indexed"),
        ((..., ...), "single ellipsis"),
        (1.5, "only integers, slices"),
        (np.array([0.5]), "must be of integer"),
        (np.ones(6, bool), "boolean index did not match"),
    ],
)
@pytest.mark.parametrize("image", [COMPRESSED, PLAIN], ids=["compressed", "plain"])
def test_errors(image, key, message):
    with pytest.raises(IndexError, match=message):
        image[key]
    with pytest.raises(IndexError, match=message):
        image[key] = 0


def test_values_are_broadcast_and_cast():
    image, expected = MLArray(VOXELS, **LAYOUT), VOXELS.copy()
    for array in (image, expected):
        array[1] = np.arange(6.7, 12)
        array[:, 2] = np.ones((1, 1, 7, 6))
        array[0, 0, 0] = np.int64(-3)
    assert np.array_equal(image, expected)
    with pytest.raises(ValueError, match="broadcast"):
        image[0] = np.zeros(5)
    with pytest.raises(OverflowError):
        image[0] = 1 << 40


def test_fields():
    pairs = np.zeros(9, [("a", "i2"), ("b", "f4", (2,))])
    image = MLArray(pairs)
    image["a"] = np.arange(9)
    image[3:5] = (7, (1.5, 2.5))
    pairs["a"] = np.arange(9)
    pairs[3:5] = (7, (1.5, 2.5))
    assert np.array_equal(image["a"], pairs["a"])
    assert image[["b"]].dtype == pairs[["b"]].dtype
    assert np.array_equal(image[3:5]["b"], pairs[3:5]["b"])


def test_zero_axes():
    image = MLArray(np.array(5))
    assert image[()] == 5
    assert isinstance(image[()], np.integer)
    assert image[...].shape == ()
    image[()] = 7
    assert image.to_numpy() == 7
    with pytest.raises(IndexError, match="too many"):
        image[0]
