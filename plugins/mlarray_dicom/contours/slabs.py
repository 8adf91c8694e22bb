"""The voxels of a structure: each of its planes stands for a slab, shapes change from one to the next.

Voxels between two neighbouring planes have the shape between theirs (`between.Transition`), or that of the
nearest plane. Planes are neighbours up to one and a half times the middle one of all their gaps, or where
slabs of a Contour Slab Thickness touch: so contours on every other slice fill those between, and slices that
were left out of a dense stack stay empty. Beyond the last planes of such a run, half of a slab has the shape
of the plane, the end at higher positions excluded. A voxel is inside when its centre is.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_dicom.contours.fill import Patch, bounds, fill
from mlarray_dicom.contours.planes import Stack, stack_of

if TYPE_CHECKING:
    from collections.abc import Container

    from mlarray_dicom.contours.grid import Grid
    from mlarray_dicom.contours.structures import Structure

    Numbers = np.ndarray[Any, np.dtype[np.float64]]
    Mask = np.ndarray[Any, np.dtype[np.bool_]]

_PARALLEL = 1e-3
"""How far, in slices, the points of a contour may lie apart that runs along a slice of the grid."""
_SAME = 0.1
"""How far apart, as a part of a slice, two contours may be that lie in one plane."""


class Voxels:
    """The voxels of a structure in a grid, slice by slice.

    Parameters
    ----------
    structure
        With its curves.
    grid
        That they are drawn into.
    shapes
        Whether shapes change evenly between planes, or the nearest one counts.

    Attributes
    ----------
    flat
        How many curves enclose no area of any plane.
    crowded
        How many planes have too many points or curves for shapes to change between them.
    """

    def __init__(self, structure: Structure, grid: Grid, *, shapes: bool = True) -> None:
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
                others.setdefault(_direction(normal, others), []).append(points)
        said = structure.thickness
        self._along = None
        if along:
            self._along = stack_of(
                along, _SAME, None if said is None else said / grid.step, 1.0, shapes=shapes
            )
            self._along.metric = np.linalg.qr(grid.affine[:3, 1:3])[1]
        self._others = [_slanted(points, said, grid, shapes=shapes) for points in others.values()]
        stacks = [*self._others, *([self._along] if self._along else [])]
        self.crowded = sum(stack.crowded for stack in stacks)

    def slice(self, number: int) -> list[Patch]:
        """Return the patches of a slice whose union the structure is there."""
        found = []
        if self._along is not None:
            found.append(_of_slice(self._along, number, self._grid.shape[1:]))
        found += [self._patch(stack, number) for stack in self._others]
        return [patch for patch in found if patch.mask.any()]

    def _patch(self, stack: Stack, number: int) -> Patch:
        """Return where a slice of the grid meets slabs that are no slices of it."""
        (first, top, left), (last, bottom, right) = stack.box
        size = (bottom - top, right - left)
        if stack.axes is None or not first <= number < last or min(size) <= 0:
            return Patch(0, 0, np.zeros((0, 0), np.bool_))
        index = np.indices(size).reshape(2, -1) + np.array([[top], [left]])
        world = self._grid.positions(np.vstack([np.full(index.shape[1], float(number)), index]).T)
        u, v, w = stack.axes @ world.T
        mask = stack.enclosed(np.column_stack([u, v]), w)
        return Patch(top, left, mask.reshape(size))


def _direction(normal: Numbers, known: Container[tuple[int, ...]]) -> tuple[int, ...]:
    """Return a normal in thousandths, or one that is known and differs by one at most in each part."""
    whole = np.rint(normal * 1000).astype(int)
    near = (tuple((whole + step).tolist()) for step in product((0, -1, 1), repeat=3))
    return next((one for one in near if one in known), tuple(whole.tolist()))


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


def _of_slice(stack: Stack, number: int, shape: tuple[int, int]) -> Patch:
    """Return what a slice of the grid holds of planes that run along it."""
    place = np.array([float(number)])
    below, _ = stack.between(place)
    plane = int(below[0]) if below[0] >= 0 else int(stack.plane_of(place)[0])
    if plane < 0:
        return Patch(0, 0, np.zeros((0, 0), np.bool_))
    if below[0] < 0:
        return fill(stack.curves[plane], shape)
    low, high = bounds(stack.curves[plane] + stack.curves[plane + 1], shape)
    size = (max(high[0] - low[0], 0), max(high[1] - low[1], 0))
    index = np.indices(size).reshape(2, -1).T + np.array(low, float)
    mask = stack.enclosed(index, np.full(len(index), place[0]))
    return Patch(low[0], low[1], mask.reshape(size))


def _slanted(curves: list[Numbers], said: float | None, grid: Grid, *, shapes: bool) -> Stack:
    """Return the stack of curves in parallel planes that aren't the grid's, in mm."""
    normal = _normal(max(curves, key=len))
    assert normal is not None  # lines were left out
    first = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal))])
    first /= np.linalg.norm(first)
    axes = np.stack([first, np.cross(normal, first), normal])
    placed = [(points @ axes.T)[:, [2, 0, 1]] for points in curves]
    stack = stack_of(placed, _SAME * grid.step, said, grid.step, shapes=shapes)
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
