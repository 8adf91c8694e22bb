"""Reading by offset, forwards and back, and in little memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib

import numpy as np
import pytest
from backports import zstd

from mlarray_core.errors import CorruptError
from mlarray_io.sdk import JoinedBytes, PackedBytes, open_bytes

CONTENT = np.random.default_rng(0).integers(0, 9, 1_000_000, "u1").tobytes()


@pytest.fixture(
    params=["plain", "gzip", "gzip in parts", "zlib", "bzip2", "bzip2 in parts", "xz", "xz in parts", "zstd"]
)
def file(request, tmp_path):
    path = tmp_path / "file"
    half = len(CONTENT) // 2
    parts = {
        "plain": CONTENT,
        "gzip": gzip.compress(CONTENT),
        "gzip in parts": gzip.compress(CONTENT[:half]) + gzip.compress(CONTENT[half:]),
        "zlib": zlib.compress(CONTENT),
        "bzip2": bz2.compress(CONTENT),
        "bzip2 in parts": bz2.compress(CONTENT[:half]) + bz2.compress(CONTENT[half:]),
        "xz": lzma.compress(CONTENT),
        "xz in parts": lzma.compress(CONTENT[:half]) + bytes(8) + lzma.compress(CONTENT[half:]),
        "zstd": zstd.compress(CONTENT[:half]) + zstd.compress(CONTENT[half:]),
    }
    start = b"a header of its own"
    path.write_bytes(start + parts[request.param])
    known = {"zlib": "zlib"}.get(request.param)
    opened = open_bytes(path, known, len(start))
    yield opened
    opened.close()


@pytest.mark.parametrize("offsets", [(0, 10, 500_000), (999_000, 0, 999_000), (5, 5, 4)])
def test_any_order(file, offsets):
    for offset in offsets:
        target = bytearray(700)
        file.read_into(offset, memoryview(target))
        assert target == CONTENT[offset : offset + 700]
    file.finish()


def test_reading_past_the_end(file):
    assert file.read(999_990, 100) == CONTENT[-10:]
    with pytest.raises(CorruptError, match="ends 90 or more bytes before"):
        file.read_into(999_990, memoryview(bytearray(100)))
    with pytest.raises(CorruptError):
        file.read_into(2_000_000, memoryview(bytearray(1)))


PACKERS = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda content: zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: 1}),
}


@pytest.mark.parametrize("kind", PACKERS)
def test_damage(tmp_path, kind):
    packed = PACKERS[kind](CONTENT)
    path = tmp_path / "file"
    flipped = bytearray(packed)
    flipped[len(packed) // 2] ^= 4
    for content in (packed[: len(packed) // 2], bytes(flipped), packed[:3]):
        path.write_bytes(content)
        opened = PackedBytes(path, kind)
        with pytest.raises(CorruptError):
            opened.read_into(0, memoryview(bytearray(len(CONTENT))))
            opened.finish()
        opened.close()


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "zstd"])
def test_bytes_after_the_last_stream_are_ignored(tmp_path, kind):
    path = tmp_path / "file"
    path.write_bytes(PACKERS[kind](b"content") + b"padding of an archive or a file system")
    opened = open_bytes(path)
    assert opened.read(0, 7) == b"content"
    opened.finish()
    opened.close()


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "zstd"])
def test_the_limit_holds_what_zeros_pack_to(tmp_path, kind):
    """A file of zeros is what shrinks most: its limit must not refuse it."""
    path = tmp_path / "file"
    path.write_bytes(PACKERS[kind](bytes(64 << 20)))
    opened = PackedBytes(path, kind)
    assert opened.limit >= 64 << 20
    opened.close()


def test_xz_that_asks_for_much_memory_is_refused(tmp_path):
    path = tmp_path / "file"
    packer = lzma.LZMACompressor(lzma.FORMAT_XZ)
    content = bytearray(packer.compress(b"content") + packer.flush())
    # the property of the filter is the size of its dictionary (the .xz file format, 5.3.1): 40 is 4 GiB
    at = content.index(b"\x21\x01", 12) + 2
    content[at] = 40
    content[20:24] = zlib.crc32(content[12:20]).to_bytes(4, "little")
    path.write_bytes(content)
    opened = open_bytes(path)
    with pytest.raises(CorruptError, match=r"(?i)memory"):
        opened.read(0, 7)
    opened.close()


def test_a_bomb_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(bytes(200 << 20), 1))
    opened = open_bytes(path)
    opened.read(0, 10)
    with pytest.raises(CorruptError, match="far more data"):
        opened.finish()
    opened.close()


def test_joined(tmp_path):
    share = len(CONTENT) // 4
    files = []
    for number in range(4):
        path = tmp_path / f"part{number}"
        part = b"skip" + CONTENT[number * share : (number + 1) * share]
        path.write_bytes(gzip.compress(part) if number % 2 else part)
        files.append((path, "gzip" if number % 2 else "none", 0, 4))
    opened = JoinedBytes(files, share)
    for offset, count in ((0, len(CONTENT)), (share - 5, 10), (3, 3), (len(CONTENT) - 1, 1)):
        target = bytearray(count)
        opened.read_into(offset, memoryview(target))
        assert target == CONTENT[offset : offset + count]
    opened.close()
