"""Images in processes that were forked, after their parent has used Blosc2's threads."""

from __future__ import annotations

import copy
import os
import pickle
import signal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlarray import MLArray

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

VOXELS = np.random.default_rng(0).integers(0, 99, (64, 96, 96)).astype("i2")
THREADS = {"nthreads": 4}
HANG = 20
"""Seconds after which a child is killed."""


def status_of_child(work: Callable[[], object]) -> int:
    """Return 0 when the work was done and true, 1 when not, and minus the signal that ended a hang."""
    child = os.fork()
    if child == 0:
        signal.alarm(HANG)
        done = False
        try:
            done = bool(work())
        finally:
            os._exit(0 if done else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.mla"
    MLArray(VOXELS, chunk_size=(16, 32, 32), block_size=(8, 16, 16)).save(path)
    return path


@pytest.fixture
def opened(path: Path) -> MLArray:
    """Open an image, and use several of Blosc2's threads."""
    image = MLArray.open(path, dparams=THREADS)
    assert np.array_equal(image[...], VOXELS)
    return image


WORK = {
    "the parent's": lambda image, path: image,
    "a pickle": lambda image, path: pickle.loads(pickle.dumps(image)),
    "opened with threads": lambda image, path: MLArray.open(path, dparams=THREADS),
    "loaded with threads": lambda image, path: MLArray.load(path, dparams=THREADS),
    "a copy": lambda image, path: copy.deepcopy(image),
    "made with threads": lambda image, path: MLArray(VOXELS, dparams=THREADS, cparams=THREADS),
    "Blosc2's own array": lambda image, path: image.to_blosc2(),
}


@pytest.mark.parametrize("how", WORK)
def test_a_child_reads_right_and_never_hangs(opened: MLArray, path: Path, how: str) -> None:
    assert status_of_child(lambda: np.array_equal(WORK[how](opened, path)[...], VOXELS)) == 0
    assert np.array_equal(opened[...], VOXELS)


def test_a_child_doesnt_keep_its_parents_lock(path: Path) -> None:
    """The parent closes the image while the child lives on: others may write then."""
    reader, writer = os.pipe()
    image = MLArray.open(path, mmap_mode="r+")
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)  # until the parent closes its end
        os._exit(0)
    os.close(reader)
    try:
        image[0] = 7
        image.close()
        with MLArray.open(path, mmap_mode="r+") as again:
            again[1] = 8
    finally:
        os.close(writer)
        os.waitpid(child, 0)
    assert (MLArray.open(path)[0] == 7).all()


def test_a_child_reads_what_its_parent_edits(path: Path) -> None:
    """What is in memory still, or was committed before; and writes nothing."""
    with MLArray.open(path, mmap_mode="r+") as image:
        image[0] = 7
        assert status_of_child(lambda: (image[0] == 7).all() and np.array_equal(image[1:], VOXELS[1:])) == 0
        image[1] = 8
    with MLArray.open(path, verify="full") as stored:
        assert (stored[0] == 7).all()
        assert (stored[1] == 8).all()
