"""Threads and processes that share images: each box that they read is compared with what must be there.

``python -m tests.trust.concurrent`` takes the counts of docs/trust.md, some minutes;
``--quick`` takes seconds. Parts can be named. `--seed` chooses other boxes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.context import TimeoutError as Late
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlarray import MLArray

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE = (96, 80, 72)
LAYOUT = {"chunk_size": (32, 40, 36), "block_size": (8, 20, 18)}
WRITERS, READERS, IMAGES, WORKERS = 4, 16, 4, 4
HANG = 300
"""Seconds after which processes count as hanging."""


class Count(NamedTuple):
    """How much is tried."""

    boxes: int
    commits: int


FULL, QUICK = Count(10_000, 500), Count(400, 20)


def voxels_of(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 30_000, SHAPE).astype("i2")


def box_of(number: int) -> tuple[slice, ...]:
    """Return a box of any size, the same for the same number."""
    noise = np.random.default_rng(number)
    ends = [sorted(noise.integers(0, size + 1, 2)) for size in SHAPE]
    return tuple(slice(int(start), int(stop)) for start, stop in ends)


def wrong_boxes(image: MLArray, voxels: np.ndarray, numbers: range) -> int:
    """Return in how many boxes an image isn't what it must be."""
    return sum(not np.array_equal(image[box_of(number)], voxels[box_of(number)]) for number in numbers)


def _parts(boxes: int, count: int, seed: int) -> list[range]:
    """Return the numbers of boxes, shared out."""
    numbers = range(seed * boxes, (seed + 1) * boxes)
    return [numbers[at::count] for at in range(count)]


def writers(folder: Path, count: Count, seed: int) -> list[str]:
    """Let threads write interleaved planes of one image; read it while it is open, and from its file."""
    path, voxels = folder / "written.mla", voxels_of(seed)
    MLArray(np.zeros(SHAPE, "i2"), **LAYOUT).save(path)
    image = MLArray.open(path, mmap_mode="r+")

    def put(first: int) -> None:
        for z in range(first, SHAPE[0], WRITERS):
            image[z] = voxels[z]

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(put, range(WRITERS)))
        shares = _parts(count.boxes, WRITERS, seed)
        wrong = sum(pool.map(lambda numbers: wrong_boxes(image, voxels, numbers), shares))
    image.close()
    with MLArray.open(path, verify="full") as stored:
        lost = int(np.count_nonzero(stored[...] != voxels))
    said = f"{count.boxes} boxes, {wrong} wrong; {lost} of {voxels.size} voxels lost in the file"
    print(f"  {WRITERS} threads write interleaved planes of one image: {said}")
    return [f"writers: {said}"] if wrong or lost else []


def readers(folder: Path, count: Count, seed: int) -> list[str]:
    """Let threads read one image."""
    path, voxels = folder / "read.mla", voxels_of(seed)
    MLArray(voxels, **LAYOUT).save(path)
    with MLArray.open(path, dparams={"nthreads": 2}) as image, ThreadPoolExecutor(READERS) as pool:
        shares = _parts(count.boxes, READERS, seed)
        wrong = sum(pool.map(lambda numbers: wrong_boxes(image, voxels, numbers), shares))
    print(f"  {READERS} threads read one image: {count.boxes} boxes, {wrong} wrong")
    return [f"readers: {wrong} boxes wrong"] if wrong else []


_open: list[MLArray] = []
_expected: list[np.ndarray] = []


def _begin(images: list[MLArray], seed: int) -> None:
    _open[:] = images
    _expected[:] = [voxels_of(seed + number) for number in range(len(images))]


def _wrong_of_images(numbers: range) -> int:
    """Read boxes of all images in turn."""
    return sum(
        wrong_boxes(_open[number % IMAGES], _expected[number % IMAGES], range(number, number + 1))
        for number in numbers
    )


def workers(folder: Path, count: Count, seed: int) -> list[str]:
    """Let processes of each kind read images that their parent has open, and has read with threads."""
    images = []
    for number in range(IMAGES):
        path = folder / f"shared{number}.mla"
        MLArray(voxels_of(seed + number), **LAYOUT).save(path)
        images.append(MLArray.open(path, dparams={"nthreads": 4}))
        assert np.array_equal(images[-1][...], voxels_of(seed + number))
    failures = []
    shares = _parts(count.boxes, 8 * WORKERS, seed)
    for method in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(method).Pool(WORKERS, _begin, (images, seed)) as pool:
            try:
                wrong = sum(pool.map_async(_wrong_of_images, shares).get(HANG))
                said = f"{count.boxes} boxes, {wrong} wrong"
            except Late:
                wrong, said = 1, f"no answer in {HANG} s"
        print(f"  {WORKERS} processes ({method}) read {IMAGES} images: {said}")
        failures += [f"{method}: {said}"] if wrong else []
    return failures


def _version(number: int) -> np.ndarray:
    """Return the voxels after so many commits: all differ from those of every other version."""
    return voxels_of(0) // 2 + np.int16(number)


def _edit(path: Path, commits: int) -> None:
    with MLArray.open(path, mmap_mode="r+") as image:
        for number in range(1, commits + 1):
            image[...] = _version(number)
            image.meta.source["version"] = number
            image.flush()


def beside(folder: Path, count: Count, seed: int) -> list[str]:
    """Read while another process commits: each handle is one whole version, metadata included, for good."""
    path = folder / "edited.mla"
    MLArray(_version(0), meta={"version": 0}, **LAYOUT).save(path)
    editor = multiprocessing.get_context("spawn").Process(target=_edit, args=(path, count.commits))
    editor.start()
    base, wrong, opens, boxes, seen = voxels_of(0) // 2, 0, 0, 0, set()
    kept: tuple[MLArray, int] | None = None
    living = True
    while living:
        living = editor.is_alive()  # one more look at the last version
        image = MLArray.open(path)
        opens += 1
        number = image.meta.source["version"]
        seen.add(number)
        for one, version in ((image, number), kept or (image, number)):
            box = box_of(seed + boxes)
            wrong += not np.array_equal(one[box], base[box] + np.int16(version))
            boxes += 1
        if opens % 5 == 0 or kept is None:
            kept = image, number
    editor.join()
    said = f"{opens} opens, {boxes} boxes, {len(seen)} of {count.commits} versions seen, {wrong} torn"
    print(f"  a reader beside an editor of {count.commits} commits: {said}")
    if editor.exitcode or wrong or count.commits not in seen:
        return [f"beside: {said}, the editor ended with {editor.exitcode}"]
    return []


PARTS: dict[str, Callable[[Path, Count, int], list[str]]] = {
    "writers": writers,
    "readers": readers,
    "workers": workers,
    "beside": beside,
}


def main() -> int:
    """Run the parts that are asked for; 0 if all holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="some of the boxes and commits")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        for part in asked.parts or PARTS:
            started = time.perf_counter()
            failures += PARTS[part](Path(folder), QUICK if asked.quick else FULL, asked.seed)
            print(f"  [{part}: {time.perf_counter() - started:.0f} s]", flush=True)
    print("\n".join(["FAILED:", *failures]) if failures else "everything holds")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
