"""Where chunks are: what is said once of a kind of chunk holds for no other."""

from __future__ import annotations

import gc
import time
import tracemalloc
import weakref
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlarray import MLArray
from mlarray_core.container import seal, storage
from mlarray_core.container.chunk_index import ChunkIndex
from mlarray_core.container.contents import Contents
from mlarray_core.container.open import open_contents
from mlarray_core.container.storage import FrameStorage
from mlarray_core.errors import CorruptError, MLArrayError

if TYPE_CHECKING:
    from pathlib import Path

VOXELS = np.random.default_rng(0).integers(0, 900, (20, 24, 24)).astype("i2")


@pytest.fixture
def data(tmp_path: Path) -> bytes:
    MLArray(VOXELS, chunk_size=(8, 12, 12), block_size=(4, 6, 6)).save(tmp_path / "a.mla")
    return (tmp_path / "a.mla").read_bytes()


def test_room_reaches_to_the_next_chunk(data: bytes) -> None:
    contents = Contents(data)
    offsets, room = contents.index.offsets, contents.index.room
    assert (np.sort(offsets + room)[:-1] == np.sort(offsets)[1:]).all()
    assert max(offsets + room) == contents.frame.cbytes
    for number in range(contents.frame.nchunks):
        assert contents.index.locate(number) == (contents.frame.header_size + offsets[number], room[number])


@pytest.mark.parametrize("at", range(32))
def test_a_damaged_header_is_found_after_sound_ones(data: bytes, at: int) -> None:
    """Whatever the header of one chunk says, it is judged as if it were the first that is looked at."""
    start = Contents(data).index.locate(5)
    assert start is not None
    for value in (0, 1, 2, 0x40, 0x7F, 0x80, 0xFF):
        changed = bytearray(data)
        changed[start[0] + at] = value
        alone, later = (_told(bytes(changed), before) for before in ([], [0, 1, 2, 3, 4]))
        assert alone == later


def _told(data: bytes, before: list[int]) -> tuple[int, int] | str | None:
    contents = Contents(data, verify="none")
    for number in before:
        contents.index.locate(number)
    try:
        return contents.index.locate(5)
    except MLArrayError as error:
        return f"{type(error).__name__} {error}"


@pytest.mark.parametrize("size", [-1, 0, 31, 1 << 30, "room"])
def test_sizes_that_cannot_be(data: bytes, size: int | str) -> None:
    contents = Contents(data, verify="none")
    where = contents.index.locate(5)
    assert where is not None
    wrong = int(contents.index.room[5]) + 1 if size == "room" else int(size)
    changed = bytearray(data)
    changed[where[0] + 12 : where[0] + 16] = wrong.to_bytes(4, "little", signed=True)
    damaged = Contents(bytes(changed), verify="none")
    assert damaged.index.locate(4) is not None
    with pytest.raises(CorruptError):
        damaged.index.locate(5)


def test_kinds_that_are_remembered_are_few(data: bytes) -> None:
    contents = Contents(data)
    for number in range(contents.frame.nchunks):
        contents.index.locate(number)
    assert 1 <= len(contents.index._kinds) <= 3


def test_an_index_that_does_not_fit(data: bytes) -> None:
    frame = Contents(data).frame
    changed = bytearray(data)
    changed[frame.offsets_at + 4] ^= 1
    with pytest.raises(CorruptError, match="index"):
        ChunkIndex(lambda at, count: bytes(changed[at : at + count]), frame)


def test_letting_go_of_a_file_frees_it_at_once(tmp_path: Path, data: bytes) -> None:
    contents = open_contents(str(tmp_path / "a.mla"))
    contents.touch((slice(0, 20), slice(0, 24), slice(0, 24)))
    gone = weakref.ref(contents)
    gc.disable()
    try:
        del contents
        assert gone() is None
    finally:
        gc.enable()


