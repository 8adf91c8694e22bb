"""What levels cost: bytes, time and memory; and how little is read to look at a large image.

Run as ``python benchmarks/levels.py``. Times are processor times of whole processes, with and without levels
in turn.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import data
from mlarray import Meta, MLArray

LIMITS = {"ct": 17, "mr": 17, "labels": 20, "rgb": 40}
LABELS = {"rgb": ["spatial_y", "spatial_x", "components"]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="an eighth of the voxels")
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in LIMITS:
            cost(name, Path(folder), asked)
        coarsest(Path(folder))
        panning(Path(folder))


def cost(name: str, folder: Path, asked: argparse.Namespace) -> None:
    """Print what the levels of one image add to its bytes, and to time and memory of converting it."""
    source = folder / f"{name}.npy"
    array = data.load(name, small=asked.quick)
    np.save(source, array)
    raw = folder / f"{name}-raw.mla"
    MLArray(array, axis_labels=LABELS.get(name), meta=Meta(is_seg=name == "labels"), profile="fast").save(raw)
    runs = [
        [converted(raw, folder / "out.mla", levels) for levels in ("none", "auto")] for _ in range(asked.runs)
    ]
    plain, levelled = zip(*runs, strict=True)
    size = 100 * (levelled[0][0] / plain[0][0] - 1)
    time = 100 * (statistics.median(b[1] / a[1] for a, b in runs) - 1)
    memory = max(b[2] - a[2] for a, b in runs) / 2**10
    verdict = "pass" if size <= LIMITS[name] and time <= 30 and memory <= 100 else "short"
    figures = f"+{size:.1f} % bytes (limit {LIMITS[name]}), +{time:.0f} % time (30), +{memory:.0f} MB (100)"
    print(f"{name}: {figures}: {verdict}")


def converted(source: Path, target: Path, levels: str) -> tuple[int, float, int]:
    """Return bytes written, processor seconds and peak memory (KiB) of one conversion."""
    code = (
        "import sys, time; from mlarray_io.cli import main; main(sys.argv[1:]); "
        "status = open('/proc/self/status').read(); "  # getrusage would count the parent's memory
        "print(time.process_time(), status.split('VmHWM:')[1].split()[0])"
    )
    command = [
        sys.executable,
        "-c",
        code,
        "convert",
        str(source),
        str(target),
        "-f",
        "-q",
        "--levels",
        levels,
    ]
    layout = ["-o", "profile=default"]
    out = subprocess.run([*command, *layout], capture_output=True, text=True, check=True).stdout.split()
    return target.stat().st_size, float(out[0]), int(out[1])


def coarsest(folder: Path) -> None:
    """Print how much memory is touched to open the coarsest level of a 10 GB image."""
    path = folder / "large.mla"
    plane = np.random.default_rng(0).integers(0, 1000, (1, 2000, 2000)).astype(np.int16)
    MLArray(np.broadcast_to(plane, (1250, 2000, 2000)), spacing=(1.0, 1.0, 1.0), profile="fast").save(
        path, levels="auto"
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    level = MLArray.open(path).levels[-1]
    level.to_numpy()
    touched = (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize() / 2**20
    print(f"coarsest level of a 10 GB image, {level.shape}: {touched:.1f} MB of pages touched (limit 5)")
    path.unlink()


def panning(folder: Path) -> None:
    """Print how many blocks a moving window reads, and how many it needs."""
    path = folder / "slide.mla"
    tile = data.load("rgb")[:3000, :3000]
    MLArray(np.tile(tile, (4, 4, 1)), axis_labels=LABELS["rgb"]).save(path, levels="auto")
    image = MLArray.open(path)
    for level in (image, *image.levels):
        block = level.meta.blosc2.block_size
        wanted = [min(1024, size) for size in level.shape[:2]]
        needed = np.prod([-(-size // step) + 1 for size, step in zip(wanted, block, strict=False)])
        started = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        for start in range(0, max(1, level.shape[1] - 1024), 2048):
            level[: wanted[0], start : start + wanted[1]]
        spent = resource.getrusage(resource.RUSAGE_SELF).ru_utime - started
        print(f"window of 1024 x 1024 over {level.shape}: at most {needed} blocks each, {spent:.2f} s in all")


if __name__ == "__main__":
    main()
