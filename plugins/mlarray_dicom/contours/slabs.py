"""The voxels of a structure: each of its planes stands for a slab, halfway to the planes beside it.

A voxel belongs to the plane nearest to its centre, if that is within half the distance of the structure's
planes (Contour Slab Thickness, else the middle one of all gaps), the end at higher positions excluded. It
is inside when its centre, moved along the normal into the plane, is enclosed by the curves there. So contours
on every other slice fill those between, and slices that were left out of a dense stack stay empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_dicom.contours.fill import Patch, enclosed, fill

if TYPE_CHECKING:
    from mlarray_dicom.contours.grid import Grid
    from mlarray_dicom.contours.structures import Structure

    Numbers = np.ndarray[Any, np.dtype[np.float64]]
    Mask = np.ndarray[Any, np.dtype[np.bool_]]

_PARALLEL = 1e-3
"""How far, in slices, the points of a contour may lie apart that runs along a slice of the grid."""
_SAME = 0.1
"""How far apart, as a part of a slice, two contours may be that lie in one plane."""
_EDGE = 1e-6
"""A part of a slab by which its ends are moved down, so that rounding decides nothing."""


@dataclass
class _Stack:
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
    box
        First voxel of the grid, and the one after the last, that the slabs may hold.
    """

    axes: Numbers | None
    places: Numbers
    curves: list[list[Numbers]]
    half: float
    box: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())

    def plane_of(self, positions: Numbers) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the plane that positions along the normal belong to, -1 for none."""
        last = len(self.places) - 1
        above = np.clip(np.searchsorted(self.places, positions), 0, last)
        below = np.clip(above - 1, 0, last)
        nearer = self.places[above] - positions <= positions - self.places[below] + _EDGE * self.half
        nearest = np.where(nearer, above, below)
        off = (positions - self.places[nearest]) / self.half + _EDGE
        return np.where((off >= -1) & (off < 1), nearest, -1)


class Voxels:
    """The voxels of a structure in a grid, slice by slice.

    Parameters
    ----------
    structure
        With its curves.
    grid
        That they are drawn into.

    Attributes
    ----------
    flat
        How many curves enclose no area of any plane.
    """

    def __init__(self, structure: Structure, grid: Grid) -> None:
        self._grid, self.flat = grid, 0
        along: list[Numbers] = []
        others: dict[tuple[int, ...], list[Numbers]] = {}
        for points in structure.curves:
            placed = grid.indices(points)
            if np.ptp(placed[:, 0]) <= _PARALLEL:
                along.append(placed)
                continue
            normal = _normal(points)
            if normal is None:
                self.flat += 1
            else:
                others.setdefault(tuple(np.rint(normal * 1000).astype(int)), []).append(points)
        self._along = (
            _stack(along, None, _SAME, _half(structure, grid.step, 1.0 / grid.step)) if along else None
        )
        self._others = [_slanted(points, structure, grid) for points in others.values()]

    def slice(self, number: int) -> list[Patch]:
        """Return the patches of a slice whose union the structure is there."""
        found = []
        if self._along is not None:
            plane = int(self._along.plane_of(np.array([float(number)]))[0])
            if plane >= 0:
                found.append(fill(self._along.curves[plane], self._grid.shape[1:]))
        found += [self._patch(stack, number) for stack in self._others]
        return [patch for patch in found if patch.mask.any()]

    def _patch(self, stack: _Stack, number: int) -> Patch:
        """Return where a slice of the grid meets slabs that are no slices of it."""
        (first, top, left), (last, bottom, right) = stack.box
        size = (bottom - top, right - left)
        if stack.axes is None or not first <= number < last or min(size) <= 0:
            return Patch(0, 0, np.zeros((0, 0), np.bool_))
        index = np.indices(size).reshape(2, -1) + np.array([[top], [left]])
        world = self._grid.positions(np.vstack([np.full(index.shape[1], float(number)), index]).T)
        u, v, w = stack.axes @ world.T
        planes = stack.plane_of(w)
        mask = np.zeros(index.shape[1], np.bool_)
        for plane in np.unique(planes[planes >= 0]):
            chosen = np.flatnonzero(planes == plane)
            mask[chosen] = enclosed(stack.curves[plane], np.column_stack([u[chosen], v[chosen]]))
        return Patch(top, left, mask.reshape(size))


def _normal(points: Numbers) -> Numbers | None:
    """Return the unit normal of a closed curve, upwards along the axis that it follows most; None for a line.

    Newell's sum, which a keyhole's channel adds nothing to.
    """
    moved = points - points.mean(axis=0)
    total = np.cross(moved, np.roll(moved, -1, axis=0)).sum(axis=0)
    size = float(np.linalg.norm(total))
    if size <= 1e-9 * float(np.square(moved).sum()) or size == 0:
        return None
    unit: Numbers = total / size
    unit *= np.sign(unit[np.argmax(np.abs(unit))])
    return unit


def _slanted(curves: list[Numbers], structure: Structure, grid: Grid) -> _Stack:
    """Return the stack of curves in parallel planes that aren't the grid's, in mm."""
    normal = _normal(max(curves, key=len))
    assert normal is not None  # lines were left out
    first = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal))])
    first /= np.linalg.norm(first)
    axes = np.stack([first, np.cross(normal, first), normal])
    placed = [(points @ axes.T)[:, [2, 0, 1]] for points in curves]
    stack = _stack(placed, None, _SAME * grid.step, _half(structure, grid.step, 1.0))
    stack.axes = axes
    points = np.concatenate(curves)
    reach = normal * stack.half
    corners = grid.indices(np.concatenate([points + reach, points - reach]))
    low, high = corners.min(axis=0), corners.max(axis=0)
    stack.box = (
        tuple(int(np.clip(np.floor(at), 0, size)) for at, size in zip(low, grid.shape, strict=True)),
        tuple(int(np.clip(np.ceil(at) + 1, 0, size)) for at, size in zip(high, grid.shape, strict=True)),
    )
    return stack


def _half(structure: Structure, step: float, scale: float) -> tuple[float | None, float]:
    """Return half of the slab that a contour says, and of that of a lone one: the grid's slices."""
    said = None if structure.thickness is None else structure.thickness * scale / 2
    return said, step * scale / 2


def _stack(
    placed: list[Numbers], axes: Numbers | None, same: float, halves: tuple[float | None, float]
) -> _Stack:
    """Sort curves (place, then two coordinates) into planes."""
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
    half = halves[0] or (float(gaps[(len(gaps) - 1) // 2]) / 2 if len(gaps) else halves[1])
    return _Stack(axes, means, curves, half)