def test_every_chunk_is_checked_once_by_threads_too(data: bytes) -> None:
    from concurrent.futures import ThreadPoolExecutor

    box = (slice(0, 20), slice(0, 24), slice(0, 24))
    for _ in range(20):
        contents = Contents(data)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(contents.touch, [box] * 8))
        assert contents._all_checked
        assert not contents._unchecked.any()
        part = Contents(data)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(part.touch, [(slice(0, 8), slice(0, 24), slice(0, 24))] * 8))
        assert not part._all_checked
        assert part._unchecked.sum() == 8


def test_millions_of_zero_chunks_take_no_index(tmp_path: Path) -> None:
    """As Blosc2 writes them: the index is one item, repeated; here 2**25 of them in 221 bytes."""
    blosc2 = pytest.importorskip("blosc2")
    path = tmp_path / "a.mla"
    blosc2.zeros((1 << 31,), dtype="u1", chunks=(64,), blocks=(64,), urlpath=str(path), contiguous=True)
    assert path.stat().st_size < 400
    gc.collect()
    started = time.process_time()
    tracemalloc.start()
    with MLArray.open(path) as image:
        assert not image[5:200].any()
        assert not image[(1 << 31) - 3 :].any()
        assert image.verify() is not None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80 << 20  # a flag for each chunk
    assert time.process_time() - started < 3


@pytest.mark.parametrize("mark", [b"\0\0\0\0\0\0\0\x90", b"\0\0\0\0\0\0\0\0"])
def test_an_index_that_repeats_what_it_cannot(tmp_path: Path, mark: bytes) -> None:
    """An unknown mark, and one place for all chunks."""
    blosc2 = pytest.importorskip("blosc2")
    path = tmp_path / "a.mla"
    blosc2.zeros((1 << 20,), dtype="u1", chunks=(64,), blocks=(64,), urlpath=str(path), contiguous=True)
    content = path.read_bytes()
    zeros = b"\0\0\0\0\0\0\0\x81"
    assert content.count(zeros) == 1
    path.write_bytes(content.replace(zeros, mark))
    with MLArray.open(path) as image, pytest.raises(CorruptError, match="index of chunks"):
        image.read(...)


@pytest.mark.parametrize("slab", [1, 20_000, 1 << 30])
def test_chunks_are_checked_a_few_rows_at_a_time(
    data: bytes, monkeypatch: pytest.MonkeyPatch, slab: int
) -> None:
    """Each before its voxels are decompressed, and once, whatever the box and however rows are gathered."""
    whole = FrameStorage(Contents(data, verify="none")).read(np.s_[0:20, 0:24, 0:24])
    monkeypatch.setattr(storage, "AT_ONCE", 1)
    monkeypatch.setattr(storage, "SLAB", slab)
    count: list[int] = []
    chunk_sum = seal.chunk_sum
    monkeypatch.setattr(seal, "chunk_sum", lambda chunk: count.append(1) or chunk_sum(chunk))
    for box in (
        np.s_[0:20, 0:24, 0:24],
        np.s_[3:17, 5:13, 0:1],
        np.s_[8:9, 0:24, 12:13],
        np.s_[7:20, 0:5, 3:24],
    ):
        frame = FrameStorage(Contents(data))
        count.clear()
        for _ in range(2):
            assert (frame.read(box) == whole[box]).all()
            assert len(count) == len(frame.grid.touched(box))


def test_a_damaged_chunk_of_the_last_row_is_refused_each_time(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "AT_ONCE", 1)
    contents = Contents(data)
    last = contents.grid.nchunks - 1
    where = contents.index.locate(last)
    assert where is not None
    changed = bytearray(data)
    changed[where[0] + where[1] - 1] ^= 1
    damaged = FrameStorage(Contents(bytes(changed)))
    for _ in range(2):
        with pytest.raises(CorruptError, match=f"chunk {last} is damaged"):
            damaged.read((slice(0, 20), slice(0, 24), slice(0, 24)))
