"""How much of a source is read at once when a `.mla` file is written."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlarray_core.chunks.grid import Grid
from mlarray_io.engine import chunking
from mlarray_io.sdk.format import Reader


def reader_of(chunks):
    reader = Reader()
    reader.chunks = chunks
    return reader


def grid_of(*shape):
    return Grid(shape, (32, 64, 64), (16, 16, 32), np.dtype(np.int16))


@pytest.mark.parametrize("size", [512, 1024, 1500])
def test_planes_of_a_forward_stream_are_read_whole_and_once(size):
    step = chunking.Chunking(reader_of((1, size, size)), grid_of(400, size, size)).step
    assert step[1:] == (size, size)
    assert step[0] % 32 == 0


def test_boxes_keep_to_the_budget_where_the_source_allows():
    grid = grid_of(400, 2048, 2048)
    step = chunking.Chunking(reader_of(None), grid).step
    assert math.prod(step) * 2 <= chunking.BUDGET
    assert all(size % chunk == 0 for size, chunk in zip(step, grid.chunks, strict=True))


def test_no_chunk_of_the_source_lies_in_two_boxes_where_that_takes_little():
    grid = Grid((1024, 1536, 1536), (32, 48, 128), (16, 24, 16), np.dtype(np.int16))
    assert chunking.Chunking(reader_of((64, 256, 256)), grid).step == (64, 768, 256)
    assert chunking.Chunking(reader_of((1, 512, 512)), grid).step == (32, 1536, 512)
    much = chunking.Chunking(reader_of((64, 250, 250)), grid).step  # 250 and 128 meet at 16,000
    assert math.prod(much) * 2 <= chunking.BUDGET


def test_chunks_wait_only_when_boxes_are_small():
    small = chunking.Chunking(reader_of(None), grid_of(400, 512, 512))
    assert (small.step, small.ahead) == ((32, 512, 512), 8 * 8)
    large = chunking.Chunking(reader_of((1, 2048, 2048)), grid_of(400, 2048, 2048))
    assert (large.step, large.ahead) == ((32, 2048, 2048), 0)


@pytest.mark.parametrize("budget", [1, 1 << 20])
def test_every_voxel_arrives_whatever_the_budget(budget, tmp_path, monkeypatch):
    import mlarray

    monkeypatch.setattr(chunking, "BUDGET", budget)
    voxels = np.random.default_rng(0).integers(0, 99, (70, 90, 100)).astype(np.int16)
    np.save(tmp_path / "a.npy", voxels)
    mlarray.convert(tmp_path / "a.npy", tmp_path / "a.mla")
    assert np.array_equal(mlarray.MLArray.open(tmp_path / "a.mla")[...], voxels)


def test_a_single_number_is_converted(tmp_path):
    """An array without axes is one, and not a file of metadata only."""
    import mlarray

    mlarray.MLArray(np.float32(3.5).reshape(())).save(tmp_path / "a.mla")
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.mla")
    with mlarray.MLArray.open(tmp_path / "b.mla", verify="full") as image:
        assert (image.shape, float(image[()])) == ((), 3.5)
