"""Coarser versions of an image: which ones, their values and where they lie. Pure.

Each level halves some spatial axes of the one before it. A voxel of a level stands for the block of voxels
that it was made of and lies at the centre of that block, so that all levels overlay in the world; a block
that the image's end cuts short counts as if its last voxels were repeated.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = np.ndarray[Any, Any]
Matrix = np.ndarray[Any, np.dtype[np.float64]]
Method = Literal["mean", "mode", "max"]
METHODS: tuple[Method, ...] = ("mean", "mode", "max")

NEARLY_ISOTROPIC = math.sqrt(2)
FLAT_LIMIT, DEEP_LIMIT = 256, 64
"""The coarsest level is at most so many voxels along each spatial axis, for planes and for volumes."""


@dataclass(frozen=True)
class Level:
    """One level of a pyramid.

    Parameters
    ----------
    shape
        Size of each axis.
    factors
        Voxels of the full image along each axis that one voxel stands for.
    step
        The same, counted in voxels of the level before.
    """

    shape: tuple[int, ...]
    factors: tuple[int, ...]
    step: tuple[int, ...]


def plan(
    shape: Sequence[int], spatial: Sequence[int], spacing: Sequence[float] | None, count: int | None = None
) -> list[Level]:
    """Return the levels of an image, finest first, without the image itself.

    Parameters
    ----------
    shape
        Of the image.
    spatial
        Its spatial axes; only they shrink, those with the smallest voxels first.
    spacing
        Voxel sizes along them; None when unknown, which counts as equal.
    count
        How many levels; None for as many as it takes until the coarsest fits 256 x 256 or 64 x 64 x 64.
    """
    sizes = [float(size) for size in spacing] if spacing is not None else [1.0] * len(spatial)
    limit = DEEP_LIMIT if sum(shape[axis] > 1 for axis in spatial) > 2 else FLAT_LIMIT
    now, factors = list(shape), [1] * len(shape)
    levels: list[Level] = []
    while len(levels) < (32 if count is None else count):
        if count is None and all(now[axis] <= limit for axis in spatial):
            break
        halved = _finest(now, spatial, sizes)
        if not halved:
            break
        step = [1] * len(shape)
        for index, axis in enumerate(spatial):
            if axis in halved:
                step[axis], now[axis] = 2, -(-now[axis] // 2)
                factors[axis] *= 2
                sizes[index] *= 2
        levels.append(Level(tuple(now), tuple(factors), tuple(step)))
    return levels


def _finest(shape: Sequence[int], spatial: Sequence[int], sizes: Sequence[float]) -> set[int]:
    """Return the axes to halve: those that still can be, and whose voxels are about the smallest."""
    able = [(size, axis) for size, axis in zip(sizes, spatial, strict=True) if shape[axis] > 1]
    smallest = min((size for size, _ in able), default=0.0)
    return {axis for size, axis in able if size < NEARLY_ISOTROPIC * smallest}


def affine_at(affine: Matrix, factors: Sequence[int]) -> Matrix:
    """Return the affine of a level: steps `factors` times as long, the first voxel at its block's centre.

    Parameters
    ----------
    affine
        Of the full image.
    factors
        For each spatial axis.
    """
    level = np.array(affine, dtype=np.float64)
    shift = (np.asarray(factors, dtype=np.float64) - 1) / 2
    level[:-1, -1] += level[:-1, :-1] @ shift
    level[:-1, :-1] *= np.asarray(factors, dtype=np.float64)
    return level


def reduce(voxels: Array, step: Sequence[int], method: Method) -> Array:
    """Return a box of a level from the voxels that it is made of.

    Parameters
    ----------
    voxels
        A box of the level before, starting at a multiple of `step` along each axis.
    step
        1 or 2 for each axis.
    method
        ``"mean"``: of the block, rounded half to even for integers; NaN counts as missing, and a block of
        nothing else gives NaN. ``"mode"``: its most frequent value, the lowest of several, so that no value
        is invented. ``"max"``: its highest value, NaN counting as missing.

    Returns
    -------
    numpy.ndarray
        Of the same dtype. Structured voxels are taken from the first of each block.
    """
    if all(width == 1 for width in step):
        return voxels
    voxels = _padded(voxels, step)
    if voxels.dtype.names is not None:
        return voxels[tuple(slice(None, None, width) for width in step)]
    if method == "mode" or voxels.dtype.kind not in "iufc":
        return _mode(_corners(voxels, step))
    return _max(_corners(voxels, step)) if method == "max" else _mean(voxels, step)


def _padded(voxels: Array, step: Sequence[int]) -> Array:
    """Return whole blocks, the last voxels repeated where the image ends within one."""
    short = [(0, size % width) for size, width in zip(voxels.shape, step, strict=True)]
    return np.pad(voxels, short, mode="edge") if any(after for _, after in short) else voxels


def _corners(voxels: Array, step: Sequence[int]) -> list[Array]:
    """Return one array for each place within a block."""
    places = itertools.product(*(range(width) for width in step))
    return [
        voxels[tuple(slice(start, None, width) for start, width in zip(place, step, strict=True))]
        for place in places
    ]


def _sum(voxels: Array, step: Sequence[int], dtype: Any) -> Array:
    """Return the sum of each block, axis by axis, so that every voxel is looked at once."""
    total = voxels
    for axis, width in enumerate(step):
        if width == 2:
            ahead = (slice(None),) * axis
            total = np.add(
                total[(*ahead, slice(0, None, 2))], total[(*ahead, slice(1, None, 2))], dtype=dtype
            )
    return total


def _mean(voxels: Array, step: Sequence[int]) -> Array:
    dtype = voxels.dtype
    if dtype.kind in "iu" and dtype.itemsize == 8:
        return _mean_of_long(_corners(voxels, step))
    if dtype.kind in "iu":
        wide = np.int32 if dtype.itemsize <= 2 else np.int64
        return _halved(_sum(voxels, step, wide), math.prod(step)).astype(dtype)
    total = _sum(voxels, step, np.result_type(dtype, np.float64))
    if np.isnan(total).any():
        return _mean_of_known(_corners(voxels, step))
    mean: Array = (total / math.prod(step)).astype(dtype)
    return mean


def _halved(total: Array, count: int) -> Array:
    """Return integers divided by a power of two, rounded half to even."""
    whole, rest = total >> (count.bit_length() - 1), total & (count - 1)
    up = (2 * rest > count) | ((2 * rest == count) & (whole & 1 == 1))
    halved: Array = whole + up
    return halved


def _mean_of_known(parts: list[Array]) -> Array:
    """Return the mean of what isn't NaN."""
    stack = np.stack(parts).astype(np.result_type(parts[0].dtype, np.float64))
    missing = np.isnan(stack)
    total = np.where(missing, 0, stack).sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean: Array = (total / (~missing).sum(axis=0)).astype(parts[0].dtype)
    return mean


