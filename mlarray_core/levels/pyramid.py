"""Coarser versions of an image: which ones, and where they lie. Pure.

Each level halves some spatial axes of the one before it. A voxel of a level stands for the block of voxels
that it was made of and lies at the centre of that block, so that all levels overlay in the world; a block
that the image's end cuts short counts as if its last voxels were repeated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

Matrix = np.ndarray[Any, np.dtype[np.float64]]

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


def affine_at(affine: Matrix, factors: Sequence[int], shifts: Sequence[float] | None = None) -> Matrix:
    """Return the affine of a level: steps `factors` times as long, the first voxel at its block's centre.

    Parameters
    ----------
    affine
        Of the full image.
    factors
        For each spatial axis.
    shifts
        Where the first voxel is instead, in voxels of the full image.
    """
    level = np.array(affine, dtype=np.float64)
    steps = np.asarray(factors, dtype=np.float64)
    level[:-1, -1] += level[:-1, :-1] @ ((steps - 1) / 2 if shifts is None else np.asarray(shifts))
    level[:-1, :-1] *= steps
    return level
