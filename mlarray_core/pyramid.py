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
    parts = _corners(voxels, step)
    if len(parts) == 1:
        return parts[0]
    if voxels.dtype.names is not None:
        return parts[0]
    if method == "mode" or voxels.dtype.kind not in "iufc":
        return _mode(parts)
    return _max(parts) if method == "max" else _mean(parts)


def _corners(voxels: Array, step: Sequence[int]) -> list[Array]:
    """Return one array for each place within a block."""
    short = [(0, size % width) for size, width in zip(voxels.shape, step, strict=True)]
    if any(after for _, after in short):
        voxels = np.pad(voxels, short, mode="edge")
    places = itertools.product(*(range(width) for width in step))
    return [
        voxels[tuple(slice(start, None, width) for start, width in zip(place, step, strict=True))]
        for place in places
    ]


def _mean(parts: list[Array]) -> Array:
    dtype = parts[0].dtype
    if dtype.kind in "iu" and dtype.itemsize < 8:
        total = sum((part.astype(np.int64) for part in parts[1:]), parts[0].astype(np.int64))
        rounded: Array = np.rint(total / len(parts)).astype(dtype)
        return rounded
    if dtype.kind in "iu":
        return _mean_of_long(parts)
    wide = np.result_type(dtype, np.float32)
    stack = np.stack(parts).astype(wide)
    missing = np.isnan(stack)
    if not missing.any():
        mean: Array = stack.mean(axis=0, dtype=np.result_type(wide, np.float64)).astype(dtype)
        return mean
    known = (~missing).sum(axis=0)
    total = np.where(missing, 0, stack).sum(axis=0, dtype=np.result_type(wide, np.float64))
    with np.errstate(invalid="ignore"):
        present: Array = (total / known).astype(dtype)
    return present


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
