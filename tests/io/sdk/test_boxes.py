"""Slabs tile the image exactly, keep to the target's chunks, and to the budget where one chunk fits it."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlarray_io.sdk.boxes import slab_shape, slabs, tiles, tiles_of


@st.composite
def cases(draw):
    shape = tuple(draw(st.lists(st.integers(0, 40), max_size=4)))
    chunks = st.none() | st.tuples(*(st.integers(1, 50) for _ in shape))
    return shape, draw(st.sampled_from([1, 2, 8])), draw(chunks), draw(chunks), draw(st.integers(1, 20000))


@given(cases())
def test_they_tile_exactly(case):
    shape, itemsize, source, target, budget = case
    if math.prod(shape) > 5000:
        return
    count = np.zeros(shape, int)
    for box in slabs(shape, itemsize, source, target, budget):
        assert all(0 <= part.start < part.stop <= size for part, size in zip(box, shape, strict=True))
        count[box] += 1
    assert (count == 1).all()


@given(cases())
def test_they_start_on_chunks_and_fit_the_budget(case):
    shape, itemsize, source, target, budget = case
    if 0 in shape:
        return
    unit = target or source or (1,) * len(shape)
    unit = tuple(min(chunk, size) for chunk, size in zip(unit, shape, strict=True))
    box = slab_shape(shape, itemsize, source, target, budget)
    assert itemsize * math.prod(box) <= max(budget, itemsize * math.prod(unit))
    for width, chunk, size in zip(box, unit, shape, strict=True):
        assert width <= size
        assert width % chunk == 0 or width == size


def test_planes_into_cubes_hold_whole_planes():
    assert slab_shape((400, 512, 512), 2, (1, 512, 512), (64, 192, 192), 128 << 20) == (256, 512, 512)
    assert slab_shape((400, 512, 512), 2, (1, 512, 512), (64, 192, 192), 40 << 20) == (64, 512, 512)


def test_little_budget_still_takes_one_chunk():
    assert slab_shape((400, 512, 512), 2, (1, 512, 512), (64, 64, 64), 1) == (64, 64, 64)
    assert slab_shape((400, 512, 512), 2, (1, 512, 512), None, 1) == (1, 512, 512)


def test_without_chunks_the_fastest_axes_come_whole():
    assert slab_shape((100, 10, 10), 1, None, None, 250) == (2, 10, 10)
    assert list(slabs((), 8, None, None)) == [()]
    assert list(slabs((0, 5), 8, None, (4, 4))) == []


def test_a_box_is_cut_where_the_chunks_of_the_image_end():
    box = (slice(3, 9), slice(4, 8))
    assert list(tiles_of(box, (4, 4))) == [
        (slice(3, 4), slice(4, 8)),
        (slice(4, 8), slice(4, 8)),
        (slice(8, 9), slice(4, 8)),
    ]
    assert list(tiles_of((slice(5, 5), slice(0, 8)), (4, 4))) == []
    assert list(tiles_of((), ())) == [()]


@given(cases())
def test_tiles_of_a_box_are_what_the_tiles_of_the_image_have_of_it(case):
    shape, _, _, step, _ = case
    box = tuple(slice(size // 3, size - size // 5) for size in shape)
    step = step or (7,) * len(shape)
    met = []
    for tile in tiles(shape, step):
        parts = [
            slice(max(one.start, own.start), min(one.stop, own.stop))
            for one, own in zip(tile, box, strict=True)
        ]
        if all(part.start < part.stop for part in parts):
            met.append(tuple(parts))
    assert list(tiles_of(box, step)) == met
