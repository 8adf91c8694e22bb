"""Boxes that respect both sides' chunks and a byte budget. Pure arithmetic on shapes."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

from mlarray_core.chunks.grid import cuts

if TYPE_CHECKING:
    from collections.abc import Iterator

BUDGET = 128 << 20
"""Bytes of voxels that one step of a copy may hold, unless one chunk alone is larger."""


def slabs(
    shape: tuple[int, ...],
    itemsize: int,
    source_chunks: tuple[int, ...] | None,
    target_chunks: tuple[int, ...] | None,
    budget: int = BUDGET,
) -> Iterator[tuple[slice, ...]]:
    """Yield boxes that tile an image exactly, in C order, each starting and ending on the target's chunks.

    See `slab_shape` for the arguments and the size of the boxes.

    Parameters
    ----------
    shape, itemsize, source_chunks, target_chunks, budget
        As for `slab_shape`.
    """
    return tiles(shape, slab_shape(shape, itemsize, source_chunks, target_chunks, budget))


def slab_shape(
    shape: tuple[int, ...],
    itemsize: int,
    source_chunks: tuple[int, ...] | None,
    target_chunks: tuple[int, ...] | None,
    budget: int = BUDGET,
) -> tuple[int, ...]:
    """Return the size of one box of a copy.

    It is a whole number of target chunks along each axis, so that no chunk is compressed twice. Within the
    budget it grows first to hold whole source chunks, so that few of those are read twice, then along the
    fastest axes, so that sources which only read forward (compressed streams) are read in order.

    Parameters
    ----------
    shape
        Size of each axis, slowest first.
    itemsize
        Bytes of one voxel.
    source_chunks, target_chunks
        The cheapest box of each side; None when any box costs the same.
    budget
        Most bytes of one box; exceeded only when one chunk (of the target, else of the source) is larger.
    """
    source = _clip(source_chunks, shape)
    unit = _clip(target_chunks, shape) if target_chunks is not None else source
    box = list(unit)
    for goal in (source, shape):
        for axis in reversed(range(len(shape))):
            others = itemsize * math.prod(box) // box[axis]
            box[axis] = _grown(box[axis], unit[axis], goal[axis], shape[axis], budget // others)
    return tuple(box)


def contiguous(
    shape: tuple[int, ...], itemsize: int, chunks: tuple[int, ...] | None = None, budget: int = BUDGET // 4
) -> Iterator[tuple[slice, ...]]:
    """Yield boxes that tile an image such that each is one run of bytes in C order, for writing forwards.

    Parameters
    ----------
    shape, itemsize
        Of the image.
    chunks
        The source's; a box holds whole ones along the axis that it cuts, if `budget` allows.
    budget
        Most bytes of one box; exceeded only when one row along the last axis is larger.
    """
    step = list(shape)
    for axis in range(len(shape)):
        row = itemsize * math.prod(shape[axis + 1 :])
        if axis == len(shape) - 1 or row <= budget:
            room = max(1, budget // max(row, 1))
            unit = 1 if chunks is None else max(1, chunks[axis])
            step[axis] = max(1, min(shape[axis], room // unit * unit or room))
            break
        step[axis] = 1
    return tiles(shape, tuple(max(1, size) for size in step))


def tiles(shape: tuple[int, ...], step: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Yield boxes of `step`, smaller at the far ends, that tile `shape` exactly, in C order."""
    return tiles_of(tuple(slice(0, size) for size in shape), step)


def tiles_of(box: tuple[slice, ...], step: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Yield boxes that tile a box exactly, in C order, cut where an image in chunks of `step` is.

    Parameters
    ----------
    box
        A part of the image: one slice for each axis, of integers within the image and of step 1.
    step
        Voxels from one cut to the next along each axis, counted from the image's first voxel.
    """
    axes = [cuts(part.start, part.stop, width) for part, width in zip(box, step, strict=True)]
    for parts in product(*axes):
        yield tuple(slice(start, stop) for start, stop in parts)


def boxes_along(shape: tuple[int, ...], step: int, axis: int = 0) -> Iterator[tuple[slice, ...]]:
    """Yield boxes that cover `shape` in steps of `step` along one axis.

    Parameters
    ----------
    shape
        Size of each axis.
    step
        Voxels of one box along `axis`.
    axis
        The axis that is cut.
    """
    for start in range(0, shape[axis], step):
        box = [slice(0, size) for size in shape]
        box[axis] = slice(start, min(start + step, shape[axis]))
        yield tuple(box)


def _clip(chunks: tuple[int, ...] | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return `chunks` no larger than the image and at least 1 along each axis."""
    if chunks is None:
        return (1,) * len(shape)
    return tuple(max(1, min(chunk, size)) for chunk, size in zip(chunks, shape, strict=True))


def _grown(size: int, unit: int, goal: int, whole: int, room: int) -> int:
    """Return a multiple of `unit`, or `whole`, that reaches `goal` or comes as near as `room` allows."""
    wanted = -(-goal // unit) * unit
    if wanted >= whole and room >= whole:
        return max(size, whole)
    return max(size, min(wanted, room // unit * unit))
