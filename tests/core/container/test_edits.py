"""Writing into arrays of compressed chunks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlarray_core.chunks.grid import Grid
from mlarray_core.chunks.params import blosc2_params
from mlarray_core.container import edits
from mlarray_core.container.edits import Editor

GRID = Grid((7, 10, 9), (4, 4, 6), (2, 3, 2), np.dtype("i4"))
PARAMS = blosc2_params({"codec": 1, "clevel": 1})


def box(*ranges):
    return tuple(slice(*part) for part in ranges)


class Chunks:
    """Chunks in a dict, and what was done with them."""

    def __init__(self, grid=GRID):
        self.stored, self.loads, self.stores = {}, [], []
        self.editor = Editor(grid, PARAMS, self.load, self.store)
        self.grid = grid

    def load(self, number):
        self.loads.append(number)
        return self.stored.get(number)

    def store(self, number, chunk):
        self.stores.append(number)
        self.stored[number] = chunk

    def read(self, part):
        return self.editor.read(part, np.empty([cut.stop - cut.start for cut in part], self.grid.dtype))


boxes = st.tuples(
    *(st.tuples(st.integers(0, size), st.integers(0, size)).map(sorted) for size in GRID.shape)
).map(lambda ranges: box(*ranges))


@settings(max_examples=60, deadline=None)
@given(writes=st.lists(st.tuples(boxes, st.integers(-9, 9)), max_size=6), part=boxes, room=st.integers(1, 9))
def test_what_is_written_is_read(writes, part, room):
    chunks, expected = Chunks(), np.zeros(GRID.shape, "i4")
    chunks.editor._room = room
    for where, value in writes:
        patch = np.full([cut.stop - cut.start for cut in where], value, "i4")
        patch += np.arange(patch.size).reshape(patch.shape)
        chunks.editor.write(where, patch)
        expected[where] = patch
        assert np.array_equal(chunks.read(part), expected[part])
    chunks.editor.flush()
    fresh = Chunks()
    fresh.stored = chunks.stored
    assert np.array_equal(fresh.read(box(*((0, size) for size in GRID.shape))), expected)


def test_chunks_are_encoded_once_when_they_are_flushed():
    chunks = Chunks()
    for z in range(7):
        chunks.editor.write(box((z, z + 1), (0, 10), (0, 9)), np.full((1, 10, 9), z + 1, "i4"))
    assert chunks.stores == []
    chunks.editor.flush()
    assert chunks.stores == list(range(GRID.nchunks))
    chunks.editor.flush()
    assert len(chunks.stores) == GRID.nchunks


def test_overwritten_chunks_are_not_loaded():
    chunks = Chunks()
    chunks.editor.write(box((0, 4), (0, 4), (0, 6)), np.ones((4, 4, 6), "i4"))
    assert chunks.loads == []
    chunks.editor.write(box((4, 7), (8, 10), (6, 9)), np.ones((3, 2, 3), "i4"))
    assert chunks.loads == []
    chunks.editor.write(box((0, 1), (4, 8), (0, 6)), np.ones((1, 4, 6), "i4"))
    assert len(chunks.loads) == 1


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(edits, "BUDGET", 2 * GRID.chunksize)
    chunks = Chunks()
    chunks.editor.write(box(*((0, size) for size in GRID.shape)), np.ones(GRID.shape, "i4"))
    assert len(chunks.editor._kept) <= 2
    assert len(chunks.stores) >= GRID.nchunks - 2
    chunks.editor.flush()
    assert sorted(chunks.stores) == list(range(GRID.nchunks))


def test_reading_stores_nothing():
    chunks = Chunks()
    assert not chunks.read(box((0, 7), (0, 10), (0, 9))).any()
    chunks.editor.flush()
    assert chunks.stores == []


@pytest.mark.parametrize("value", [0, 5])
def test_zero_axes(value):
    chunks = Chunks(Grid((), (), (), np.dtype("f8")))
    chunks.editor.write((), np.array(float(value)))
    chunks.editor.flush()
    assert chunks.read(()) == value
