"""What a process keeps of its memory."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, os, sys, threading
from mlarray_io.batch.malloc import few_arenas
if sys.argv[1] == "ours":
    few_arenas()
system, count = ctypes.CDLL(None), (os.cpu_count() or 2) + 4
system.fopen.restype = ctypes.c_void_p
together = threading.Barrier(count)
def work():
    together.wait()
    system.malloc(1000)
    together.wait()
threads = [threading.Thread(target=work) for _ in range(count)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
file = ctypes.c_void_p(system.fopen(b"/dev/stdout", b"w"))
system.malloc_info(0, file)
system.fclose(file)
"""


def arenas(way, **settings):
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", SCRIPT, way]
    told = subprocess.run(command, env={**plain, **settings}, capture_output=True, check=True).stdout
    return told.count(b"<heap nr=")


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_threads_share_arenas():
    most = max(2, os.cpu_count() or 2)
    assert arenas("plain") > most
    assert arenas("ours") <= most
    assert arenas("ours", MALLOC_ARENA_MAX=str(most + 3)) > most  # somebody has set it up
