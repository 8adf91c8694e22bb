"""A Zarr of 5 GB to .mla and to OME-Zarr: time and peak memory of the process that converts.

Run: python benchmarks/zarr_stream.py [--gigabytes 5] [--folder /tmp]

The source is written by Zarr's own library in chunks of 64 x 256 x 256, a noisy gradient. Files are removed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import zarr

LIMIT = 400
"""Megabytes of memory that a conversion may need."""

CONVERT = """
import json, sys, time
import mlarray
begin = time.perf_counter()
mlarray.convert(sys.argv[1], sys.argv[2])
seconds = time.perf_counter() - begin
status = open("/proc/self/status").read()  # getrusage would count the parent's memory before exec
peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps({"seconds": seconds, "megabytes": peak}))
"""


def write_source(path: Path, gigabytes: float) -> int:
    """Write the Zarr, chunk by chunk, and return the bytes of its voxels."""
    depth = max(64, int(gigabytes * 1e9 / (1536 * 1536 * 2)) // 64 * 64)
    array = zarr.create_array(str(path), shape=(depth, 1536, 1536), chunks=(64, 256, 256), dtype="int16")
    noise = np.random.default_rng(1)
    ramp = np.add.outer(np.arange(1536), np.arange(1536)) // 4
    for start in range(0, depth, 64):
        slab = noise.integers(-20, 20, (64, 1536, 1536), dtype=np.int16)
        slab += ramp.astype(np.int16)
        array[start : start + 64] = slab
    return array.nbytes


def main() -> int:
    """Convert to both formats; 1 if one took more memory than allowed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=5)
    parser.add_argument("--folder", default=None)
    given = parser.parse_args()
    worst = 0.0
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        source = Path(folder) / "source.zarr"
        nbytes = write_source(source, given.gigabytes)
        for name in ("target.mla", "target.ome.zarr"):
            command = [sys.executable, "-c", CONVERT, str(source), str(Path(folder) / name)]
            done = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            speed = nbytes / 1e6 / done["seconds"]
            print(f"{name:16} {nbytes / 1e9:.2f} GB {done['seconds']:7.1f} s {speed:6.0f} MB/s", end=" ")
            print(f"{done['megabytes']:6.0f} MB")
            worst = max(worst, done["megabytes"])
    print(f"most memory {worst:.0f} MB, allowed {LIMIT} MB")
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
