"""A file's contents: index, chunks and metadata, read within bounds whoever wrote them."""

from __future__ import annotations

import io
import os
import warnings
from typing import TYPE_CHECKING, Any

import blosc2
import numpy as np
import pytest

from mlarray import MLArray
from mlarray_core.chunks import codec
from mlarray_core.chunks.grid import Grid
from mlarray_core.container import chunk_index
from mlarray_core.container import frame as frames
from mlarray_core.container import mapping as files
from mlarray_core.container.contents import Contents
from mlarray_core.container.frame_writer import FrameWriter
from mlarray_core.container.image_writer import ImagePlan, ImageWriter
from mlarray_core.container.open import load_contents, open_contents, read_meta
from mlarray_core.container.storage import FrameStorage
from mlarray_core.container.stored_meta import stored_metadata
from mlarray_core.container.trailer import trailer_of
from mlarray_core.errors import CorruptError, LimitError, NotFoundError, ReadError, UnsupportedError
from mlarray_core.layout.shapes import compression

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

VOXELS = np.random.default_rng(0).integers(0, 900, (20, 24, 24)).astype("i2")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.mla"
    MLArray(VOXELS, chunk_size=(8, 12, 12), block_size=(4, 6, 6), meta={"a": 1}).save(path)
    return path


def stored(path: Path, array: Any, **how: Any) -> bytes:
    """Return a file that Blosc2 wrote."""
    blosc2.asarray(array, urlpath=str(path), mode="w", contiguous=True, **how)
    return path.read_bytes()


def with_offsets(data: bytes, change: Any) -> bytes:
    """Return an unsealed file whose index of chunks is changed."""
    frame = frames.parse(lambda at, count: data[at : at + count], len(data))
    index = data[frame.offsets_at : frame.trailer_at]
    offsets = np.frombuffer(codec.decompress(index, 8 * frame.nchunks), "<i8").copy()
    change(offsets)
    middle, end = codec.pack_offsets(offsets), trailer_of({})
    length = frame.offsets_at + len(middle) + len(end)
    header = frames.patch_header(frame.header, length=length, cbytes=frame.cbytes, has_vlmeta=False)
    return header + data[len(header) : frame.offsets_at] + middle + end


def assign(offsets: Any, where: int, value: int) -> None:
    offsets[where] = value


def test_metadata_and_shape_come_from_the_headers_alone(path: Path) -> None:
    meta, shape, dtype = read_meta(path)
    assert (meta.source.to_plain(), shape, dtype) == ({"a": 1}, (20, 24, 24), "<i2")


def test_chunks_decode_to_the_voxels(path: Path) -> None:
    contents = open_contents(str(path))
    for number in range(contents.frame.nchunks):
        box = contents.grid.box(number)
        chunk = contents.chunk(number)
        assert chunk is not None
        whole = codec.decode(chunk, contents.grid)
        part = VOXELS[box]
        assert np.array_equal(whole[tuple(slice(0, size) for size in part.shape)], part)


@pytest.mark.parametrize("value", [1 << 40, -1, -(3 << 56), 5])
def test_offsets_that_point_nowhere(tmp_path: Path, value: int) -> None:
    path = tmp_path / "b.mla"
    data = stored(path, VOXELS, chunks=(8, 12, 12), blocks=(4, 6, 6))
    path.write_bytes(with_offsets(data, lambda offsets: assign(offsets, 1, value)))
    with pytest.raises((CorruptError, UnsupportedError), match=str(path)):
        MLArray.open(path)[...]


def test_one_chunk_for_two_places(tmp_path: Path) -> None:
    path = tmp_path / "b.mla"
    data = stored(path, VOXELS, chunks=(8, 12, 12), blocks=(4, 6, 6))
    path.write_bytes(with_offsets(data, lambda offsets: assign(offsets, 1, int(offsets[0]))))
    with pytest.raises(CorruptError, match="twice"):
        MLArray.open(path)[...]


def test_chunks_that_overlap(tmp_path: Path) -> None:
    path = tmp_path / "b.mla"
    data = bytearray(stored(path, VOXELS, chunks=(8, 12, 12), blocks=(4, 6, 6)))
    at = int.from_bytes(data[11:15], "big") + 12
    size = int.from_bytes(data[at : at + 4], "little")
    data[at : at + 4] = (size + 1).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptError, match="chunk 0"):
        MLArray.open(path)[...]


