"""Worker processes of every kind that read patches, as data loaders do, from a handle of their parent."""

from __future__ import annotations

import multiprocessing
import tempfile
from multiprocessing.context import TimeoutError as Late
from pathlib import Path

import numpy as np

from mlarray import MLArray

PATCH = 24
_handle: MLArray | None = None
_expected: np.ndarray | None = None


def run(reads: int, workers: int, seed: int, timeout: float = 120) -> list[str]:
    """Read `reads` patches by each kind of process; return what went wrong."""
    failures = []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.mla"
        voxels = np.random.default_rng(seed).integers(0, 4000, (64, 96, 96)).astype("i2")
        np.save(path.with_suffix(".npy"), voxels)
        MLArray(voxels, chunk_size=(32, 32, 32), block_size=(8, 16, 16)).save(path)
        for method in multiprocessing.get_all_start_methods():
            for threads in (1, 4):
                said = _loaded(method, threads, path, voxels, reads, workers, seed, timeout)
                print(f"  {method:11} {threads} threads in the parent: {said}")
                if said != f"{reads} reads right":
                    failures.append(f"loader {method}, {threads} threads: {said}")
    return failures


def _loaded(
    method: str,
    threads: int,
    path: Path,
    voxels: np.ndarray,
    reads: int,
    workers: int,
    seed: int,
    timeout: float,
) -> str:
    """Let the parent work with its threads, and then let workers read through its handle."""
    handle = MLArray.open(path, dparams={"nthreads": threads})
    if not np.array_equal(handle.to_numpy(), voxels):
        return "the parent read wrong"
    MLArray(voxels, cparams={"nthreads": threads}).save(path.with_name("other.mla"))
    batches = [[seed * reads + number for number in range(at, reads, 50)] for at in range(50)]
    context = multiprocessing.get_context(method)
    with context.Pool(workers, _begin, (handle, path.with_suffix(".npy"))) as pool:
        try:
            wrong = sum(pool.map_async(_read, batches).get(timeout))
        except Late:
            return "hang"
    return f"{reads} reads right" if wrong == 0 else f"{wrong} of {reads} wrong"


def _begin(handle: MLArray, path: Path) -> None:
    global _handle, _expected
    _handle, _expected = handle, np.load(path, mmap_mode="r")


def _read(batch: list[int]) -> int:
    """Return how many of the patches are wrong."""
    assert _handle is not None
    assert _expected is not None
    wrong = 0
    for number in batch:
        corner = np.random.default_rng(number).integers(0, np.array(_expected.shape) - PATCH + 1)
        box = tuple(slice(int(start), int(start) + PATCH) for start in corner)
        wrong += not np.array_equal(_handle[box], _expected[box])
    return wrong
