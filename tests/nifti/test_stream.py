"""Reading by offset, forwards and back, and in little memory."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlarray_core.errors import CorruptError
from mlarray_nifti.stream import open_bytes

CONTENT = np.random.default_rng(0).integers(0, 9, 1_000_000, "u1").tobytes()


@pytest.fixture(params=["plain", "gzip", "gzip in parts"])
def file(request, tmp_path):
    path = tmp_path / "file"
    half = len(CONTENT) // 2
    parts = {
        "plain": CONTENT,
        "gzip": gzip.compress(CONTENT),
        "gzip in parts": gzip.compress(CONTENT[:half]) + gzip.compress(CONTENT[half:]),
    }
    path.write_bytes(parts[request.param])
    opened = open_bytes(path)
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


PEAK = """
import sys
from pathlib import Path
import mlarray
mlarray.convert(sys.argv[1], sys.argv[2])
status = Path("/proc/self/status").read_text()
print(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("names", [("a.nii.gz", "a.mla"), ("a.nii.gz", "b.nii"), ("a.nii.gz", "b.nii.gz")])
def test_peak_memory_of_a_200_mb_scan(tmp_path, write, names):
    shape = (400, 512, 512)
    ramp = np.add.outer(np.arange(400), np.add.outer(np.arange(512), np.arange(512))).astype("i2")
    ramp += np.random.default_rng(0).integers(0, 50, shape, "i2")
    write(ramp, name=names[0], gzip_level=1)
    paths = [str(tmp_path / name) for name in names]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *paths], capture_output=True, text=True, check=True, env=os.environ
    )
    peak = int(done.stdout) * 1024
    print(f"\n{names[0]} -> {names[1]}: {peak / 1e6:.0f} MB")
    assert peak < 250e6
