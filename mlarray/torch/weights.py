"""How much each voxel of a window counts where windows overlap, along one axis."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class AxisWeights:
    """The windows along one axis, and what their voxels count.

    Attributes
    ----------
    spans
        First and last voxel + 1 of the image that each window has a say in.
    weight
        Of the voxels of a window; None where all count the same.
    total
        For each voxel of the image, the sum of the weights of all windows.
    """

    spans: tuple[tuple[int, int], ...]
    weight: Array | None
    total: Array

    def windows_in(self, step: int) -> list[int]:
        """Return how many windows have a say in each part of the axis, `step` voxels long."""
        size = len(self.total)
        return [
            sum(start < first + step and first < stop for start, stop in self.spans)
            for first in range(0, size, step)
        ]


def axis_weights(name: str, starts: Sequence[int], length: int, size: int) -> AxisWeights:
    """Return what windows count along an axis.

    Parameters
    ----------
    name
        One of `WEIGHTS`.
    starts
        Of the windows.
    length
        Of each of them.
    size
        Of the image.
    """
    weight = WEIGHTS[name](length)
    spans = _halves(starts, length, size) if name == "crop" else _whole(starts, length, size)
    total = np.zeros(size)
    for start, (first, last) in zip(starts, spans, strict=True):
        total[first:last] += 1 if weight is None else weight[first - start : last - start]
    return AxisWeights(spans, weight, total.astype(np.float32))


def _whole(starts: Sequence[int], length: int, size: int) -> tuple[tuple[int, int], ...]:
    return tuple((max(0, start), min(size, start + length)) for start in starts)


def _halves(starts: Sequence[int], length: int, size: int) -> tuple[tuple[int, int], ...]:
    """Cut overlaps in the middle: each voxel is of one window."""
    cuts = [0, *((after + before + length) // 2 for before, after in pairwise(starts)), size]
    return tuple(pairwise(cuts))


def _gaussian(length: int) -> Array:
    """Return the weights of nnU-Net's windows: a normal curve whose deviation is an eighth of the window."""
    from_centre = np.arange(length) - (length - 1) / 2
    weight: Array = np.exp(-0.5 * np.square(from_centre / (length / 8))).astype(np.float32)
    return weight


def _none(length: int) -> None:
    return None


WEIGHTS: dict[str, Callable[[int], Array | None]] = {
    "gaussian": _gaussian, "constant": _none, "crop": _none,
}  # fmt: skip
