"""Writers to be killed: each writes one image over and over, beginning with the version that it is told.

``kill_worker.py HOW FOLDER`` reads a version per line, forks a writer, prints its process id and how long one
file takes, waits until it is dead and prints ``gone``: forking is much faster than starting Python anew.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlarray import MLArray, convert

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE = (96, 96, 96)


def voxels(version: int) -> np.ndarray:
    """Return what the image holds in a version: hard to compress, and telling."""
    noise = np.random.default_rng(0).integers(0, 4000, SHAPE).astype("i2")
    noise[:, :, 0] = version
    return noise + np.int16(version)


def image(version: int) -> MLArray:
    small = {"chunk_size": (32, 48, 48), "block_size": (16, 16, 16)}
    return MLArray(voxels(version), meta={"version": version}, **small)


def save(folder: Path) -> Callable[[int], None]:
    kept = [image(0), image(1)]
    return lambda version: kept[version % 2].save(folder / "a.mla")


def convert_(folder: Path) -> Callable[[int], None]:
    for version in (0, 1):
        image(version).save(folder / f"source{version}.mla")
    return lambda version: (
        convert(folder / f"source{version % 2}.mla", folder / "a.mla", overwrite=True) and None
    )


def create(folder: Path) -> Callable[[int], None]:
    def once(version: int) -> None:
        with MLArray.create(folder / "a.mla", SHAPE, "i2", meta={"version": version % 2}) as new:
            for z, plane in enumerate(voxels(version % 2)):
                new[z] = plane

    return once


def edit(folder: Path) -> Callable[[int], None]:
    def once(version: int) -> None:
        with MLArray.open(folder / "a.mla", mmap_mode="r+") as old:
            old[...] = voxels(version % 2)
            old.meta.source["version"] = version % 2

    return once


HOW = {"save": save, "convert": convert_, "create": create, "r+": edit}


def main() -> None:
    """Fork writers."""
    how, folder = sys.argv[1], Path(sys.argv[2])
    write = HOW[how](folder)
    write(0)  # imports what it needs
    started = time.perf_counter()
    write(0)
    seconds = time.perf_counter() - started
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            version = int(line)
            while True:
                write(version)
                version += 1
        print(pid, seconds, flush=True)
        os.waitpid(pid, 0)
        print("gone", flush=True)


if __name__ == "__main__":
    main()
