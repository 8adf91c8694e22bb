"""A library that crashes, hangs or wants too much takes another process down, not this one."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from mlarray_core.errors import CorruptError, LimitError
from mlarray_io.sdk import ask_child, call_child
from mlarray_io.sdk.files import child_process, child_start

NAME = "hostile_library_for_tests"
CODE = """
import ctypes, os, sys, time
LOADED_BY = os.getpid()
def fine(path):
    print("noise"); os.write(1, b"noise")
    yield {"answer": path}
    yield b"voxels"
def crash(path):
    ctypes.string_at(0)
def hang(path):
    while True: pass
def sleep(path):
    time.sleep(100)
def who(path):
    yield {"process": os.getpid(), "parent": os.getppid(), "loaded": LOADED_BY != os.getpid()}
def flood(path):
    yield {}
    while True:
        yield bytes(1 << 24)
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
    monkeypatch.setattr(child_process, "SECONDS", 0)
    started = time.process_time()
    with pytest.raises(CorruptError, match="didn't end within 0 seconds"):
        call_child(f"{NAME}:hang", library)
    assert time.process_time() - started < 1


@pytest.mark.skipif(sys.platform == "win32", reason="no limits there")
def test_waiting_for_nothing(library, monkeypatch):
    """A process that sleeps takes no processor time: the clock ends it."""
    monkeypatch.setattr(child_process, "SECONDS", 0)
    monkeypatch.setattr(child_process, "WAITING", 1)
    with pytest.raises(CorruptError, match="didn't end"):
        call_child(f"{NAME}:sleep", library)


@pytest.mark.skipif(not child_start.FORKS, reason="each process is started anew")
def test_processes_are_forked_from_one_that_has_the_libraries(library):
    seen = [ask_child(f"{NAME}:who", library) for _ in range(2)]
    assert seen[0]["parent"] == seen[1]["parent"] != os.getpid()
    assert seen[0]["process"] != seen[1]["process"]
    assert seen[0]["loaded"]
    os.kill(seen[0]["parent"], signal.SIGKILL)
    assert ask_child(f"{NAME}:who", library)["parent"] != seen[0]["parent"]


@pytest.mark.skipif(not child_start.FORKS, reason="each process is started anew")
def test_a_fork_has_processes_of_its_own(library):
    parent = ask_child(f"{NAME}:who", library)["parent"]
    process = os.fork()
    if not process:
        other = ask_child(f"{NAME}:who", library)["parent"]
        os._exit(int(other == parent))
    assert os.waitpid(process, 0)[1] == 0
    assert ask_child(f"{NAME}:who", library)["parent"] == parent


def test_without_forks(library, monkeypatch):
    monkeypatch.setattr(child_start, "FORKS", False)
    test_answers(library)
    with pytest.raises(CorruptError, match="not mine"):
        call_child(f"{NAME}:refuse", library)
    if sys.platform != "win32":
        with pytest.raises(CorruptError, match="SIGSEGV"):
            call_child(f"{NAME}:crash", library)


def test_more_than_was_promised(library):
    with pytest.raises(LimitError, match="more voxels"):
        call_child(f"{NAME}:flood", library)
