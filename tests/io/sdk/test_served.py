"""Readers whose boxes come from another process."""

from __future__ import annotations

import os
import sys
import threading

import numpy as np
import pytest

from mlarray_core.errors import CorruptError, LimitError, SelectionError
from mlarray_io import Context
from mlarray_io.sdk import served_images, served_reader
from mlarray_io.sdk.files import child_process, child_start

NAME = "served_library_for_tests"
VOXELS = np.arange(2 * 30 * 40, dtype="i2").reshape(2, 30, 40)
CODE = """
import numpy as np, os, signal
from mlarray_core import Meta
from mlarray_core.errors import OptionError, SelectionError
from mlarray_io import ImageRef, Reader
VOXELS = np.arange(2 * 30 * 40, dtype="i2").reshape(2, 30, 40)
def images(path, context):
    context.skip("b", "it is damaged", lost=True)
    return [ImageRef(key="a", facts={"shape": [2, 30, 40]}, aliases=("x",), payload=object())]
class Toy(Reader):
    chunks = (1, 8, 8)
    def __init__(self, voxels, how=""):
        self.shape, self.dtype, self.voxels, self.how = voxels.shape, voxels.dtype, voxels, how
        self.meta = Meta(source={"pid": os.getpid(), "nan": float("nan"), "big": 2**70})
        self.levels = [Toy(voxels[:, ::2, ::2], "level")] if not how else ()
    def __getitem__(self, box):
        if self.how == "crash" and box[0].start:
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.how == "short":
            return self.voxels[box][:1]
        if self.how == "hang":
            while True: pass
        if self.how == "eat":
            return np.ones(1 << 32, "u1")[box]
        return self.voxels[box]
def opened(path, context, key, how=""):
    if how == "refuse":
        raise SelectionError("no such image", path=path, field="key", hint="Choose another")
    if how == "absent":
        raise FileNotFoundError(2, "No such file", "other")
    if how == "nonsense":
        Toy.shape = property(lambda self: (-1,), lambda self, value: None)
    context.warn(f"{key} is odd")
    return Toy(VOXELS, how)
"""


@pytest.fixture(autouse=True)
def path(tmp_path, monkeypatch):
    for name in ("library", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "library" / f"{NAME}.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path / "library")
    (tmp_path / "data" / "file").write_bytes(b"x")
    return tmp_path / "data" / "file"


def opened(path, *how, context=None):
    return served_reader(f"{NAME}:opened", path, context or Context(), "a", *how)


def test_images_and_what_is_skipped(path):
    context = Context()
    (image,) = served_images(f"{NAME}:images", path, context)
    assert (image.key, image.facts, image.aliases, image.payload) == (
        "a",
        {"shape": [2, 30, 40]},
        ("x",),
        None,
    )
    assert [(one.what, one.lost) for one in context.report.skipped] == [("b", True)]


def test_boxes_levels_and_metadata(path):
    context = Context()
    with opened(path, context=context) as reader:
        assert (reader.shape, reader.dtype, reader.chunks) == ((2, 30, 40), np.dtype("i2"), (1, 8, 8))
        assert reader.meta.source["pid"] != os.getpid()
        assert np.isnan(reader.meta.source["nan"])
        assert reader.meta.source["big"] == 2**70
        assert context.report.warnings == ["a is odd"]
        box = (slice(1, 2), slice(3, 30), slice(0, 40))
        np.testing.assert_array_equal(reader[box], VOXELS[box])
        assert reader[slice(0, 0), slice(0, 30), slice(0, 40)].shape == (0, 30, 40)
        (level,) = reader.levels
        np.testing.assert_array_equal(level[slice(0, 2), slice(0, 15), slice(0, 20)], VOXELS[:, ::2, ::2])


def whole():
    return tuple(slice(0, size) for size in VOXELS.shape)


def test_threads_and_forks_read_one_reader(path):
    wrong = []

    def read():
        for _ in range(20):
            if not np.array_equal(reader[whole()], VOXELS):
                wrong.append(threading.get_ident())

    with opened(path) as reader:
        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        if child_start.FORKS:
            process = os.fork()
            if not process:
                read()
                os._exit(len(wrong))
            assert os.waitpid(process, 0)[1] == 0
        np.testing.assert_array_equal(reader[whole()], VOXELS)


def test_errors_come_over_as_they_were(path):
    with pytest.raises(SelectionError, match="no such image") as caught:
        opened(path, "refuse")
    assert (caught.value.path, caught.value.field, caught.value.hint) == (str(path), "key", "Choose another")
    with pytest.raises(FileNotFoundError) as missing:
        opened(path, "absent")
    assert missing.value.filename == "other"
    with pytest.raises(CorruptError, match="makes no sense"):
        opened(path, "nonsense")


@pytest.mark.skipif(sys.platform == "win32", reason="no limits there")
def test_a_crash_is_an_error_and_the_next_box_is_read(path):
    with opened(path, "crash") as reader:
        with pytest.raises(CorruptError, match="SIGSEGV"):
            reader[slice(1, 2), *whole()[1:]]
        np.testing.assert_array_equal(reader[slice(0, 1), *whole()[1:]], VOXELS[:1])


@pytest.mark.skipif(sys.platform == "win32", reason="no limits there")
def test_what_takes_too_long_or_too_much_ends(path, monkeypatch):
    with opened(path, "eat") as reader, pytest.raises(MemoryError):
        reader[whole()]
    with opened(path, "short") as reader, pytest.raises(CorruptError, match="too few voxels"):
        reader[whole()]
    monkeypatch.setattr(child_process, "SECONDS", 0)
    with opened(path, "hang") as reader, pytest.raises(CorruptError, match="didn't end"):
        reader[whole()]


def test_limits_are_those_of_the_image(path, monkeypatch):
    """A box of many chunks is given the time and memory that these explain."""
    asked = {}

    def ask(self, function, *arguments, nbytes=0, seconds=0, take=None):
        asked.update(nbytes=nbytes, seconds=seconds)
        raise LimitError("asked")

    with opened(path) as reader:
        monkeypatch.setattr(child_process.ChildProcess, "ask", ask)
        with pytest.raises(LimitError, match="asked"):
            reader[slice(0, 2), slice(7, 9), slice(0, 40)]
    assert asked == {"nbytes": 2 * 16 * 40 * 2, "seconds": 0}
