"""Where classes are, counted in pieces, against NumPy's answers of the whole."""

from __future__ import annotations

import pickle
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mlarray_core.statistics import class_counter
from mlarray_core.statistics.class_counter import ClassCounter
from mlarray_core.statistics.class_locations import MOST_CLASSES, MOST_SAMPLED


def pieces(shape, step):
    for corner in product(*(range(0, size, step) for size in shape)):
        yield tuple(slice(at, min(at + step, size)) for at, size in zip(corner, shape, strict=True))


def counted(labels, step=4, order=1, seed=0):
    counter = ClassCounter(labels.shape, seed)
    for box in list(pieces(labels.shape, step))[::order]:
        counter.add(box, labels[box])
    return counter


def check(labels, found):
    assert list(found) == [value for value in np.unique(labels).tolist() if value]
    for value, one in found.items():
        where = np.argwhere(labels == value)
        assert one.value == value
        assert one.count == len(where)
        assert one.box == tuple(zip(where.min(0).tolist(), (where.max(0) + 1).tolist(), strict=True))
        points = found.points(value)
        assert (labels[tuple(points.T)] == value).all()
        assert len(np.unique(points, axis=0)) == len(points)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u4", "i8", "u8", "?", "f4"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_counts_and_boxes_are_numpys(dtype, data):
    low = -3 if np.dtype(dtype).kind in "if" else 0
    shape = data.draw(arrays.array_shapes(max_dims=4, max_side=9))
    labels = data.draw(arrays.arrays("i1", shape, elements=st.integers(low, 4))).astype(dtype)
    found = counted(labels).locations()
    check(labels, found)
    for value, one in found.items():
        assert len(one.sample) == min(one.count, MOST_SAMPLED)
        assert value == one.value


def test_large_values_and_pieces_of_pieces(monkeypatch):
    monkeypatch.setattr(class_counter, "PIECE", 100)
    labels = np.zeros((9, 8, 7), np.uint64)
    labels[2:5, 3, 1:] = 2**63 + 5
    labels[8] = 3
    found = counted(labels, step=9).locations()
    check(labels, found)
    assert found[2**63 + 5].count == 18


def test_the_sample_is_the_same_whatever_the_pieces():
    labels = np.random.default_rng(0).integers(0, 4, (40, 30, 20)).astype(np.uint8)
    whole = counted(labels, 50).locations()
    assert all(len(one.sample) == MOST_SAMPLED for one in whole.values())
    halves = [ClassCounter(labels.shape), ClassCounter(labels.shape)]
    for number, box in enumerate(pieces(labels.shape, 7)):
        halves[number % 2].add(box, labels[box])
    halves[1].merge(pickle.loads(pickle.dumps(halves[0])))
    for other in (counted(labels, 6).locations(), counted(labels, 11, -1).locations(), halves[1].locations()):
        for value in whole:
            assert (other[value].sample == whole[value].sample).all()
            assert other[value].box == whole[value].box
    another = counted(labels, 50, seed=1).locations()
    assert (another[1].sample != whole[1].sample).any()


def test_the_sample_is_spread_evenly():
    labels = np.ones((100, 100, 10), np.uint8)
    points = counted(labels, 100).locations().points(1)
    for axis, size in enumerate(labels.shape):
        seen = np.bincount(points[:, axis] * 5 // size, minlength=5)
        assert (abs(seen - MOST_SAMPLED / 5) < 5 * np.sqrt(MOST_SAMPLED / 5)).all()  # five deviations


def test_many_classes_share_the_sample():
    labels = np.arange(1, 201, dtype=np.uint16).repeat(500).reshape(200, 500)
    found = counted(labels, 500).locations()
    assert {len(one.sample) for one in found.values()} == {(1 << 14) // 200}
    check(labels, found)


def test_too_many_classes_are_refused():
    counter = counted(np.arange(MOST_CLASSES + 2, dtype=np.int32).reshape(-1, 2), 50)
    assert counter.locations() is None
    assert f"{MOST_CLASSES:,}" in counter.refused


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, 1e300])
def test_no_whole_numbers_are_refused(value):
    counter = ClassCounter((2, 2))
    counter.add((slice(0, 2), slice(0, 2)), np.array([[0, 1], [2, value]]))
    assert counter.locations() is None
    assert "whole numbers" in counter.refused


def test_nothing_but_background():
    assert dict(counted(np.zeros((3, 4), np.uint8)).locations()) == {}
    assert dict(counted(np.zeros((0, 4), np.uint8)).locations()) == {}
