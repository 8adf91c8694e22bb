"""Chunks to bytes and back, against Blosc2's own array type."""

import blosc2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlarray_core.chunks import codec
from mlarray_core.chunks.grid import Grid
from mlarray_core.chunks.params import blosc2_params, codec_number, plain_cparams, plain_dparams
from mlarray_core.errors import ArgumentError, ArgumentTypeError, CorruptError, UnsafeError

PARAMS = blosc2_params({"codec": 5, "clevel": 3, "filters": [1]})
DTYPES = ["?", "u1", "i2", "f4", "c16", "S5", [("a", "i2"), ("b", "f4")]]


def noise(shape, dtype, seed=1):
    dtype = np.dtype(dtype)
    raw = np.random.default_rng(seed).integers(
        0, 2 if dtype.kind == "b" else 100, (*shape, dtype.itemsize), np.uint8
    )
    return np.ascontiguousarray(raw).view(dtype).reshape(shape)


@st.composite
def grids(draw):
    shape = draw(st.lists(st.integers(1, 9), max_size=4))
    chunks = [draw(st.integers(1, size)) for size in shape]
    blocks = [draw(st.integers(1, size)) for size in chunks]
    return Grid(tuple(shape), tuple(chunks), tuple(blocks), np.dtype(draw(st.sampled_from(DTYPES))))


@settings(max_examples=60, deadline=None)
@given(grid=grids())
def test_chunks_come_back(grid):
    voxels = noise(grid.shape, grid.dtype)
    for number in range(grid.nchunks):
        box = grid.box(number)
        data = voxels[box]
        found = codec.decode(codec.encode(data, grid, PARAMS), grid)
        assert found.shape == grid.extended
        assert np.array_equal(found[tuple(slice(0, size) for size in data.shape)], data)
        assert found.flags.writeable


@settings(max_examples=60, deadline=None)
@given(grid=grids())
def test_blosc2_reads_our_chunks_and_we_its(grid):
    if not grid.shape:
        return
    voxels = noise(grid.shape, grid.dtype)
    theirs = blosc2.asarray(voxels, chunks=grid.chunks, blocks=grid.blocks)
    ours = blosc2.zeros(grid.shape, grid.dtype, chunks=grid.chunks, blocks=grid.blocks)
    for number in range(grid.nchunks):
        data = voxels[grid.box(number)]
        chunk = theirs.schunk.get_chunk(number)
        inside = tuple(slice(0, size) for size in data.shape)
        assert np.array_equal(codec.decode(chunk, grid)[inside], data)
        ours.schunk.update_chunk(number, codec.encode(data, grid, PARAMS))
    assert np.array_equal(ours[...], voxels)


@settings(max_examples=60, deadline=None)
@given(grid=grids(), data=st.data())
def test_touched_chunks_are_those_that_overlap(grid, data):
    box = tuple(slice(*sorted(data.draw(st.tuples(*[st.integers(0, size)] * 2)))) for size in grid.shape)
    marked = np.zeros(grid.shape, bool)
    marked[box] = True
    expected = [number for number in range(grid.nchunks) if marked[grid.box(number)].any()]
    assert grid.touched(box) == expected


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_zeros_take_no_room(dtype):
    grid = Grid((8, 8), (4, 8), (2, 8), np.dtype(dtype))
    chunk = codec.encode(np.zeros((4, 8), dtype), grid, PARAMS)
    assert len(chunk) == 32
    assert codec.is_zeros(chunk)
    assert not codec.decode(chunk, grid).view("u1").any()
    assert not codec.is_zeros(codec.encode(noise((4, 8), dtype), grid, PARAMS))


def test_negative_zeros_are_no_zeros():
    grid = Grid((8,), (8,), (8,), np.dtype("f4"))
    found = codec.decode(codec.encode(np.full(8, -0.0, "f4"), grid, PARAMS), grid)
    assert np.signbit(found).all()


def test_nans_keep_their_bits():
    grid = Grid((4,), (4,), (4,), np.dtype("f4"))
    voxels = np.array([0x7FC00001, 0xFFC00000, 0x7F800001, 0x7F800000], "u4").view("f4")
    assert codec.decode(codec.encode(voxels, grid, PARAMS), grid).tobytes() == voxels.tobytes()


@pytest.mark.parametrize(
    "given", [{"clevel": 1, "codec": blosc2.Codec.ZSTD}, blosc2.CParams(clevel=1, codec=blosc2.Codec.ZSTD)]
)
def test_compression_parameters_become_plain(given):
    plain = plain_cparams(given)
    assert (plain["clevel"], plain["codec"]) == (1, 5)
    assert all(isinstance(value, (int, bool, list, type(None))) for value in plain.values())
    assert plain_cparams(None) == {}


def test_unknown_parameters_are_refused():
    with pytest.raises(ArgumentError, match=r"no parameter 'clevl'\. Known are codec"):
        plain_cparams({"clevl": 1})
    with pytest.raises(ArgumentError, match="no parameter 'nthread'"):
        plain_dparams({"nthread": 1})
    with pytest.raises(ArgumentTypeError, match="a dict or CParams, not DParams"):
        plain_cparams(blosc2.DParams())
    with pytest.raises(ArgumentTypeError, match="not int"):
        plain_dparams(4)


def test_codecs_have_names():
    assert [codec_number(name) for name in ("blosclz", "LZ4", "lz4hc", "zlib", "zstd", 3)] == [
        0, 1, 2, 4, 5, 3,
    ]  # fmt: skip
    with pytest.raises(ArgumentError, match=r"'jpeg'\. Choose one of blosclz"):
        codec_number("jpeg")


@pytest.mark.parametrize("text", ["<i2", "|b1", "<c16", "|S5", "[('a', '<i2'), ('b', '<f4', (2,))]"])
def test_dtypes_of_frames(text):
    dtype = codec.dtype_of(text, np.dtype(eval(text) if "[" in text else text).itemsize)
    assert dtype.itemsize == codec.dtype_of(text, dtype.itemsize).itemsize
    with pytest.raises(CorruptError):
        codec.dtype_of(text, dtype.itemsize + 1)


def test_old_frames_name_no_dtype():
    assert codec.dtype_of("", 7) == np.dtype("V7")


@pytest.mark.parametrize("text", ["no dtype", "[(", "[" * 500, "__import__('os')", "{'names': 5}"])
def test_what_is_no_dtype(text):
    with pytest.raises(CorruptError, match="is no dtype"):
        codec.dtype_of(text, 2)


@pytest.mark.parametrize("text", ["|O", "[('a', '|O')]"])
def test_objects_are_refused(text):
    with pytest.raises(UnsafeError):
        codec.dtype_of(text, 8)


def test_damaged_chunks():
    grid = Grid((64,), (64,), (64,), np.dtype("i4"))
    chunk = codec.encode(np.arange(64, dtype="i4"), grid, PARAMS)
    with pytest.raises(CorruptError):
        codec.decode(chunk[:20], grid)
    with pytest.raises(CorruptError, match="another number of bytes"):
        codec.decompress(chunk, 5)