def _mean_of_long(parts: list[Array]) -> Array:
    """Return the mean of 64-bit integers without a detour over floats, which can't hold them."""
    count = len(parts)
    whole = sum((part // count for part in parts[1:]), parts[0] // count)
    rest = sum(((part % count).astype(np.int64) for part in parts[1:]), (parts[0] % count).astype(np.int64))
    mean = whole + (rest // count).astype(whole.dtype)
    left = 2 * (rest % count)
    up = (left > count) | ((left == count) & (mean % 2 != 0))
    rounded: Array = (mean + up.astype(whole.dtype)).astype(parts[0].dtype)
    return rounded


def _mode(parts: list[Array]) -> Array:
    """Return the most frequent value of each block; only blocks of several values are counted."""
    first = parts[0]
    mixed = parts[1] != first
    for part in parts[2:]:
        mixed |= part != first
    result = first.copy()
    if mixed.any():
        result[mixed] = _counted([part[mixed] for part in parts])
    return result


def _counted(parts: list[Array]) -> Array:
    ordered = np.sort(np.stack(parts), axis=0)
    runs = np.ones(ordered.shape, np.uint8)
    for place in range(1, len(parts)):
        same = ordered[place] == ordered[place - 1]
        runs[place] = np.where(same, runs[place - 1] + 1, 1)
    mode: Array = np.take_along_axis(ordered, runs.argmax(axis=0)[None], axis=0)[0]
    return mode


def _max(parts: list[Array]) -> Array:
    highest = parts[0]
    for part in parts[1:]:
        highest = np.fmax(highest, part)
    return highest
