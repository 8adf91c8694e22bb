"""Files that are opened again: what was checked isn't checked again, unless somebody wrote to them."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from mlarray import MLArray
from mlarray_core.container import contents as contents_module
from mlarray_core.container import mapping, seal
from mlarray_core.container.seal import CheckedFiles
from mlarray_core.errors import CorruptError

BOX = np.s_[0:8, 0:12, 0:12]
VOXELS = np.random.default_rng(0).integers(0, 900, (16, 24, 24)).astype("i2")


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(mapping, "_SETTLED", 0)  # else it takes two seconds until files are remembered
    monkeypatch.setattr(contents_module, "_checked", CheckedFiles())
    path = tmp_path / "a.mla"
    MLArray(VOXELS, chunk_size=(8, 12, 12), block_size=(4, 6, 6), meta={"a": 1}).save(path)
    return path


@pytest.fixture
def sums(monkeypatch):
    """Count the checksums of chunks that are computed."""
    count = []
    original = seal.chunk_sum
    monkeypatch.setattr(seal, "chunk_sum", lambda chunk: count.append(1) or original(chunk))
    return count


def read(path, box=BOX, **options):
    with MLArray.open(path, **options) as image:
        assert (image[box] == VOXELS[box]).all()
        return image.meta.source["a"]


def chunk_at(path):
    with MLArray.open(path) as image:
        contents = image._state.storage.contents
        return contents.index.locate(0)


def test_a_chunk_is_checked_once(path, sums):
    assert read(path) == 1
    assert len(sums) == 1
    assert read(path) == 1
    assert len(sums) == 1
    read(path, np.s_[0:16, 0:12, 0:12])
    assert len(sums) == 2
    for _ in range(2):
        read(path, ...)
    assert len(sums) == 8
    read(path, verify="full")
    assert len(sums) >= 16


def damage(path, at, keep_time=False):
    time.sleep(0.03)  # the system's clock of files ticks every few milliseconds
    known = os.stat(path)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0xFF]))
    if keep_time:
        os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns))


@pytest.mark.parametrize("keep_time", [False, True])
def test_damage_of_a_chunk_that_was_checked_is_noticed(path, keep_time):
    read(path)
    start, size = chunk_at(path)
    damage(path, start + size - 3, keep_time)
    with pytest.raises(CorruptError, match="chunk 0"):
        read(path)


def test_damage_of_metadata_that_were_decoded_is_noticed_when_it_is_opened(path):
    read(path)
    with MLArray.open(path) as image:
        at = image._state.storage.contents.frame.vlmeta["mlarray"][0]
    damage(path, at + 60, keep_time=True)
    with pytest.raises(CorruptError):
        MLArray.open(path)


def test_another_file_at_the_same_path(path, sums):
    read(path)
    other = VOXELS[::-1].copy()
    MLArray(other, chunk_size=(8, 12, 12), block_size=(4, 6, 6)).save(path)
    before = len(sums)
    with MLArray.open(path) as image:
        assert (image[BOX] == other[BOX]).all()
    assert len(sums) == before + 1


def test_an_edit_in_place(path):
    read(path)
    with MLArray.open(path, mmap_mode="r+") as image:
        image[0, 0, 0] = 7
        image.meta.source["a"] = 2
    with MLArray.open(path) as image:
        assert image[0, 0, 0] == 7
        assert image.meta.source["a"] == 2


def test_what_was_written_just_now_is_always_checked(path, sums, monkeypatch):
    monkeypatch.setattr(mapping, "_SETTLED", 2_000_000_000)
    read(path)
    read(path)
    assert len(sums) == 2


def test_little_is_remembered(monkeypatch):
    monkeypatch.setattr(seal, "_MOST_REMEMBERED", 160)
    known = CheckedFiles()
    large = known.of("large", (11,))
    assert known.of("large", (11,)) is not large  # more than a sixteenth
    files = [known.of(number, (10,)) for number in range(16)]
    assert known.of(0, (10,)) is files[0]
    known.of("new", (10,))
    assert known.of(0, (10,)) is files[0]
    assert known.of(1, (10,)) is not files[1]
    assert known.of(None, (10,)) is not known.of(None, (10,))
