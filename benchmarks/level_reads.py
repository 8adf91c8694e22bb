"""How little is read from the disk to look at a large image, counted by the system.

Run as ``python benchmarks/level_reads.py``; needs Linux, 4 GB of disk and a few minutes. Before each look,
the file is taken out of the system's cache; ``/proc/self/io`` then says what was fetched. The system is asked
not to read ahead: how far it does is a setting of the machine.
"""

from __future__ import annotations

import argparse
import gc
import math
import mmap
import os
import statistics
import struct
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import data
from mlarray import Meta, MLArray
from mlarray_core import MetaSpatial
from mlarray_core.container import contents as container

WINDOW = 1024
LOOKS = 12
HEADER = 32
"""Bytes of a chunk before the places of its blocks (c-blosc2, README_CHUNK_FORMAT.rst)."""


STORED = 2
"""Flag of a chunk that isn't compressed (the same, byte 2)."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the length of each side")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        coarsest(Path(folder), small=asked.quick)
        panning(Path(folder), small=asked.quick)


def coarsest(folder: Path, *, small: bool = False) -> None:
    """Print how much is read to open and read the coarsest level of a 10 GB image."""
    path, shape = folder / "large.mla", (125, 200, 200) if small else (1250, 2000, 2000)
    plane = np.random.default_rng(0).integers(0, 1000, (1, *shape[1:])).astype(np.int16)
    MLArray(np.broadcast_to(plane, shape), spacing=(1.0, 1.0, 1.0), profile="fast").save(path, levels="auto")

    def look() -> tuple[int, ...]:
        return MLArray.open(path).levels[-1].to_numpy().shape

    look()  # what is imported on first use isn't to be counted
    with no_reading_ahead():
        read = fetched(path, look)
    size, voxels = path.stat().st_size / 1e9, 2 * math.prod(shape) / 1e9
    print(
        f"coarsest level, {look()}, of {voxels:.1f} GB stored in {size:.1f} GB: "
        f"{read / 1e6:.2f} MB read (limit 5)"
    )
    path.unlink()


def panning(folder: Path, *, small: bool = False) -> None:
    """Print, for each level of a 30000 x 30000 slide, what a window needs and what is read for it."""
    path = folder / "slide.mla"
    write_slide(path, 3000 if small else 30000)
    print(f"a window of {WINDOW} x {WINDOW} voxels, the mean of {LOOKS} places; MB stored on disk")
    print("level                  blocks   in MB   read     chunks   in MB   read, with checksums")
    for number in range(1 + len(MLArray.open(path).levels)):
        shape = level_of(path, number).shape
        needs, reads = [], []
        for box in windows(shape):
            needs.append(needed(level_of(path, number), box))
            reads.append([window(path, number, box, verify) for verify in ("none", "touch")])
        blocks, stored, chunks, whole = map(statistics.mean, zip(*needs, strict=True))
        plain, checked = map(statistics.mean, zip(*reads, strict=True))
        name = " x ".join(map(str, shape))
        parts = f"{blocks:8.1f} {stored / 1e6:7.2f} {plain / 1e6:6.2f}"
        print(f"{name:20} {parts} {chunks:10.1f} {whole / 1e6:7.2f} {checked / 1e6:6.2f}")


def write_slide(path: Path, side: int) -> None:
    """Write a slide of `side` x `side` pixels, repeated from a real one, with levels, in bounded memory."""
    tile = data.load("rgb")[:3000]
    across = np.arange(side) % tile.shape[1]
    meta = Meta(spatial=MetaSpatial(axis_labels=["spatial_y", "spatial_x", "components"]))
    with MLArray.create(path, (side, side, 3), np.uint8, meta, profile="fast", levels="auto") as image:
        for row in range(0, side, 512):
            down = np.arange(row, min(row + 512, side)) % len(tile)
            image[row : row + len(down)] = tile[down][:, across]


def windows(shape: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """Return boxes anywhere in an image."""
    random = np.random.default_rng(1)
    sizes = [min(WINDOW, size) for size in shape[:2]]
    starts = [random.integers(0, size - wide + 1, LOOKS) for size, wide in zip(shape, sizes, strict=False)]
    return [
        (slice(int(y), int(y) + sizes[0]), slice(int(x), int(x) + sizes[1]), slice(0, shape[2]))
        for y, x in zip(*starts, strict=True)
    ]


def level_of(path: Path, number: int, verify: str = "none") -> MLArray:
    """Return an image, or one of its levels counted from 1."""
    image = MLArray.open(path, verify=verify)
    return image.levels[number - 1] if number else image


def window(path: Path, number: int, box: tuple[slice, ...], verify: str) -> int:
    """Return how many bytes are fetched to read a box of a level of an open file."""
    evict(path)
    with no_reading_ahead():
        level = level_of(path, number, verify)
        assert level._state.need().contents.index.offsets.size  # the index of chunks is no part of a window
        return counted(lambda: level[box])


def needed(level: MLArray, box: tuple[slice, ...]) -> tuple[int, int, int, int]:
    """Return how many blocks and bytes of them a box touches, and how many chunks and bytes of them."""
    contents = level._state.need().contents
    grid = contents.grid
    blocks = stored = whole = 0
    for number in grid.touched(box):
        chunk = contents.chunk(number) or b""
        _, inside = grid.overlap(number, box)
        touched = places(inside, grid.extended, grid.blocks)
        blocks, whole = blocks + len(touched), whole + len(chunk)
        stored += sum(
            block_sizes(chunk, math.prod(grid.extended) // math.prod(grid.blocks))[n] for n in touched
        )
    return blocks, stored, len(grid.touched(box)), whole


def places(inside: tuple[slice, ...], chunk: tuple[int, ...], block: tuple[int, ...]) -> list[int]:
    """Return the numbers of the blocks of a chunk that a box in it touches."""
    counts = [size // step for size, step in zip(chunk, block, strict=True)]
    near = [
        range(part.start // step, -(-part.stop // step)) for part, step in zip(inside, block, strict=True)
    ]
    return np.ravel_multi_index(np.meshgrid(*near, indexing="ij"), counts).ravel().tolist()


def block_sizes(chunk: bytes, count: int) -> list[int]:
    """Return how many bytes of an encoded chunk each of its blocks takes."""
    if len(chunk) <= HEADER + 4 * count or chunk[2] & STORED:
        return [len(chunk) // count] * count
    starts = struct.unpack_from(f"<{count}i", chunk, HEADER)
    ends = dict(zip(sorted(starts), [*sorted(starts)[1:], len(chunk)], strict=True))
    return [ends[start] - start for start in starts]


def fetched(path: Path, look) -> int:
    """Return how many bytes `look` has the system fetch from the disk for a file that isn't in its cache."""
    evict(path)
    return counted(look)


def counted(look) -> int:
    """Return how many bytes the system reads from the disk during a call of `look`."""
    before = _read_bytes()
    look()
    return _read_bytes() - before


def _read_bytes() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("read_bytes")).split()[1])


def evict(path: Path) -> None:
    """Take a file out of the system's cache."""
    gc.collect()
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@contextmanager
def no_reading_ahead():
    """Have files mapped for random access."""
    original = container.map_file

    def mapped(path: str):
        content, identity = original(path)
        if isinstance(content, mmap.mmap):
            content.madvise(mmap.MADV_RANDOM)
        return content, identity

    container.map_file = mapped
    try:
        yield
    finally:
        container.map_file = original


if __name__ == "__main__":
    main()
