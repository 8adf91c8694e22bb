"""Windows slid over a large image, against the same filter of the whole of it, and how much memory that took.

`python -m benchmarks.train.sliding FOLDER [--gigabytes 10]` needs about half of that on the disk, and
prints JSON; it fails where a single voxel differs. An image that is there already is used.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Array = np.ndarray[Any, Any]
SLAB = 32
"""Planes that are made and compared at a time."""


def image_of(first: int, stop: int, size: int) -> Array:
    """Return planes of the image: whole numbers, so that sums of them are exact."""
    z, y, x = np.ogrid[first:stop, :size, :size]
    plane = (z * z % 61 * 3 + y * y % 53 * 2 + z * y % 7).astype(np.int16)
    return ((plane + (x * x % 47).astype(np.int16)) % 251).astype(np.float32)


def box_sum(image: Array) -> Array:
    """Return sums of 3 x 3 x 3 voxels, zeros outside: a local filter, as a network's layers are."""
    for axis in range(3):
        image = np.moveaxis(image, axis, 0)
        total = image.copy()
        total[1:] += image[:-1]
        total[:-1] += image[1:]
        image = np.moveaxis(total, 0, axis)
    return image


def make(path: Path, size: int) -> None:
    """Write a cube of so many voxels along each axis."""
    from mlarray import MLArray

    with MLArray.create(path, (size, size, size), np.float32) as image:
        for first in range(0, size, SLAB):
            stop = min(first + SLAB, size)
            image[first:stop] = image_of(first, stop, size)


def slide(source: Path, target: Path, patch: int, told: float = 60) -> dict[str, int]:
    """Filter each window, put what comes out together, and return what that took."""
    import torch

    from mlarray.torch import Aggregator, GridPatches

    torch.set_num_threads(1)
    before, began = most_memory(), time.process_time()
    grid = GridPatches(source, patch, 0.2)
    spoke = time.monotonic()
    with Aggregator(target, grid, weights="crop") as out:
        for index in range(len(grid)):
            item = grid[index]
            out.add(torch.from_numpy(box_sum(item["image"][0].numpy()))[None], item["start"])
            if time.monotonic() - spoke > told:
                spoke = time.monotonic()
                print(f"{index + 1} of {len(grid)} windows, {most_memory()} MB", file=sys.stderr, flush=True)
    return {
        "windows": len(grid), "processor seconds": round(time.process_time() - began),
        "MB before": before, "MB at most": most_memory(),
    }  # fmt: skip


def different(target: Path, size: int) -> int:
    """Return how many voxels of the result aren't those of the filter of the whole image."""
    from mlarray import MLArray

    found, wrong = MLArray.open(target), 0
    for first in range(0, size, SLAB):
        stop = min(first + SLAB, size)
        low, high = max(0, first - 1), min(size, stop + 1)
        whole = box_sum(image_of(low, high, size))[first - low : stop - low]
        wrong += int(np.count_nonzero(found[first:stop] != whole))
    return wrong


def most_memory() -> int:
    """Return the most memory that this process has had since it began, in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) >> 10


def alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function gives in a process of its own, whose memory nothing else has filled."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def main(arguments: list[str] | None = None) -> int:
    """Make the image, slide, compare, print; return 1 when a voxel differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train.sliding", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to put files; both are removed again")
    parser.add_argument("--gigabytes", type=float, default=10)
    parser.add_argument("--patch", type=int, default=160)
    asked = parser.parse_args(arguments)
    size = round((asked.gigabytes * 1e9 / 4) ** (1 / 3))
    source, target = asked.folder / f"large-{size}.mla", asked.folder / "filtered.mla"
    if not source.exists():
        alone(make, source, size)
    try:
        took = alone(slide, source, target, asked.patch)
        wrong = alone(different, target, size)
    finally:
        source.unlink()
        target.unlink(missing_ok=True)
    print(json.dumps({"bytes": 4 * size**3, **took, "voxels that differ": wrong}))
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
