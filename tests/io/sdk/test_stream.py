"""Reading by offset, forwards and back, and in little memory."""

from __future__ import annotations

import bz2
import gzip
import zlib

import numpy as np
import pytest

from mlarray_core.errors import CorruptError
from mlarray_io.sdk import JoinedBytes, PackedBytes, open_bytes

CONTENT = np.random.default_rng(0).integers(0, 9, 1_000_000, "u1").tobytes()


@pytest.fixture(params=["plain", "gzip", "gzip in parts", "zlib", "bzip2"])
def file(request, tmp_path):
    path = tmp_path / "file"
    half = len(CONTENT) // 2
    parts = {
        "plain": CONTENT,
        "gzip": gzip.compress(CONTENT),
        "gzip in parts": gzip.compress(CONTENT[:half]) + gzip.compress(CONTENT[half:]),
        "zlib": zlib.compress(CONTENT),
        "bzip2": bz2.compress(CONTENT),
    }
    start = b"a header of its own"
    path.write_bytes(start + parts[request.param])
    known = {"zlib": "zlib", "bzip2": "bzip2"}.get(request.param)
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


@pytest.mark.parametrize("kind", ["gzip", "zlib", "bzip2"])
def test_damage(tmp_path, kind):
    packed = {"gzip": gzip.compress, "zlib": zlib.compress, "bzip2": bz2.compress}[kind](CONTENT)
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


def test_bytes_after_gzip_are_ignored(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(b"content") + b"padding of an archive or a file system")
    opened = open_bytes(path)
    assert opened.read(0, 7) == b"content"
    opened.finish()
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
