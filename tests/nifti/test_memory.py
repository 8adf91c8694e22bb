"""A large scan is converted in little memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PEAK = """
import sys
from pathlib import Path
import mlarray
mlarray.convert(sys.argv[1], sys.argv[2])
status = Path("/proc/self/status").read_text(encoding="utf-8")
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
