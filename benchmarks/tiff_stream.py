"""A large tiled TIFF to .mla and back: time and peak memory, beside tifffile.imread + MLArray.save.

Run: python benchmarks/tiff_stream.py [--gigabytes 2] [--stack] [--folder /var/tmp]

Makes a tiled, deflated uint16 TIFF (one plane, or a stack), converts it with the `mlarray` command, converts
the `.mla` to OME-TIFF, and does both whole in memory with public calls in processes of their own. Files are
removed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TILE = 256
WHOLE_READ = "import sys, tifffile, mlarray; mlarray.MLArray(tifffile.imread(sys.argv[1])).save(sys.argv[2])"
WHOLE_WRITE = (
    "import sys, tifffile, mlarray; tifffile.imwrite(sys.argv[2], mlarray.MLArray(sys.argv[1]).to_numpy(), "
    "ome=True, bigtiff=True, tile=(512, 512), compression='zlib', predictor=2, photometric='minisblack', "
    "compressionargs={'level': 4})"
)
COMPARE = """
import sys, numpy as np, tifffile, zarr
a, b = (zarr.open(tifffile.imread(p, aszarr=True), mode='r') for p in sys.argv[1:])
assert a.shape == b.shape and a.dtype == b.dtype
step = max(1, (64 << 20) // (a.dtype.itemsize * int(np.prod(a.shape[1:]))))
assert all((a[i:i + step] == b[i:i + step]).all() for i in range(0, a.shape[0], step))
"""


def make(path, shape):
    """Write cells on an uneven background with noise, tile by tile."""
    import numpy as np
    import tifffile

    noise = np.random.default_rng(0)
    y, x = np.mgrid[:TILE, :TILE]
    texture = 400 * np.exp(-((y % 64 - 32) ** 2 + (x % 48 - 24) ** 2) / 200.0)
    planes = shape[0] if len(shape) == 3 else 1

    def tiles():
        for number in range(planes * (shape[-2] // TILE) * (shape[-1] // TILE)):
            base = 800 + 300 * np.sin(number / 50.0) + texture
            yield (base + noise.normal(0, 8, (TILE, TILE)).astype("f4")).astype("u2")

    tifffile.imwrite(
        path,
        tiles(),
        shape=shape,
        dtype="uint16",
        bigtiff=True,
        tile=(TILE, TILE),
        compression="zlib",
        compressionargs={"level": 1},
        photometric="minisblack",
        metadata={"axes": "ZYX"[-len(shape) :]},
    )


def measured(command):
    """Run a command; return its seconds and its peak memory in MB."""
    started = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"failed: {command}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def shape_of(gigabytes, stack):
    """Return the shape of an image of so many gigabytes: one plane, or a stack of planes."""
    voxels = int(gigabytes * 1e9) // 2
    planes = max(1, voxels // 4096**2) if stack else 1
    side = 4096 if stack else round((voxels**0.5) / TILE) * TILE
    return (planes, side, side) if stack else (side, side)


def main():
    """Measure all four ways, compare the results, and print them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--stack", action="store_true", help="a stack of 4096 x 4096 planes, not one plane")
    parser.add_argument("--folder", default=None)
    arguments = parser.parse_args()
    convert = [sys.executable, "-m", "mlarray", "convert", "--quiet"]
    shape = shape_of(arguments.gigabytes, arguments.stack)
    results = {"shape": shape, "cpus": len(os.sched_getaffinity(0))}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        source, ours, back, whole = (Path(folder) / n for n in ("a.tif", "a.mla", "b.ome.tif", "c.mla"))
        make(source, shape)
        results["source_mb"] = round(source.stat().st_size / 1e6)
        runs = {
            "tiff to mla": [*convert, source, ours],
            "imread + save": [sys.executable, "-c", WHOLE_READ, source, whole],
            "mla to ome-tiff": [*convert, ours, back],
            "load + imwrite": [sys.executable, "-c", WHOLE_WRITE, whole, Path(folder) / "d.ome.tif"],
        }
        for name, command in runs.items():
            seconds, peak = measured(command)
            results[name] = {"seconds": round(seconds, 1), "peak_mb": round(peak)}
        measured([sys.executable, "-c", COMPARE, source, back])
        results["equal"] = True
    results["read_speed_ratio"] = round(
        results["imread + save"]["seconds"] / results["tiff to mla"]["seconds"], 2
    )
    results["write_speed_ratio"] = round(
        results["load + imwrite"]["seconds"] / results["mla to ome-tiff"]["seconds"], 2
    )
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