def test_chunks_that_were_never_written_are_zeros(tmp_path: Path) -> None:
    """Blosc2 returns what was in memory for them."""
    path = tmp_path / "b.mla"
    data = stored(path, VOXELS, chunks=(8, 12, 12), blocks=(4, 6, 6))
    unwritten = -(0x7C << 56)  # the highest byte is 0x84: special, BLOSC2_SPECIAL_UNINIT
    path.write_bytes(with_offsets(data, lambda offsets: assign(offsets, 1, unwritten)))
    expected = VOXELS.copy()
    expected[:8, :12, 12:] = 0
    again = tmp_path / "c.mla"
    MLArray.load(path).save(again)
    for one in (path, again):
        with MLArray.open(one) as image:
            for box in (np.s_[...], np.s_[3:15, 5:20, 11:], np.s_[0, 0, 12]):
                assert np.array_equal(image[box], expected[box])


def test_chunks_of_nan_and_of_one_value(tmp_path: Path) -> None:
    for number, value in enumerate((np.nan, 7.5, 0.0)):
        path = tmp_path / f"{number}.mla"
        blosc2.full((40, 40), value, dtype="f4", urlpath=str(path), mode="w", chunks=(16, 16), blocks=(8, 8))
        again = tmp_path / f"again{number}.mla"
        MLArray.load(path).save(again)
        for one in (path, again):
            expected = np.full((40, 40), value, "f4")
            assert np.array_equal(MLArray.open(one)[...], expected, equal_nan=True)
            assert np.array_equal(blosc2.open(str(one), mode="r")[:], expected, equal_nan=True)


def test_terabytes_of_zeros_open_but_need_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "b.mla"
    blosc2.zeros((1 << 14,) * 3, "f8", urlpath=str(path), mode="w", chunks=(512,) * 3, blocks=(64,) * 3)
    image = MLArray.open(path)
    assert not image[5000:5010, 5, 5:9].any()
    for read in (image.to_numpy, lambda: MLArray.load(path, compressed=False)):
        with pytest.raises(LimitError, match=str(path)):
            read()


def test_max_bytes(path: Path) -> None:
    size = VOXELS.nbytes
    for read in (MLArray.open(path).to_numpy, lambda max_bytes: MLArray.load(path, max_bytes=max_bytes)):
        read(max_bytes=size)
        with pytest.raises(LimitError, match=f"limit is {size - 1:,}"):
            read(max_bytes=size - 1)


def test_more_chunks_than_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(chunk_index, "MAX_CHUNKS", 11)
    for read in (MLArray.open, MLArray.load, read_meta):
        with pytest.raises(LimitError, match="12 chunks"):
            read(path)


