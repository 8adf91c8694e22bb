"""Levels: which ones, their values against an independent implementation, and where they lie."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlarray_core import geometry
from mlarray_core.levels import pyramid, reduction


def blocks(array, step):
    """Yield each block of an array as a list of values, short ones with their last voxels repeated."""
    counts = [-(-size // width) for size, width in zip(array.shape, step, strict=True)]
    for place in product(*map(range, counts)):
        inside = [
            [min(i * width + offset, size - 1) for offset in range(width)]
            for i, width, size in zip(place, step, array.shape, strict=True)
        ]
        yield place, [array[at] for at in product(*inside)]


def expected(array, step, rule):
    shape = [-(-size // width) for size, width in zip(array.shape, step, strict=True)]
    result = np.empty(shape, array.dtype)
    for place, values in blocks(array, step):
        result[place] = rule(values)
    return result


def lowest_mode(values):
    counts = Counter(values)
    most = max(counts.values())
    return min(value for value, count in counts.items() if count == most)


shapes = st.lists(st.integers(1, 7), min_size=1, max_size=4)


@given(shapes, st.data())
@settings(max_examples=60, deadline=None)
def test_mode_equals_counting(shape, data):
    step = data.draw(st.tuples(*[st.integers(1, 2)] * len(shape)))
    array = np.random.default_rng(sum(shape)).integers(0, 3, shape).astype(np.uint8)
    reduced = reduction.reduce(array, step, "mode")
    assert reduced.dtype == array.dtype
    np.testing.assert_array_equal(reduced, expected(array, step, lowest_mode))
    assert set(np.unique(reduced)) <= set(np.unique(array))


@given(shapes, st.sampled_from(["u1", "i2", "i4", "u8", "i8"]), st.data())
@settings(max_examples=60, deadline=None)
def test_mean_of_integers_is_exact_and_rounds_half_to_even(shape, dtype, data):
    from fractions import Fraction

    step = data.draw(st.tuples(*[st.integers(1, 2)] * len(shape)))
    limits = np.iinfo(dtype)
    array = np.random.default_rng(sum(shape)).integers(limits.min, limits.max, shape, dtype, endpoint=True)
    reduced = reduction.reduce(array, step, "mean")
    wanted = expected(array, step, lambda values: round(Fraction(sum(map(int, values)), len(values))))
    np.testing.assert_array_equal(reduced, wanted)


@pytest.mark.parametrize("dtype", ["?", "u1", "i2", "i8", "f4"])
@pytest.mark.parametrize("shape", [(2, 2, 2), (37, 65, 130), (129, 66, 3)])
def test_mode_of_several_pieces_leaves_the_voxels_alone(dtype, shape):
    random = np.random.default_rng(5)
    array = (random.integers(0, 2, shape) * random.integers(0, 120, shape)).astype(dtype)
    before = array.copy()
    step = (2, 2, 1 if shape[2] == 3 else 2)
    np.testing.assert_array_equal(reduction.reduce(array, step, "mode"), expected(array, step, lowest_mode))
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize(("dtype", "step"), [("u1", (2, 2, 1)), ("i1", (2, 2, 2)), ("u4", (1, 2, 2))])
def test_mean_of_several_pieces_is_exact(dtype, step, monkeypatch):
    from fractions import Fraction

    monkeypatch.setattr(reduction, "PIECE", 1 << 12)
    limits = np.iinfo(dtype)
    array = np.random.default_rng(1).integers(limits.min, limits.max, (61, 40, 3), dtype, endpoint=True)
    wanted = expected(array, step, lambda values: round(Fraction(sum(map(int, values)), len(values))))
    np.testing.assert_array_equal(reduction.reduce(array, step, "mean"), wanted)


def test_mean_of_floats_leaves_nan_out():
    array = np.array([[1.0, np.nan, np.nan, np.nan], [3.0, 8.0, np.nan, np.nan]], np.float32)
    np.testing.assert_array_equal(reduction.reduce(array, (2, 2), "mean"), [[4.0, np.nan]])
    np.testing.assert_array_equal(reduction.reduce(array, (2, 2), "max"), [[8.0, np.nan]])


@pytest.mark.parametrize("dtype", ["?", "f2", "f4", "f8", "c8", "c16"])
def test_every_kind_keeps_its_dtype(dtype):
    array = np.random.default_rng(0).integers(0, 2, (5, 6, 3)).astype(dtype)
    assert reduction.reduce(array, (2, 2, 1), "mean").dtype == array.dtype


def test_structured_voxels_are_taken_from_the_first_of_a_block():
    array = np.zeros((4, 4), [("a", "f4"), ("b", "i2")])
    array["b"] = np.arange(16).reshape(4, 4)
    np.testing.assert_array_equal(reduction.reduce(array, (2, 2), "mean")["b"], [[0, 2], [8, 10]])


def test_only_spatial_axes_shrink_until_the_coarsest_fits():
    levels = pyramid.plan((3, 400, 512, 512), (1, 2, 3), (1.0, 1.0, 1.0))
    assert [level.shape for level in levels] == [(3, 200, 256, 256), (3, 100, 128, 128), (3, 50, 64, 64)]
    assert levels[-1].factors == (1, 8, 8, 8)


def test_the_finest_axes_shrink_first():
    levels = pyramid.plan((40, 512, 512), (0, 1, 2), (4.0, 1.0, 1.0))
    assert [level.step for level in levels] == [(1, 2, 2), (1, 2, 2), (2, 2, 2)]


def test_planes_go_down_to_256():
    assert [level.shape for level in pyramid.plan((10000, 10000, 3), (0, 1), None)][-1] == (157, 157, 3)
    assert pyramid.plan((200, 256), (0, 1), None) == []
    assert [level.shape for level in pyramid.plan((1, 512, 512), (0, 1, 2), None)] == [(1, 256, 256)]


def test_a_count_is_obeyed():
    assert len(pyramid.plan((64, 64, 64), (0, 1, 2), None, count=2)) == 2
    assert len(pyramid.plan((4, 1, 1), (0, 1, 2), None, count=9)) == 2


@given(st.lists(st.floats(0.1, 5), min_size=3, max_size=3), st.integers(0, 3), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_levels_overlay_in_the_world(spacing, halvings, seed):
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    affine = geometry.compose(spacing, (10.0, -20.0, 30.0), rotation)
    factors = (2**halvings, 2**halvings, 1)
    coarse = pyramid.affine_at(affine, factors)
    place = np.array([3, 5, 7])
    block = [
        np.array(at)
        for at in product(*(range(p * f, (p + 1) * f) for p, f in zip(place, factors, strict=True)))
    ]
    centre = np.mean([affine[:3, :3] @ at + affine[:3, 3] for at in block], axis=0)
    np.testing.assert_allclose(coarse[:3, :3] @ place + coarse[:3, 3], centre, atol=1e-9)
