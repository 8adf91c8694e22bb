"""Several threads that read and write one image."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlarray import MLArray

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (48, 40, 40)
LAYOUT = {"chunk_size": (16, 20, 20), "block_size": (8, 10, 10)}
THREADS = 4


@pytest.fixture
def voxels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 30000, SHAPE).astype("i2")


@pytest.fixture(params=["r+", "c", "created", "memory"])
def image(request: pytest.FixtureRequest, tmp_path: Path) -> MLArray:
    """Each kind of image that may be written to."""
    path = tmp_path / "a.mla"
    if request.param == "created":
        return MLArray.create(path, SHAPE, "i2", **LAYOUT)
    empty = MLArray(np.zeros(SHAPE, "i2"), **LAYOUT)
    if request.param == "memory":
        return empty
    empty.save(path)
    return MLArray.open(path, mmap_mode=request.param)


def all_at_once(work: object, pieces: list) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, pieces))


@pytest.mark.parametrize("turn", range(3))
def test_planes_of_the_same_chunks_are_all_kept(image: MLArray, voxels: np.ndarray, turn: int) -> None:
    """Neighbouring planes, which lie in one chunk, go to different threads."""

    def put(z: int) -> None:
        image[z] = voxels[z]

    all_at_once(put, list(range(SHAPE[0])))
    assert np.array_equal(image[...], voxels)


def test_every_other_voxel_is_kept_too(image: MLArray, voxels: np.ndarray) -> None:
    """Keys that aren't boxes read before they write."""

    def put(key: tuple) -> None:
        image[key] = voxels[key]

    keys = [(slice(z, None, 2), slice(y, None, 3)) for z in range(2) for y in range(3)]
    all_at_once(put, keys)
    assert np.array_equal(image[...], voxels)


def test_flushing_while_others_write_loses_nothing(tmp_path: Path, voxels: np.ndarray) -> None:
    path = tmp_path / "a.mla"
    MLArray(np.zeros(SHAPE, "i2"), **LAYOUT).save(path)
    image = MLArray.open(path, mmap_mode="r+")

    def put(z: int) -> None:
        image[z] = voxels[z]
        if z % 6 == 0:
            image.flush()

    all_at_once(put, list(range(SHAPE[0])))
    image.close()
    with MLArray.open(path, verify="full") as stored:
        assert np.array_equal(stored[...], voxels)


def test_little_room_changes_nothing(
    tmp_path: Path, voxels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks are stored and forgotten while other threads use their neighbours."""
    monkeypatch.setattr("mlarray_core.container.edits.BUDGET", 20_000)
    image = MLArray.create(tmp_path / "a.mla", SHAPE, "i2", **LAYOUT)

    def put(y: int) -> None:
        image[:, y] = voxels[:, y]
        assert np.array_equal(image[:, y], voxels[:, y])

    all_at_once(put, list(range(SHAPE[1])))
    image.close()
    assert np.array_equal(MLArray.open(tmp_path / "a.mla", verify="full")[...], voxels)
