"""Parallel planes of contours: which of them a position belongs to, or which two it lies between."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_dicom.contours.between import EDGE, MOST_CURVES, MOST_POINTS, Transition
from mlarray_dicom.contours.fill import enclosed

if TYPE_CHECKING:
    Numbers = np.ndarray[Any, np.dtype[np.float64]]
    Mask = np.ndarray[Any, np.dtype[np.bool_]]
    Planes = np.ndarray[Any, np.dtype[np.int64]]

_GAP = 1.5
"""Times the middle gap of planes: what is wider was left out."""
_ON = 0.01
"""How far, as a part of the gap between two planes, a voxel may lie from one that it counts as in."""


@dataclass
class Stack:
    """Parallel planes with the curves in them.

    Parameters
    ----------
    axes
        3 x 3: rows are two directions in the planes and their normal, in voxels of the grid or in mm.
    places
        Of the planes along the normal, ascending.
    curves
        Those in each plane, n x 2.
    half
        Of the slab that a plane stands for.
    reach
        How far apart planes may be between which shapes change, 0 where the nearest one counts.
    metric
        2 x 2: times coordinates in the planes, it gives mm.
    box
        First voxel of the grid, and the one after the last, that the slabs may hold.
    """

    axes: Numbers | None
    places: Numbers
    curves: list[list[Numbers]]
    half: float
    reach: float
    metric: Numbers = field(default_factory=lambda: np.eye(2))
    box: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    _transitions: dict[int, Transition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._many = np.array(
            [sum(map(len, curves)) > MOST_POINTS or len(curves) > MOST_CURVES for curves in self.curves]
        )

    @property
    def crowded(self) -> int:
        """How many planes have too many points or curves for shapes to change between them."""
        return int(self._many.sum()) if self.reach else 0

    def enclosed(self, points: Numbers, positions: Numbers) -> Mask:
        """Return which points (n x 2 in the planes, and their positions along the normal) are inside."""
        inside = np.zeros(len(points), np.bool_)
        below, parts = self.between(positions)
        planes = np.where(below < 0, self.plane_of(positions), -1)
        for plane in np.unique(planes[planes >= 0]):
            chosen = np.flatnonzero(planes == plane)
            inside[chosen] = enclosed(self.curves[plane], points[chosen])
        for plane in np.unique(below[below >= 0]):
            chosen = np.flatnonzero(below == plane)
            inside[chosen] = self._transition(int(plane)).enclosed(points[chosen], parts[chosen])
        return inside

    def _transition(self, plane: int) -> Transition:
        if plane not in self._transitions:
            self._transitions[plane] = Transition(self.curves[plane], self.curves[plane + 1], self.metric)
        return self._transitions[plane]

    def between(self, positions: Numbers) -> tuple[Planes, Numbers]:
        """Return the lower one of the planes that positions lie between, -1 for none, and how far from it.

        The distance is a part of that between the planes. What lies in a plane lies between none.
        """
        if len(self.places) < 2 or not self.reach:
            return np.full(len(positions), -1), np.zeros(len(positions))
        below = np.searchsorted(self.places, positions, side="right") - 1
        lower = np.clip(below, 0, len(self.places) - 2)
        gaps = np.diff(self.places)[lower]
        parts = (positions - self.places[lower]) / gaps
        few = ~(self._many[lower] | self._many[lower + 1])
        inside = (parts > _ON) & (parts < 1 - _ON) & (gaps <= self.reach) & few
        return np.where(inside, lower, -1), parts

    def plane_of(self, positions: Numbers) -> Planes:
        """Return the plane that positions along the normal belong to, -1 for none."""
        last = len(self.places) - 1
        above = np.clip(np.searchsorted(self.places, positions), 0, last)
        below = np.clip(above - 1, 0, last)
        nearer = self.places[above] - positions <= positions - self.places[below] + EDGE * self.half
        nearest = np.where(nearer, above, below)
        off = (positions - self.places[nearest]) / self.half + EDGE
        return np.where((off >= -1) & (off < 1), nearest, -1)


def stack_of(placed: list[Numbers], same: float, said: float | None, lone: float, *, shapes: bool) -> Stack:
    """Sort curves (place, then two coordinates) into planes.

    Parameters
    ----------
    placed
        Curves, n x 3.
    same
        How far apart two may be that lie in one plane.
    said
        Thickness of a slab, None where the structure says none.
    lone
        That of a lone plane.
    shapes
        Whether shapes change between planes.
    """
    placed = sorted(placed, key=lambda points: float(points[:, 0].mean()))
    places: list[list[float]] = []
    curves: list[list[Numbers]] = []
    for points in placed:
        place = float(points[:, 0].mean())
        if not places or place - places[-1][0] > same:
            places.append([])
            curves.append([])
        places[-1].append(place)
        if not any(np.array_equal(points[:, 1:], other) for other in curves[-1]):  # drawn twice is drawn once
            curves[-1].append(points[:, 1:])
    means = np.array([float(np.mean(group)) for group in places])
    gaps = np.sort(np.diff(means))
    usual = float(gaps[(len(gaps) - 1) // 2]) if len(gaps) else lone
    reach = _GAP * usual if said is None else (1 + EDGE) * said
    return Stack(None, means, curves, (said or usual) / 2, reach if shapes else 0.0)
