"""How little is read of a level: what a window doesn't need is garbage here, and nobody notices."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from mlarray_core import Meta, MetaSpatial, MLArray
from mlarray_core.container.contents import Contents
from mlarray_core.container.storage import FrameStorage
from mlarray_core.errors import CorruptError
from mlarray_core.levels import store as levels

HEADER = 32  # of a Blosc2 chunk, before the places of its blocks
SIDE = 200


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    """Return the bytes of a slide with levels whose chunks hold many blocks each, and its sizes."""
    random = np.random.default_rng(2)
    voxels = random.integers(0, 3, (1100, 1500, 3)).astype(np.uint8)  # compresses, but not to nothing
    meta = Meta(is_seg=False, spatial=MetaSpatial(axis_labels=["spatial_y", "spatial_x", "components"]))
    path = tmp_path_factory.mktemp("slide") / "slide.mla"
    MLArray(voxels, meta=meta).save(path, levels="auto")
    return path.read_bytes()


def frames(data, verify):
    """Return where each frame begins, and the frame: that of the image and those of its levels."""
    contents = Contents(memoryview(data), None, verify)
    found = levels.find(contents)
    return [(0, contents), *((level.at, levels.open_level(contents, level)) for level in found)]


def blocks(contents, number):
    """Return where the blocks of a chunk lie in its frame, and how long each is."""
    at, size = contents.index.locate(number)
    chunk = contents.read(at, size)
    assert not chunk[2] & 2, "stored as it is, without places of blocks"
    grid = contents.grid
    count = int(np.prod(grid.extended)) // int(np.prod(grid.blocks))
    starts = struct.unpack_from(f"<{count}i", chunk, HEADER)
    ends = dict(zip(sorted(starts), [*sorted(starts)[1:], size], strict=True))
    return [(at + start, ends[start] - start) for start in starts]


def touched(grid, number, box):
    """Return the numbers of the blocks of a chunk that a box touches, by going through all of them."""
    _, inside = grid.overlap(number, box)
    counts = [size // step for size, step in zip(grid.extended, grid.blocks, strict=True)]
    return {
        n
        for n, place in enumerate(np.ndindex(*counts))
        if all(
            p * step < part.stop and (p + 1) * step > part.start
            for p, step, part in zip(place, grid.blocks, inside, strict=True)
        )
    }


def windows(shape):
    random = np.random.default_rng(3)
    for _ in range(3):
        sizes = [min(SIDE, size) for size in shape[:2]]
        starts = [int(random.integers(0, size - own + 1)) for size, own in zip(shape, sizes, strict=False)]
        yield (*(slice(start, start + own) for start, own in zip(starts, sizes, strict=True)), slice(0, 3))


def spoilt(data, at, contents, box, *, whole_chunks):
    """Return the file with garbage where the box needs nothing of a frame, and how many blocks it needs."""
    spoiled, needed, spared = bytearray(data), 0, 0
    grid = contents.grid
    near = set(grid.touched(box))
    for number in range(grid.nchunks):
        keep = touched(grid, number, box) if number in near else set()
        for block, (start, size) in enumerate(blocks(contents, number)):
            if block in keep or (whole_chunks and number in near):
                needed += 1
            else:
                spoiled[at + start : at + start + size] = b"\xff" * size
                spared += 1
    return bytes(spoiled), needed, spared


@pytest.mark.parametrize("verify", ["none", "touch"])
def test_a_window_needs_its_blocks_only(slide, verify):
    """Without checksums just its blocks; with them the chunks that these are in."""
    counts = []
    for number, (at, contents) in enumerate(frames(slide, "none")):
        voxels = FrameStorage(contents).read(tuple(slice(0, size) for size in contents.grid.shape))
        for box in windows(contents.grid.shape):
            spoiled, needed, spared = spoilt(slide, at, contents, box, whole_chunks=verify == "touch")
            _, again = frames(spoiled, verify)[number]
            np.testing.assert_array_equal(FrameStorage(again).read(box), voxels[box])
            counts.append((needed, spared))
    assert len(counts) == 3 * len(frames(slide, "none")) == 12
    assert sum(spared for _, spared in counts) > 2 * sum(needed for needed, _ in counts)


def test_a_window_needs_all_of_its_blocks(slide):
    """What the test above relies on: garbage in a block that is needed shows."""
    at, contents = frames(slide, "none")[1]
    box = next(windows(contents.grid.shape))
    number = contents.grid.touched(box)[0]
    start, size = blocks(contents, number)[min(touched(contents.grid, number, box))]
    spoiled = slide[: at + start] + b"\xff" * size + slide[at + start + size :]
    right = FrameStorage(contents).read(box)
    with pytest.raises(CorruptError):
        FrameStorage(frames(spoiled, "touch")[1][1]).read(box)
    try:
        wrong = FrameStorage(frames(spoiled, "none")[1][1]).read(box)
    except CorruptError:
        return
    assert (wrong != right).any()