def test_bytes_after_the_image_are_said(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.warns(UserWarning, match="4 bytes after the image"):
        image = MLArray.open(path)
    assert np.array_equal(image[...], VOXELS)


def test_a_map_keeps_the_header_that_it_was_opened_with(path: Path) -> None:
    before = MLArray.open(path)
    with MLArray.open(path, mmap_mode="r+") as image:
        image[...] = 5
    assert np.array_equal(before[...], VOXELS)
    assert (MLArray.open(path)[...] == 5).all()


def test_a_commit_between_two_looks_is_not_taken_for_damage(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = path.read_bytes()
    torn = whole[:18] + bytes(10) + whole[28:]
    path.write_bytes(torn)
    parse = frames.parse

    def parsed(*given: Any) -> frames.Frame:
        try:
            return parse(*given)
        finally:
            path.write_bytes(whole)

    monkeypatch.setattr(frames, "parse", parsed)
    assert load_contents(str(path)).frame.shape == VOXELS.shape


@pytest.mark.skipif(os.name != "posix", reason="maps of their own pages are POSIX's")
def test_a_commit_between_the_map_and_its_header_is_not_taken_for_damage(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()
    with MLArray.open(path, mmap_mode="r+") as image:
        image[...] = np.random.default_rng(1).integers(0, 900, VOXELS.shape)
    after = path.read_bytes()
    assert len(after) > len(before)
    path.write_bytes(before)
    map_old = files._private_map

    def mapped(file: Any) -> Any:
        content = map_old(file)
        with path.open("r+b") as other:  # what another process commits just now
            other.write(after)
        return content

    monkeypatch.setattr(files, "_private_map", mapped)
    assert open_contents(str(path)).frame.length == len(after)


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="folder"):
        open_contents(str(tmp_path))
    with pytest.raises(NotFoundError):
        open_contents(str(tmp_path / "none.mla"))
    (tmp_path / "empty.mla").touch()
    with pytest.raises(CorruptError, match="empty"):
        open_contents(str(tmp_path / "empty.mla"))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.mla")
        with pytest.raises(ReadError, match="pipe"):
            read_meta(tmp_path / "pipe.mla")


def test_a_frame_written_anew_keeps_all_but_the_dead(path: Path) -> None:
    opened = blosc2.open(str(path), mode="a")
    opened.schunk.vlmeta["stranger"] = [1, 2]
    del opened
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        contents = open_contents(str(path))
    copy = path.with_name("copy.mla")
    with open(copy, "w+b") as file:
        writer = FrameWriter.anew(file, contents)
        for number in range(contents.frame.nchunks):
            writer.append(number, contents.chunk(number))
        writer.finish(stored_metadata(contents.read, contents.frame))
    again = blosc2.open(str(copy), mode="r")
    assert again.schunk.vlmeta["stranger"] == [1, 2]
    assert np.array_equal(again[:], VOXELS)
    with MLArray.open(copy) as image:
        assert image.verify() == "sealed"
        assert image.meta.source.to_plain() == {"a": 1}


def test_a_failed_write_can_be_tried_again(tmp_path: Path) -> None:
    class Full:
        """A file that refuses the second write after half of it."""

        def __init__(self, file: Any) -> None:
            self.file, self.writes = file, 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

        def write(self, data: bytes) -> int:
            self.writes += 1
            if self.writes == 2:
                self.file.write(data[: len(data) // 2])
                raise OSError(28, "full")
            return int(self.file.write(data))

    grid = Grid((8, 8), (4, 4), (2, 2), np.dtype("i2"))
    values = np.arange(64, dtype="i2").reshape(8, 8)
    with open(tmp_path / "a.mla", "w+b") as file:
        writer = FrameWriter(Full(file), grid, {})  # type: ignore[arg-type]
        writer.put(0, values[:4, :4])
        with pytest.raises(OSError, match="full"):
            writer.put(1, values[:4, 4:])
        for number in (1, 2, 3):
            writer.put(number, values[grid.box(number)])
        writer.finish(b"")
    assert np.array_equal(blosc2.open(str(tmp_path / "a.mla"), mode="r")[:], values)
    assert Contents((tmp_path / "a.mla").read_bytes(), verify="full").state.value == "sealed"


def test_being_written(path: Path) -> None:
    assert not files.being_written(str(path))
    with MLArray.open(path, mmap_mode="r+"):
        assert files.being_written(str(path))
    assert not files.being_written(str(path))


@pytest.mark.parametrize("zeros", [False, True])
def test_chunks_that_are_taken_at_once_are_those_that_are_taken_one_by_one(
    monkeypatch: pytest.MonkeyPatch, zeros: bool
) -> None:
    voxels = VOXELS.copy()
    voxels[:, :12] *= not zeros
    plan = ImagePlan(Grid(VOXELS.shape, (8, 12, 12), (4, 6, 6), VOXELS.dtype), compression(5))
    base = written(plan, voxels, range(plan.grid.nchunks))
    found = base.run()
    assert found is not None
    assert len(found[0]) == (plan.grid.nchunks // 2 if zeros else plan.grid.nchunks)
    at_once = taken(plan, base)
    with monkeypatch.context() as patch:
        patch.setattr(Contents, "run", lambda self: None)
        assert taken(plan, base) == at_once
    copy = FrameStorage(Contents(at_once, None, "full"))
    np.testing.assert_array_equal(copy.read(tuple(slice(0, size) for size in voxels.shape)), voxels)


def test_chunks_out_of_order_are_taken_one_by_one() -> None:
    plan = ImagePlan(Grid(VOXELS.shape, (8, 12, 12), (4, 6, 6), VOXELS.dtype), compression(5))
    base = written(plan, VOXELS, reversed(range(plan.grid.nchunks)))
    assert base.run() is None
    assert taken(plan, base) == taken(plan, written(plan, VOXELS, range(plan.grid.nchunks)))


def test_chunks_with_gaps_are_taken_one_by_one_and_damaged_ones_not_at_all(path: Path) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    with pytest.raises(CorruptError, match="checksum"):
        Contents(bytes(damaged)).run()
    with MLArray.open(path, mmap_mode="r+") as image:
        image[0:8, 0:12, 0:12] = 3
    assert load_contents(str(path)).run() is None


def written(plan: ImagePlan, voxels: Any, order: Iterable[int]) -> Contents:
    """Return a frame whose chunks were written in an order."""
    file = io.BytesIO()
    writer = ImageWriter(file, plan)
    for number in order:
        writer.append(number, writer.encode(voxels[plan.grid.box(number)]))
    writer.finish()
    return Contents(file.getvalue())


def taken(plan: ImagePlan, base: Contents) -> bytes:
    """Return a frame that takes its chunks from another."""
    file = io.BytesIO()
    writer = ImageWriter(file, plan)
    writer.take(FrameStorage(base))
    writer.finish()
    return file.getvalue()
