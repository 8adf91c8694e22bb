"""A large file goes to the disk while it is made, and a disk that fails is heard of."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys

import numpy as np
import pytest

from mlarray import MLArray
from mlarray_core import syncing
from mlarray_core.container.image_writer import ImageWriter, plan_image
from mlarray_core.meta import Meta
from mlarray_core.syncing import Syncing

HOW = "fdatasync" if hasattr(os, "fdatasync") else "fsync"


@pytest.fixture
def calls(monkeypatch):
    """Collect how long files are when they are synced."""
    sizes, real = [], getattr(os, HOW)

    def sync(handle):
        sizes.append(os.fstat(handle).st_size)
        real(handle)

    monkeypatch.setattr(os, HOW, sync)
    monkeypatch.setattr(syncing, "STEP", 1 << 18)
    return sizes


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 1 << 16, (40, 128, 128), "u2")


def write(path, array, threads):
    meta = Meta()
    with open(path, "w+b") as file:
        writer = ImageWriter(file, plan_image(meta, array.shape, array.dtype), meta)
        chunks = ((number, array[writer.grid.box(number)]) for number in range(writer.grid.nchunks))
        writer.put_all(chunks, threads)
        writer.finish()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_file_is_synced_while_it_is_written(tmp_path, calls, noise, threads):
    write(tmp_path / "a.mla", noise, threads)
    size = (tmp_path / "a.mla").stat().st_size
    assert calls
    assert all(syncing.STEP <= one < size for one in calls)
    assert np.array_equal(MLArray(tmp_path / "a.mla"), noise)


def test_a_copy_of_an_image_in_memory_is_synced_while_it_is_written(tmp_path, monkeypatch, calls, noise):
    monkeypatch.setattr("mlarray_core.container.frame_writer.STEP", syncing.STEP)
    MLArray(noise).save(tmp_path / "a.mla")
    assert min(calls) < (tmp_path / "a.mla").stat().st_size
    assert np.array_equal(MLArray(tmp_path / "a.mla"), noise)
    MLArray(tmp_path / "a.mla").save(tmp_path / "b.mla")
    assert (tmp_path / "b.mla").read_bytes() == (tmp_path / "a.mla").read_bytes()


def test_a_small_file_is_not(tmp_path, calls, noise):
    write(tmp_path / "a.mla", noise[:4], 2)
    assert calls == []


@pytest.mark.parametrize("threads", [1, 2])
def test_a_disk_that_fails_meanwhile_fails_the_file(tmp_path, monkeypatch, calls, noise, threads):
    def sync(handle):
        calls.append(handle)
        if len(calls) == 1:  # the system tells of an error once
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, HOW, sync)
    with pytest.raises(OSError, match="Input/output error") as caught:
        write(tmp_path / "a.mla", noise, threads)
    assert caught.value.filename == str(tmp_path / "a.mla")


def test_the_last_word_of_the_disk_is_waited_for(tmp_path, monkeypatch):
    def sync(handle):
        raise OSError(errno.EIO, "gone")

    monkeypatch.setattr(os, HOW, sync)
    with open(tmp_path / "a", "wb") as file:
        with pytest.raises(OSError, match="gone") as caught, Syncing(file, file.name, 0) as disk:
            disk.reached(syncing.STEP)
        assert caught.value.filename == file.name
        with pytest.raises(ValueError, match="other"), Syncing(file, file.name, 0) as disk:
            disk.reached(syncing.STEP)
            raise ValueError("other")


def test_a_file_system_that_cannot_sync_and_a_file_in_memory_are_left_alone(tmp_path, monkeypatch):
    def sync(handle):
        raise OSError(errno.EINVAL, "can't")

    monkeypatch.setattr(os, HOW, sync)
    with open(tmp_path / "a", "wb") as file, Syncing(file, file.name, 0) as disk:
        disk.reached(syncing.STEP)
    with Syncing(io.BytesIO(), None, 0) as disk:
        disk.reached(syncing.STEP)


AT_THE_END = """
import atexit, sys
import numpy as np
from mlarray import MLArray
from mlarray_core import syncing
syncing.STEP = 1 << 16
from mlarray_core import processors
processors.PARALLEL_BYTES = 1 << 16
array = np.random.default_rng(0).integers(0, 1 << 16, (8, 128, 128), "u2")
image = MLArray(array)
from mlarray_core.container import frame_writer
frame_writer.STEP = 1 << 16
atexit.register(lambda: (image.save(sys.argv[1]), MLArray(array).save(sys.argv[2]), print("saved")))
"""


def test_an_image_is_saved_when_the_interpreter_ends_and_begins_no_threads(tmp_path):
    command = [sys.executable, "-c", AT_THE_END, tmp_path / "a.mla", tmp_path / "b.mla"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (told.stdout, told.stderr) == ("saved\n", "")
    assert (tmp_path / "a.mla").read_bytes() == (tmp_path / "b.mla").read_bytes()
    assert MLArray(tmp_path / "a.mla").shape == (8, 128, 128)
