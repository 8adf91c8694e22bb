"""The shape between two planes of contours: it changes evenly from that of the one into that of the other.

Shape-based interpolation (Raya and Udupa 1990; Herman, Zheng and Bucholtz 1992), as planning systems have it:
each point has a distance to the border of the structure in both planes, positive inside, and is inside where
the mean of the two, weighted by how near the planes are, is positive. Points that both planes enclose, or
neither, need no distance.

Areas that overlap nothing in the other plane have no shape to change into: they reach halfway to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlarray_dicom.contours.fill import enclosed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Numbers = np.ndarray[Any, np.dtype[np.float64]]
    Mask = np.ndarray[Any, np.dtype[np.bool_]]
    Curves = list[Numbers]

MOST_POINTS, MOST_CURVES = 20_000, 500
"""Points and curves of a plane up to which shapes change evenly: distances and overlaps take time."""
EDGE = 1e-6
"""A part of a slab by which its ends are moved down, so that rounding decides nothing."""
_BESIDE = 1e-3
"""How far from an edge, in the unit of curves, the points lie that tell whether it is a border."""
_PAIRS = 1 << 20
"""Points times edges that are compared at once."""
_SAMPLES = 16
"""Points on each edge of a curve that are looked for in other curves."""


class _Part(NamedTuple):
    """Curves of two planes that overlap one another, with their borders in mm."""

    below: Curves
    above: Curves
    borders: tuple[Numbers, Numbers]


class Transition:
    """What lies between two neighbouring planes of a structure.

    Parameters
    ----------
    below, above
        Curves in them, n x 2 each, in one system of coordinates.
    metric
        2 x 2: times coordinates, it gives mm.
    """

    def __init__(self, below: Curves, above: Curves, metric: Numbers) -> None:
        self._metric = metric
        self._parts = [
            _Part(lower, upper, (_border(lower, metric), _border(upper, metric)))
            for lower, upper in _overlapping(below, above)
        ]

    def enclosed(self, points: Numbers, parts: Numbers) -> Mask:
        """Return which points are inside.

        Parameters
        ----------
        points
            n x 2, in the coordinates of the curves.
        parts
            Where each lies between the planes: 0 in the lower one, 1 in the upper one.
        """
        inside = np.zeros(len(points), np.bool_)
        for below, above, borders in self._parts:
            lower, upper = enclosed(below, points), enclosed(above, points)
            if not below or not above:
                nearer = parts >= 0.5 - EDGE if above else parts < 0.5 - EDGE
                inside |= (lower | upper) & nearer
                continue
            inside |= lower & upper
            open_ones = np.flatnonzero(lower != upper)
            place = points[open_ones] @ self._metric.T
            first, second = (_distance(border, place) for border in borders)
            part = parts[open_ones]
            towards = (1 - part) * np.where(lower[open_ones], first, -first)
            inside[open_ones] |= towards + part * np.where(upper[open_ones], second, -second) > 0
        return inside


def _overlapping(below: Curves, above: Curves) -> Iterator[tuple[Curves, Curves]]:
    """Yield the curves of two planes, parted so that areas of different parts don't overlap."""
    curves = [*below, *above]
    samples = [_samples(curve) for curve in curves]
    group = list(range(len(curves)))
    for first in range(len(curves)):
        for second in range(first):
            if group[first] != group[second] and _overlap(curves, samples, first, second):
                old, new = group[first], group[second]
                group = [new if one == old else one for one in group]
    for number in sorted(set(group)):
        own = [place for place, one in enumerate(group) if one == number]
        yield (
            [curves[place] for place in own if place < len(below)],
            [curves[place] for place in own if place >= len(below)],
        )


def _overlap(curves: Sequence[Numbers], samples: Sequence[Numbers], first: int, second: int) -> bool:
    """Say whether a point on one curve is enclosed by the other, or the other way around."""
    one, other = curves[first], curves[second]
    if (one.min(axis=0) > other.max(axis=0)).any() or (other.min(axis=0) > one.max(axis=0)).any():
        return False
    return bool(enclosed([one], samples[second]).any() or enclosed([other], samples[first]).any())


def _samples(curve: Numbers) -> Numbers:
    """Return points on the edges of a curve."""
    steps = np.linspace(0, 1, _SAMPLES, endpoint=False)[:, None, None]
    found: Numbers = (curve + steps * (np.roll(curve, -1, axis=0) - curve)).reshape(-1, 2)
    return found


def _border(curves: Curves, metric: Numbers) -> Numbers:
    """Return the edges between inside and outside, n x 2 ends x 2, in mm: the channels of keyholes aren't."""
    if not curves:
        return np.empty((0, 2, 2))
    edges = np.concatenate([np.stack([curve, np.roll(curve, -1, axis=0)], axis=1) for curve in curves])
    along = edges[:, 1] - edges[:, 0]
    length = np.hypot(*along.T)
    edges, along, length = edges[length > 0], along[length > 0], length[length > 0]
    aside = _BESIDE * along[:, ::-1] * (1, -1) / length[:, None]
    middle = edges.mean(axis=1)
    borders = enclosed(curves, middle + aside) != enclosed(curves, middle - aside)
    found: Numbers = edges[borders] @ metric.T
    return found


def _distance(border: Numbers, points: Numbers) -> Numbers:
    """Return the distance of each point to the nearest of some edges."""
    found = np.empty(len(points))
    start, along = border[:, 0], border[:, 1] - border[:, 0]
    square = np.square(along).sum(axis=1)
    step = max(_PAIRS // max(len(border), 1), 1)
    for first in range(0, len(points), step):
        off = points[first : first + step, None] - start
        part = np.clip((off * along).sum(axis=2) / square, 0, 1)
        off -= part[..., None] * along
        found[first : first + step] = np.sqrt(np.square(off).sum(axis=2).min(axis=1, initial=np.inf))
    return found
