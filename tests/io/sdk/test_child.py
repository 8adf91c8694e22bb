"""A library that crashes, hangs or wants too much takes another process down, not this one."""

from __future__ import annotations

import sys
import time

import pytest

from mlarray_core.errors import CorruptError, LimitError
from mlarray_io.sdk import call_child
from mlarray_io.sdk.files import child

NAME = "hostile_library_for_tests"
CODE = """
import ctypes, os, sys, time
def fine(path):
    print("noise"); os.write(1, b"noise")
    yield {"answer": path}
    yield b"voxels"
def crash(path):
    ctypes.string_at(0)
def hang(path):
    while True: pass
def eat(path):
    yield {"size": len(bytearray(40 << 30))}
def refuse(path):
    raise ValueError("not mine")
"""


@pytest.fixture(autouse=True)
def library(tmp_path, monkeypatch):
    for name in ("library", "data"):  # the folder of a file is never on the path of the process
        (tmp_path / name).mkdir()
    (tmp_path / "library" / f"{NAME}.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path / "library")
    return tmp_path / "data/file"


def test_answers(library):
    answer = call_child(f"{NAME}:fine", library, 6)
    assert answer.header == {"answer": str(library)}
    assert answer.read(0, 100) == b"voxels"
    answer.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no limits there")
@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("crash", CorruptError, "SIGSEGV"),
        ("eat", LimitError, "can't read it"),
        ("refuse", CorruptError, "not mine"),
    ],
)
def test_ends_in_an_error(library, name, error, text):
    with pytest.raises(error, match=text):
        call_child(f"{NAME}:{name}", library)


def test_hanging(library, monkeypatch):
    monkeypatch.setattr(child, "SECONDS", 2)
    started = time.perf_counter()
    with pytest.raises(CorruptError):
        call_child(f"{NAME}:hang", library)
    assert time.perf_counter() - started < 15
