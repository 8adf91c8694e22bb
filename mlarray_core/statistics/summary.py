"""Statistics of an image's voxels, gathered box by box while it is converted.

Minimum, maximum, mean and standard deviation (of the population) are exact: sums and sums of squares of
pieces are added as fractions, which never round, so that their order, or on which machine they were, makes no
difference.
Percentiles come from a histogram. For integers of 8 and 16 bits it has a bin for each value, so that they are
exact, and equal NumPy's. For all others it has 2**20 bins, the first 20 bits of the voxel as float32, in
order: a percentile then errs by at most 0.05 % of itself. NaN and infinities are left out.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import UnsupportedError
from mlarray_core.meta import Meta

if TYPE_CHECKING:
    from mlarray_core.meta import MetaStatistics

    Array = np.ndarray[Any, Any]

LOW, HIGH = 0.005, 0.995
"""The percentiles that are noted: those between which nnU-Net clips CT."""
PIECE = 1 << 20
_BITS = 20
_TINY = 2.0**-64


class Statistics:
    """Gathers statistics of voxels that come in any order, each once.

    Parameters
    ----------
    dtype
        Of the voxels.
    above
        Count only voxels above this value: the foreground.

    Raises
    ------
    UnsupportedError
        The voxels are complex, and so have no order.
    """

    def __init__(self, dtype: np.dtype[Any], above: float | None = None) -> None:
        if dtype.kind not in "biuf":
            raise UnsupportedError(f"there are no statistics of {dtype} voxels", field="stats")
        self._above = above
        self._few = dtype.kind in "biu" and dtype.itemsize <= 2
        self._lowest = int(np.iinfo(dtype).min) if self._few and dtype.kind == "i" else 0
        bins = (1 << 8 * dtype.itemsize) if self._few else 1 << _BITS
        self._counts = np.zeros(bins, np.int64)
        self._n, self._sum, self._squares = 0, Fraction(), Fraction()
        self._overflown = False
        self._min, self._max = math.inf, -math.inf

    def add(self, voxels: Array) -> None:
        """Count the voxels of a box."""
        flat = voxels.reshape(-1)
        for start in range(0, flat.size, PIECE):
            piece = self._counted(flat[start : start + PIECE])
            if piece.size:
                self._count(piece)

    def merge(self, other: Statistics) -> None:
        """Count what `other` has, of the same type and above the same value; in any order."""
        self._n += other._n
        self._sum += other._sum
        self._squares += other._squares
        self._overflown |= other._overflown
        self._min, self._max = min(self._min, other._min), max(self._max, other._max)
        self._counts += other._counts

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the empty bins, which are most."""
        filled = np.flatnonzero(self._counts)
        return {**self.__dict__, "_counts": (len(self._counts), filled, self._counts[filled])}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Put the bins back."""
        bins, filled, counts = state.pop("_counts")
        self.__dict__.update(state)
        self._counts = np.zeros(bins, np.int64)
        self._counts[filled] = counts

    def meta(self) -> MetaStatistics:
        """Return what was gathered; nothing but None when no voxel was counted."""
        stats = Meta().stats
        if not self._n:
            return stats
        values, counts = self._histogram()
        stats.min, stats.max = self._min, self._max
        stats.mean, stats.std = self._moments()
        stats.median = self._quantile(values, counts, 0.5)
        stats.percentile_min_key, stats.percentile_max_key = LOW, HIGH
        stats.percentile_min = low = self._quantile(values, counts, LOW)
        stats.percentile_max = high = self._quantile(values, counts, HIGH)
        inside = (values >= low) & (values <= high)
        if inside.any():
            values, counts = values[inside], counts[inside]
            mean = float(np.average(values, weights=counts))
            stats.percentile_mean = mean
            stats.percentile_median = self._quantile(values, counts, 0.5)
            stats.percentile_std = math.sqrt(float(np.average((values - mean) ** 2, weights=counts)))
        return stats

    def _counted(self, piece: Array) -> Array:
        if self._above is not None:
            piece = piece[piece > self._above]
        if piece.dtype.kind == "f":
            finite = np.isfinite(piece)
            piece = piece if finite.all() else piece[finite]
        return piece

    def _count(self, piece: Array) -> None:
        self._min, self._max = min(self._min, float(piece.min())), max(self._max, float(piece.max()))
        with np.errstate(over="ignore"):  # squares of voxels near the largest float64 are infinite
            mean = _mean(piece)
            apart = float(np.square(piece.astype(np.float64) - float(mean)).sum())
        self._n += piece.size
        self._sum += mean * piece.size
        if math.isfinite(apart):
            self._squares += Fraction(apart) + mean * mean * piece.size
        else:
            self._overflown = True
        self._counts += np.bincount(self._bins(piece), minlength=len(self._counts))

    def _moments(self) -> tuple[float, float]:
        mean = self._sum / self._n
        if self._overflown:
            return float(mean), math.inf
        return float(mean), math.sqrt(self._squares / self._n - mean * mean)

    def _bins(self, piece: Array) -> Array:
        if self._few:
            return piece.astype(np.int32) - self._lowest
        largest = np.finfo(np.float32).max
        bits = np.clip(piece, -largest, largest).astype(np.float32).view(np.uint32)
        # the bits of floats are in order once those of negative ones are turned round
        ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
        return (ordered >> (32 - _BITS)).astype(np.int64)

    def _histogram(self) -> tuple[Array, Array]:
        """Return the value in the middle of each bin that holds something, and how much it holds."""
        filled = np.flatnonzero(self._counts)
        if self._few:
            return (filled + self._lowest).astype(np.float64), self._counts[filled]
        ordered = (filled.astype(np.uint32) << (32 - _BITS)) | np.uint32(1 << (31 - _BITS))
        bits = np.where(ordered >> 31, ordered & np.uint32(0x7FFFFFFF), ~ordered)
        values = bits.astype(np.uint32).view(np.float32).astype(np.float64)
        return np.clip(values, self._min, self._max), self._counts[filled]

    def _quantile(self, values: Array, counts: Array, share: float) -> float:
        """Return what lies at `share` of the sorted voxels, between two of them by their distance."""
        ends = np.cumsum(counts)
        place = share * (int(ends[-1]) - 1)
        low, high = (
            float(values[np.searchsorted(ends, rank, side="right")])
            for rank in (math.floor(place), math.ceil(place))
        )
        return low + (high - low) * (place - math.floor(place))


def _mean(piece: Array) -> Fraction:
    mean = float(piece.mean(dtype=np.float64))
    if math.isfinite(mean):
        return Fraction(mean)
    return Fraction(float((piece * _TINY).mean())) / Fraction(_TINY)  # the sum is beyond float64
