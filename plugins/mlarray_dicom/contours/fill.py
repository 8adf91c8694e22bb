"""Which points of a plane closed curves enclose: even-odd, and half-open at the edges.

A point is inside when a line from it towards lower columns crosses the curves an odd number of times. So a
curve within another is a hole, and the channel of a keyhole, which runs forth and back along one line, is
nothing: both crossings are computed from the same ends, and cancel. A point on an edge belongs to the side of
higher rows and columns: areas that share an edge share no point, and leave none out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Numbers = np.ndarray[Any, np.dtype[np.float64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


_CROSSINGS = 1 << 22


class Patch(NamedTuple):
    """Pixels around what is enclosed."""

    row: int
    """Of its first pixel."""
    column: int
    mask: Mask


def fill(curves: Sequence[Numbers], shape: tuple[int, int]) -> Patch:
    """Return the pixels whose centres are enclosed.

    Parameters
    ----------
    curves
        Points of closed curves, n x 2: row and column, in pixels; 0 is the centre of the first one.
    shape
        Rows and columns of the plane.
    """
    low, high = bounds(curves, shape)
    size = (high[0] - low[0], high[1] - low[1])
    if min(size) <= 0:
        return Patch(0, 0, np.zeros((0, 0), np.bool_))
    lower, upper = _edges(curves)
    first = np.clip(np.ceil(lower[:, 0]) - low[0], 0, size[0]).astype(np.int64)
    last = np.clip(np.ceil(upper[:, 0]) - low[0], 0, size[0]).astype(np.int64)
    width = size[1] + 1
    crossed = np.zeros(size[0] * width, np.int64)
    for part in _batches(last - first):
        counts = (last - first)[part]
        edge = np.repeat(np.arange(part.start, part.start + len(counts)), counts)
        row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
        crossing = _crossings(lower[edge], upper[edge], row + low[0])
        column = np.clip(np.ceil(crossing) - low[1], 0, size[1]).astype(np.int64)
        crossed += np.bincount(row * width + column, minlength=len(crossed))
    mask = np.cumsum(crossed.reshape(size[0], width), axis=1)[:, :-1] % 2 == 1
    return Patch(low[0], low[1], mask)


def _batches(counts: np.ndarray[Any, np.dtype[np.int64]]) -> Iterator[slice]:
    """Yield edges that cross some 4 million rows in all, so that many long ones don't take all memory."""
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = int(ends[start - 1]) if start else 0
        stop = max(int(np.searchsorted(ends, before + _CROSSINGS, side="right")), start + 1)
        yield slice(start, stop)
        start = stop


def enclosed(curves: Sequence[Numbers], points: Numbers) -> Mask:
    """Return which points are enclosed.

    Parameters
    ----------
    curves
        Points of closed curves, n x 2.
    points
        Any points of the plane, m x 2.
    """
    order = np.argsort(points[:, 0], kind="stable")
    rows, columns = points[order, 0], points[order, 1]
    inside = np.zeros(len(points), np.bool_)
    lower, upper = _edges(curves)
    starts = np.searchsorted(rows, lower[:, 0], side="left")
    stops = np.searchsorted(rows, upper[:, 0], side="left")
    for low, high, start, stop in zip(lower, upper, starts, stops, strict=True):
        if stop > start:
            crossing = _crossings(low[None], high[None], rows[start:stop])
            inside[start:stop] ^= columns[start:stop] >= crossing
    found = np.empty_like(inside)
    found[order] = inside
    return found


def bounds(curves: Sequence[Numbers], shape: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the first pixel that curves may enclose and the one after the last, within a plane.

    Parameters
    ----------
    curves
        Points of closed curves, n x 2.
    shape
        Rows and columns of the plane.
    """
    points = np.concatenate([*curves, np.empty((0, 2))])
    if not len(points):
        return (0, 0), (0, 0)
    low = [int(np.clip(np.ceil(points[:, axis].min()), 0, shape[axis])) for axis in range(2)]
    high = [int(np.clip(np.floor(points[:, axis].max()) + 1, 0, shape[axis])) for axis in range(2)]
    return (low[0], low[1]), (high[0], high[1])


def _edges(curves: Sequence[Numbers]) -> tuple[Numbers, Numbers]:
    """Return the ends of all edges that aren't level, the one of the lower row first."""
    starts = np.concatenate([*curves, np.empty((0, 2))])
    ends = np.concatenate([*(np.roll(curve, -1, axis=0) for curve in curves), np.empty((0, 2))])
    upwards = (starts[:, 0] < ends[:, 0])[:, None]
    slanted = starts[:, 0] != ends[:, 0]
    return np.where(upwards, starts, ends)[slanted], np.where(upwards, ends, starts)[slanted]


def _crossings(lower: Numbers, upper: Numbers, rows: Numbers) -> Numbers:
    """Return the columns at which edges cross rows."""
    part = (rows - lower[:, 0]) / (upper[:, 0] - lower[:, 0])
    crossing: Numbers = lower[:, 1] + part * (upper[:, 1] - lower[:, 1])
    return crossing
