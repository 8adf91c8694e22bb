"""What checking costs: opening, a first patch and a full read, with and without checksums, in one run.

``python benchmarks/verify_cost.py [--small]``. Both ways take turns, so that the machine's moods hit both;
the figures are the smallest processor times, which other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from data import load

from mlarray import MLArray

if TYPE_CHECKING:
    from collections.abc import Callable

PATCH = 128


def opened(path: Path, verify: str) -> float:
    """Return how long opening takes; unchecked, metadata aren't decoded."""
    started = time.thread_time()
    image = MLArray.open(path, verify=verify)
    taken = time.thread_time() - started
    image.close()
    return taken


def first_patch(path: Path, verify: str) -> float:
    """Return how long the first patch of an open image takes."""
    with MLArray.open(path, verify=verify) as image:
        shape = image.shape or ()
        box = tuple(slice((size - PATCH) // 2, (size - PATCH) // 2 + PATCH) for size in shape)
        started = time.thread_time()
        image[box]
        return time.thread_time() - started


def full_read(path: Path, verify: str) -> float:
    """Return how long reading everything takes."""
    with MLArray.open(path, verify=verify) as image:
        out = np.empty(image.shape or (), image.dtype)
        out[...] = 0
        started = time.thread_time()
        image.read(..., out=out)
        return time.thread_time() - started


WORK: dict[str, tuple[Callable[[Path, str], float], int, str]] = {
    "open": (opened, 300, "<= 50 %"),
    "first patch of 128^3": (first_patch, 80, "<= 8 %"),
    "full read": (full_read, 40, "<= 5 %"),
}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--small", action="store_true")
    array = load("ct", small=parser.parse_args().small)
    print(", ".join(f"{name} {version(name)}" for name in ("mlarray", "blosc2", "numpy", "xxhash")))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ct.mla"
        MLArray(array).save(path)
        size = path.stat().st_size / 2**20
        print(f"ct {'x'.join(map(str, array.shape))} {array.dtype}, {size:.1f} MiB stored\n")
        print("| | unchecked | checked | more | promised |\n|---|---|---|---|---|")
        for name, (work, repeats, promised) in WORK.items():
            times: dict[str, list[float]] = {"none": [], "touch": []}
            for turn in range(repeats):
                for verify in sorted(times, reverse=bool(turn % 2)):
                    times[verify].append(work(path, verify))
            none, touch = (1000 * min(times[verify]) for verify in ("none", "touch"))
            print(
                f"| {name} | {none:.2f} ms | {touch:.2f} ms | {100 * (touch / none - 1):.1f} % | {promised} |"
            )


if __name__ == "__main__":
    main()
