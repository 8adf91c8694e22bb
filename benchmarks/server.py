"""One library in a process of its own: reads requests from stdin, measures, answers on stdout.

Times are of the processor, not of the clock, because a machine is seldom left alone.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

for variable in ("BLOSC_NTHREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
import peers  # noqa: E402


class Server:
    """Does what it is asked with one library, and measures it."""

    def __init__(self, name: str, folder: str) -> None:
        self.peer, self.name, self.folder = peers.PEERS[name], name, Path(folder)
        self.open_images: dict[tuple[str, str], object] = {}
        self.array, self.loaded = None, ""

    def path(self, image: str, profile: str) -> Path:
        """Return the file of an image in a profile."""
        mark = f"{self.name}-{profile}".replace(" ", "").replace(":", "").replace("+", "")
        return self.folder / f"{image}.{mark}{self.peer.suffix}"

    def write(self, image: str, profile: str, cores: list | None = None) -> dict:
        """Write an image, on the cores of these numbers if any are given; return seconds and bytes."""
        if self.loaded != image:
            self.array, self.loaded = np.load(self.folder / f"{image}.npy"), image
        path = self.path(image, profile)
        self.open_images.pop((image, profile), None)
        peers.remove(path)
        with _only(cores):
            wall, cpu = time.perf_counter(), time.process_time()
            self.peer.write(self.array, path, image, profile)
            took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        return {**took, "size": peers.size(path)}

    def forget(self) -> dict:
        """Close all images and drop the array."""
        self.array, self.loaded = None, ""
        self.open_images.clear()
        return {}

    def read(self, image: str, profile: str, starts: list, shape: list) -> dict:
        """Read boxes of one shape; return seconds."""
        opened = self._opened(image, profile)
        boxes = [tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True)) for start in starts]
        wall, cpu = time.perf_counter(), time.process_time()
        for box in boxes:
            opened[box]
        return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}

    def check(self, image: str, profile: str, start: list, shape: list) -> dict:
        """Say whether a box holds the voxels that went in."""
        box = tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))
        got = np.asarray(self._opened(image, profile)[box])
        return {"equal": bool(np.array_equal(got, np.load(self.folder / f"{image}.npy", mmap_mode="r")[box]))}

    def first(self, image: str, profile: str, count: int, **options: str) -> dict:
        """Open an image and read one voxel, `count` times; return processor seconds for each."""
        path = self.path(image, profile)
        box = None
        cpu = time.process_time()
        for _ in range(count):
            opened = self.peer.open(path, **options)
            box = box or tuple(slice(n // 2, n // 2 + 1) for n in opened.shape)
            opened[box]
            getattr(opened, "close", lambda: None)()
        return {"cpu": (time.process_time() - cpu) / count}

    def versions(self, names: list) -> dict:
        """Return the versions of packages that are installed here."""
        found = {}
        for name in names:
            try:
                found[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
        return {**found, "Python": sys.version.split()[0]}

    def _opened(self, image: str, profile: str):
        if (image, profile) not in self.open_images:
            self.open_images[image, profile] = self.peer.open(self.path(image, profile))
        return self.open_images[image, profile]


@contextmanager
def _only(cores: list | None) -> Iterator[None]:
    """Run on some of the cores; threads that are started meanwhile do so too."""
    allowed = os.sched_getaffinity(0) if cores else set()
    if cores:
        os.sched_setaffinity(0, {sorted(allowed)[core] for core in cores})
    try:
        yield
    finally:
        if cores:
            os.sched_setaffinity(0, allowed)


def main() -> None:
    """Answer requests, one a line, until there are no more."""
    server = Server(*sys.argv[1:3])
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(server, request.pop("do"))(**request)
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
