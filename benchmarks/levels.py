"""What levels cost: bytes, time and memory. How little is read of a large image is in `level_reads`.

Run as ``python benchmarks/levels.py``. Times are processor times of whole processes, with and without levels
in turn.
"""

from __future__ import annotations

import argparse
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
        "import sys, time; from mlarray_io.commands.main import main; main(sys.argv[1:]); "
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


if __name__ == "__main__":
    main()
