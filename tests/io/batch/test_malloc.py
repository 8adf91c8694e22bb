"""What a process gives back of its memory."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
from mlarray_io.batch.malloc import return_boxes
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
if sys.argv[1] == "ours":
    return_boxes()
bytearray(b"x") * (16 << 20)  # freed, from which glibc learns that such pieces are worth keeping
before = resident()
boxes = []
for _ in range(8):
    boxes.append((bytearray(b"x") * (8 << 20), bytearray(b"x") * (100 << 10)))
small = [small for _, small in boxes]
del boxes
print(resident() - before)
"""


def grown(way, **settings):
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", SCRIPT, way]
    return int(subprocess.run(command, env={**plain, **settings}, capture_output=True, check=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_boxes_that_are_freed_are_given_back():
    if grown("plain") < 32 << 20:
        pytest.skip("this malloc gives everything back by itself")
    assert grown("ours") < 8 << 20
    assert grown("ours", MALLOC_MMAP_THRESHOLD_=str(32 << 20)) > 32 << 20  # somebody has set it up
