"""A large image is converted in little memory, compressed or not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

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
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".gipl", ".vtk"])
def test_peak_memory_of_a_400_mb_image(tmp_path, suffix, compressed):
    ramp = np.add.outer(np.arange(400), np.add.outer(np.arange(512), np.arange(1024))).astype("i2")
    name = f"a{suffix}.gz" if compressed and suffix == ".gipl" else f"a{suffix}"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(ramp), str(tmp_path / name), useCompression=compressed)
    del ramp
    paths = [str(tmp_path / name), str(tmp_path / "a.mla")]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *paths], capture_output=True, text=True, check=True, env=os.environ
    )
    peak = int(done.stdout) * 1024
    print(f"\n{name}, {Path(paths[0]).stat().st_size / 1e6:.0f} MB: {peak / 1e6:.0f} MB")
    assert peak < 300e6
