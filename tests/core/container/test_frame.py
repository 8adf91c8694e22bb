"""Frames as c-blosc2 writes them: what is read agrees with Blosc2, and contradictions are refused."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import blosc2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlarray_core.chunks import header as chunks
from mlarray_core.container import frame as frames
from mlarray_core.container.trailer import trailer_of, vlmeta_content
from mlarray_core.errors import CorruptError, LimitError, MLArrayError, UnsupportedError


def made(
    shape: tuple[int, ...] = (20, 30), dtype: str = "i2", vlmeta: bytes | None = b"x", **how: Any
) -> bytes:
    """Return a frame that Blosc2 wrote."""
    count = int(np.prod(shape))
    array = blosc2.asarray(np.arange(count).astype(dtype).reshape(shape), contiguous=True, **how)
    if vlmeta is not None:
        array.schunk.vlmeta["mlarray"] = vlmeta
    return bytes(array.to_cframe())


def parsed(data: bytes) -> frames.Frame:
    return frames.parse(lambda at, count: data[at : at + count], len(data), "a.mla")


@pytest.mark.parametrize("shape", [(), (1,), (7,), (20, 30), (5, 6, 7), (2, 3, 4, 5, 6)])
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8", "c16", ">f4", "M8[D]"])
@pytest.mark.parametrize("vlmeta", [None, b"x", b"x" * 5000])
def test_it_says_what_blosc2_says(shape: tuple[int, ...], dtype: str, vlmeta: bytes | None) -> None:
    data = made(shape, dtype, vlmeta)
    theirs = blosc2.ndarray_from_cframe(data)
    ours = parsed(data)
    assert (ours.shape, ours.chunks, ours.blocks) == (theirs.shape, theirs.chunks, theirs.blocks)
    assert np.dtype(ours.dtype) == theirs.dtype
    assert ours.nchunks == theirs.schunk.nchunks
    assert (ours.nbytes, ours.cbytes) == (theirs.schunk.nbytes, theirs.schunk.cbytes)
    assert (ours.chunksize, ours.blocksize) == (theirs.schunk.chunksize, theirs.schunk.blocksize)
    assert ours.length == len(data)
    assert set(ours.vlmeta) == ({"mlarray"} if vlmeta else set())


@pytest.mark.parametrize("codec", [blosc2.Codec.ZSTD, blosc2.Codec.LZ4, blosc2.Codec.ZFP_ACC])
def test_codec_and_filters(codec: blosc2.Codec) -> None:
    ours = parsed(
        made((20, 30), "f4", cparams={"codec": codec, "filters": [blosc2.Filter.SHUFFLE], "clevel": 3})
    )
    assert (ours.codec, ours.clevel) == (codec.value, 3)


@pytest.mark.parametrize("content", [b"", b"abc", b"y" * 4000, bytes(range(256)) * 20])
def test_metadata_that_blosc2_stored(content: bytes) -> None:
    data = made(vlmeta=content)
    frame = parsed(data)
    packed = vlmeta_content(lambda at, count: data[at : at + count], frame, "mlarray")
    assert packed.endswith(content)


def test_metadata_over_the_limit() -> None:
    data = made(vlmeta=b"y" * 100_000)
    with pytest.raises(LimitError, match="limit"):
        vlmeta_content(lambda at, count: data[at : at + count], parsed(data), "mlarray", 1000)


@pytest.mark.parametrize("names", [[], ["one"], ["one", "mlarray", "x" * 31]])
def test_blosc2_reads_the_trailer_that_is_written(names: list[str]) -> None:
    data = made(vlmeta=None)
    frame = parsed(data)
    end = trailer_of({name: b"\xc4\x03" + name[:3].encode() for name in names})
    header = frames.patch_header(
        frame.header, length=frame.trailer_at + len(end), cbytes=frame.cbytes, has_vlmeta=bool(names)
    )
    theirs = blosc2.ndarray_from_cframe(header + data[len(header) : frame.trailer_at] + end)
    assert {name: theirs.schunk.vlmeta[name] for name in names} == {name: name[:3].encode() for name in names}
    assert np.array_equal(theirs[:], blosc2.ndarray_from_cframe(data)[:])


@pytest.mark.parametrize("cut", [0, 1, 12, 86, 87, 120, -1, -24])
def test_what_is_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(CorruptError) as caught:
        parsed(made()[:cut])
    assert caught.value.path == "a.mla"


@given(st.integers(0, 400), st.integers(0, 255))
def test_any_byte_of_the_header_raises_nothing_else(at: int, value: int) -> None:
    data = bytearray(made((20, 30), "f4"))
    data[at % len(data)] = value
    with contextlib.suppress(MLArrayError):
        parsed(bytes(data))


def changed(at: int, form: str, value: int) -> bytes:
    data = bytearray(made((20, 30), "i2", chunks=(10, 10), blocks=(5, 5)))
    struct.pack_into(form, data, at, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("at", "form", "value"),
    [
        (11, ">i", -1),
        (11, ">i", 1 << 30),
        (16, ">Q", 1 << 63),
        (16, ">Q", 100),
        (30, ">q", -1),
        (30, ">q", 1 << 62),
        (39, ">q", -1),
        (39, ">q", 1 << 40),
        (48, ">i", 0),
        (48, ">i", 3),
        (53, ">i", 51),
        (58, ">i", 0),
        (68, "B", 0xC2),
        (68, "B", 0),
    ],
)
def test_numbers_that_contradict_one_another(at: int, form: str, value: int) -> None:
    with pytest.raises(CorruptError):
        parsed(changed(at, form, value))


@pytest.mark.parametrize(("at", "value"), [(25, 0x14), (26, 1), (71, 99), (27, 0x57)])
def test_what_nobody_here_can_read(at: int, value: int) -> None:
    with pytest.raises(UnsupportedError):
        parsed(changed(at, "B", value))


def test_a_codec_that_is_not_built_in() -> None:
    data = bytearray(changed(27, "B", 0x56))
    data[77] = 37
    with pytest.raises(UnsupportedError, match="codec 37"):
        parsed(bytes(data))


@pytest.mark.parametrize("dtype", [b"\x00i2", b"<\x00\x00"])
def test_a_dtype_that_is_no_text(dtype: bytes) -> None:
    with pytest.raises(CorruptError, match="dtype"):
        parsed(made((20, 30), "i2").replace(b"<i2", dtype, 1))


def test_other_metalayers_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="LazyArray"):
        parsed(made(meta={"LazyArray": {"UDF": "code"}}))
    schunk = blosc2.SChunk(data=b"x" * 100, contiguous=True)
    with pytest.raises(UnsupportedError, match="shape"):
        parsed(bytes(schunk.to_cframe()))


class TestChunkHead:
    def stored(self) -> bytes:
        array = blosc2.asarray(np.arange(600, dtype="i4"))
        return bytes(array.schunk.get_chunk(0))

    def test_sizes(self) -> None:
        chunk = self.stored()
        head = chunks.ChunkHead.of(chunk)
        assert blosc2.get_cbuffer_sizes(chunk) == (head.nbytes, head.cbytes, head.blocksize)
        assert head.cbytes == len(chunk)
        assert not head.unwritten

    def test_plain_chunk_is_what_blosc2_reads(self) -> None:
        chunk = chunks.plain_chunk(b"hello" * 9)
        assert blosc2.decompress2(chunk) == b"hello" * 9
        assert chunks.ChunkHead.of(chunk).nbytes == 45

    def test_never_written(self) -> None:
        chunk = bytearray(self.stored()[:32])
        chunk[31] = chunks.UNINIT << 4
        assert chunks.ChunkHead.of(bytes(chunk)).unwritten

    @pytest.mark.parametrize("codec", [36, 37, 38, 160, 255])
    def test_codecs_that_make_blosc2_run_python(self, codec: int) -> None:
        chunk = bytearray(self.stored())
        chunk[2] = chunk[2] & 0x1F | 6 << 5
        chunk[22] = codec
        with pytest.raises(UnsupportedError, match="built in"):
            chunks.ChunkHead.of(bytes(chunk))

    def test_filters_that_nobody_knows(self) -> None:
        chunk = bytearray(self.stored())
        chunk[17] = 160
        with pytest.raises(UnsupportedError, match="built in"):
            chunks.ChunkHead.of(bytes(chunk))

    def test_content_elsewhere(self) -> None:
        chunk = bytearray(self.stored())
        chunk[31] |= 0x08
        with pytest.raises(CorruptError, match="elsewhere"):
            chunks.ChunkHead.of(bytes(chunk))

    @pytest.mark.parametrize("size", [0, 16, 31])
    def test_cut_short(self, size: int) -> None:
        with pytest.raises(CorruptError):
            chunks.ChunkHead.of(self.stored()[:size])

    def test_the_first_format(self) -> None:
        with pytest.raises(CorruptError):
            chunks.ChunkHead.of(b"\x02\x01\x00\x01" + bytes(40))
