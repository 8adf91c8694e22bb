"""The values of coarser versions of an image: blocks of voxels become one. Pure.

Images are taken in pieces that fit a core's cache, and neighbours are combined whole rows at a time.
"""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Array = np.ndarray[Any, Any]
Method = Literal["mean", "mode", "max"]
METHODS: tuple[Method, ...] = ("mean", "mode", "max")

PIECE = 1 << 18
"""Bytes of voxels that are reduced at a time."""
NARROW = 8
"""So few voxels side by side, such as the components of a colour, are combined one by one."""


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
    if voxels.dtype.names is not None:
        return voxels[tuple(slice(None, None, width) for width in step)]
    voxels = np.ascontiguousarray(_padded(voxels, step))
    rule = _rule(voxels.dtype, method)
    shape = [size // width for size, width in zip(voxels.shape, step, strict=True)]
    reduced = np.empty(shape, voxels.dtype)
    rows = max(1, PIECE * shape[0] // (voxels.nbytes or 1))
    for start in range(0, shape[0], rows):
        stop = min(start + rows, shape[0])
        reduced[start:stop] = rule(voxels[start * step[0] : stop * step[0]], step)
    return reduced


def _rule(dtype: np.dtype[Any], method: Method) -> Callable[[Array, Sequence[int]], Array]:
    if method == "mode" or dtype.kind not in "iufc":
        return _mode
    if method == "max":
        return _max
    if dtype.kind in "iu":
        return _mean_of_long if dtype.itemsize == 8 else _mean_of_integers
    return _mean


def _padded(voxels: Array, step: Sequence[int]) -> Array:
    """Return whole blocks, the last voxels repeated where the image ends within one."""
    short = [(0, size % width) for size, width in zip(voxels.shape, step, strict=True)]
    return np.pad(voxels, short, mode="edge") if any(after for _, after in short) else voxels


def _corners(voxels: Array, step: Sequence[int]) -> list[Array]:
    """Return one array for each place within a block."""
    return [
        voxels[tuple(slice(start, None, width) for start, width in zip(place, step, strict=True))]
        for place in _places(step)
    ]


def _places(step: Sequence[int]) -> list[tuple[int, ...]]:
    return list(itertools.product(*(range(width) for width in step)))


def _sum(voxels: Array, step: Sequence[int], dtype: Any) -> Array:
    """Return the sum of each block, axis by axis, so that every voxel is looked at once."""
    total = voxels
    for axis, width in enumerate(step):
        if width == 2:
            total = _sum_along(total, axis, dtype)
    return total


def _sum_along(voxels: Array, axis: int, dtype: Any) -> Array:
    """Return the sums of neighbours along an axis of even size."""
    before, after = math.prod(voxels.shape[:axis]), math.prod(voxels.shape[axis + 1 :])
    pairs = voxels.reshape(before, voxels.shape[axis] // 2, 2, after)
    total = np.empty((*pairs.shape[:2], after), dtype)
    for column in range(after) if after <= NARROW else [slice(None)]:
        first, second = pairs[:, :, 0, column], pairs[:, :, 1, column]
        np.add(first, second, out=total[:, :, column], dtype=dtype)
    return total.reshape(*voxels.shape[:axis], -1, *voxels.shape[axis + 1 :])


def _mean_of_integers(voxels: Array, step: Sequence[int]) -> Array:
    """Return the mean, rounded half to even, by whole numbers wide enough for the sum of a block."""
    count = math.prod(step)
    kind, width = voxels.dtype.kind, voxels.dtype.itemsize
    total = _sum(voxels, step, f"{kind}{width * 2 if count < 1 << 8 * width else 8}")
    shift = count.bit_length() - 1
    odd = total >> shift
    odd &= 1
    total += odd
    total += count // 2 - 1
    total >>= shift
    return total


def _mean(voxels: Array, step: Sequence[int]) -> Array:
    total = _sum(voxels, step, np.result_type(voxels.dtype, np.float64))
    if np.isnan(total).any():
        return _mean_of_known(_corners(voxels, step))
    total /= math.prod(step)
    return total.astype(voxels.dtype)


def _mean_of_known(parts: list[Array]) -> Array:
    """Return the mean of what isn't NaN."""
    stack = np.stack(parts).astype(np.result_type(parts[0].dtype, np.float64))
    missing = np.isnan(stack)
    total = np.where(missing, 0, stack).sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean: Array = (total / (~missing).sum(axis=0)).astype(parts[0].dtype)
    return mean


def _mean_of_long(voxels: Array, step: Sequence[int]) -> Array:
    """Return the mean of 64-bit integers without a detour over floats, which can't hold them."""
    parts = _corners(voxels, step)
    count = len(parts)
    whole = sum((part // count for part in parts[1:]), parts[0] // count)
    rest = sum(((part % count).astype(np.int64) for part in parts[1:]), (parts[0] % count).astype(np.int64))
    mean = whole + (rest // count).astype(whole.dtype)
    left = 2 * (rest % count)
    up = (left > count) | ((left == count) & (mean % 2 != 0))
    rounded: Array = (mean + up.astype(whole.dtype)).astype(voxels.dtype)
    return rounded


def _mode(voxels: Array, step: Sequence[int]) -> Array:
    """Return the most frequent value of each block; only blocks of several values are counted."""
    mode = voxels[tuple(slice(None, None, width) for width in step)].copy()
    mixed = np.flatnonzero(_mixed(voxels, step))
    if mixed.size:
        first, plain = _firsts(voxels.shape, step).take(mixed), voxels.reshape(-1)
        offsets = np.ravel_multi_index(np.transpose(_places(step)), voxels.shape)
        mode.reshape(-1)[mixed] = _counted([plain[offset:].take(first) for offset in offsets])
    return mode


def _firsts(shape: Sequence[int], step: Sequence[int]) -> Array:
    """Return where the first voxel of each block lies in memory, in items."""
    at = np.zeros((), np.int64)
    for axis, width in enumerate(step):
        stride = math.prod(shape[axis + 1 :])
        at = at[..., None] + np.arange(0, shape[axis] * stride, width * stride)
    return at


def _mixed(voxels: Array, step: Sequence[int]) -> Array:
    """Return for each block whether its values differ: whole rows are compared before neighbours in them."""
    if step[-1] == 2 and voxels.dtype.kind in "biu" and voxels.dtype.itemsize <= 4:
        return _mixed_pairs(voxels, step)
    first, *others = _corners(voxels, (*step[:-1], 1))
    mixed = np.zeros(first.shape, bool)
    for row in others:
        mixed |= row != first
    if step[-1] == 2:
        mixed = mixed[..., 0::2] | mixed[..., 1::2]
        mixed |= first[..., 0::2] != first[..., 1::2]
    return mixed


def _mixed_pairs(voxels: Array, step: Sequence[int]) -> Array:
    """Return the same, neighbours in a row taken as one number of twice the width."""
    bits = 8 * voxels.dtype.itemsize
    first, *others = _corners(voxels.view(f"u{bits // 4}"), (*step[:-1], 1))
    mixed: Array = first >> bits != first & ((1 << bits) - 1)
    for row in others:
        mixed |= row != first
    return mixed


def _counted(parts: list[Array]) -> Array:
    """Return the most frequent value at each place of some arrays, the lowest of several."""
    ordered = _sorted(parts) if parts[0].dtype.kind in "biu" else list(np.sort(np.stack(parts), axis=0))
    mode = ordered[0].copy()
    run, longest = np.ones(mode.shape, np.uint8), np.ones(mode.shape, np.uint8)
    for before, now in itertools.pairwise(ordered):
        run *= now == before
        run += 1
        mode = np.where(run > longest, now, mode)
        np.maximum(longest, run, out=longest)
    return mode


def _sorted(parts: list[Array]) -> list[Array]:
    """Return arrays with the values at each place in order, by a network that knows nothing of the values."""
    ordered = list(parts)
    for low, high in _network(len(parts)):
        ordered[low], ordered[high] = (
            np.minimum(ordered[low], ordered[high]),
            np.maximum(ordered[low], ordered[high]),
        )
    return ordered


@cache
def _network(count: int) -> list[tuple[int, int]]:
    """Return what to compare in turn to sort a power of two of values (Batcher's odd-even merge sort)."""
    pairs = []
    width = 1
    while width < count:
        apart = width
        while apart:
            for start in range(apart % width, count - apart, 2 * apart):
                for low in range(start, min(start + apart, count - apart)):
                    if low // (2 * width) == (low + apart) // (2 * width):
                        pairs.append((low, low + apart))
            apart //= 2
        width *= 2
    return pairs


def _max(voxels: Array, step: Sequence[int]) -> Array:
    highest, *others = _corners(voxels, step)
    for part in others:
        highest = np.fmax(highest, part)
    return highest
