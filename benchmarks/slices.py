"""Filling a file slice by slice, compared with writing it at once: `python benchmarks/slices.py`."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from mlarray import MLArray

SHAPE = (64, 256, 256)
ROUNDS = 7


def measured(write) -> float:
    """Return the median of the seconds that a call takes."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        write()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    """Measure both ways and print the ratio."""
    voxels = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32).round(2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.mla"

        def at_once() -> None:
            with MLArray.create(path, SHAPE, voxels.dtype) as image:
                image[...] = voxels

        def by_slices() -> None:
            with MLArray.create(path, SHAPE, voxels.dtype) as image:
                for index, plane in enumerate(voxels):
                    image[index] = plane

        def saved() -> None:
            MLArray(voxels).save(path)

        whole, sliced, parallel = measured(at_once), measured(by_slices), measured(saved)
    print(f"{'x'.join(map(str, SHAPE))} float32, median of {ROUNDS}")
    print(f"at once        {whole * 1e3:7.1f} ms")
    print(f"slice by slice {sliced * 1e3:7.1f} ms, {sliced / whole:.2f} times")
    print(f"MLArray().save {parallel * 1e3:7.1f} ms (all cores), slices {sliced / parallel:.2f} times")


if __name__ == "__main__":
    main()
