"""Label images of different grain, made of smooth random fields and of seeds: always the same ones."""

from __future__ import annotations

import itertools

import numpy as np

from benchmarks.data import resampled

SHAPE = (160, 224, 224)
SLAB = 8
"""Planes that are looked at together, so that what is computed of them stays in the cache."""


def coarse() -> np.ndarray:
    """Return twelve organs in a body, uint8: ellipsoids with uneven surfaces."""
    random = np.random.default_rng(1)
    where = _warped(0.08, random)
    found = np.zeros(SHAPE, np.uint8)
    for value in range(1, 13):
        centre, radii = random.uniform(-0.6, 0.6, 3), random.uniform(0.2, 0.5, 3)
        found[_distance(where, centre, radii) < 1] = value
    return found


def parcellation() -> np.ndarray:
    """Return 400 regions that fill a brain, uint16: each voxel is of the region whose seed is nearest."""
    random = np.random.default_rng(2)
    where = _warped(0.06, random)
    nearest, _ = _nearest(where, 10, random)
    inside = _distance(where, np.zeros(3), np.array([0.85, 0.9, 0.8])) < 1
    sizes = np.bincount(nearest[inside])
    table = np.zeros(nearest.max() + 1, np.uint16)
    table[random.permutation(np.argsort(sizes)[-400:])] = np.arange(1, 401)
    return np.where(inside, table[nearest], 0).astype(np.uint16)


def cells() -> np.ndarray:
    """Return 2744 cells with gaps between them, uint16, some 14 voxels wide, numbered by where they are."""
    random = np.random.default_rng(3)
    nearest, distance = _nearest(_warped(0.02, random), 14, random)
    radius = random.uniform(0.35, 0.75, nearest.max() + 1).astype(np.float32)
    return np.where(distance < radius[nearest], nearest + 1, 0).astype(np.uint16)


def vessels() -> np.ndarray:
    """Return arteries and veins, uint8: what is near the lines along which two smooth fields are zero."""
    random = np.random.default_rng(4)
    found = np.zeros(SHAPE, np.uint8)
    for value in (1, 2):
        found[_field(8, random) ** 2 + _field(8, random) ** 2 < 0.02] = value
    return found


def _field(knots: int, random: np.random.Generator) -> np.ndarray:
    """Return a smooth field of deviation 1: noise at `knots` points along each axis, joined by lines."""
    field = random.normal(0, 1, (knots,) * 3).astype(np.float32)
    for axis, size in enumerate(SHAPE):
        field = resampled(field, size, axis)
    return (field / field.std()).astype(np.float32)


def _warped(amount: float, random: np.random.Generator) -> list[np.ndarray]:
    """Return for each voxel where it is, -1 to 1 along each axis, bent by about `amount`."""
    lines = [np.linspace(-1, 1, size, dtype=np.float32) for size in SHAPE]
    grids = np.meshgrid(*lines, indexing="ij", sparse=True)
    return [grid + amount * _field(7, random) + amount / 6 * _field(40, random) for grid in grids]


def _distance(where: list[np.ndarray], centre: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Return the square of each voxel's distance from a centre, in radii."""
    return sum(((w - c) / r) ** 2 for w, c, r in zip(where, centre, radii, strict=True))


def _nearest(
    where: list[np.ndarray], count: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each voxel the number of the nearest seed around it, and how far it is.

    There is one seed in each of `count` to the third boxes, not far from its middle; distances are in widths
    of a box.
    """
    middles = np.indices((count,) * 3).reshape(3, -1) + 0.5
    seeds = (middles + random.uniform(-0.35, 0.35, middles.shape)).astype(np.float32)
    nearest, distance = np.zeros(SHAPE, np.int32), np.zeros(SHAPE, np.float32)
    for first in range(0, SHAPE[0], SLAB):
        slab = slice(first, first + SLAB)
        at = [np.clip((w[slab] + 1) * (count / 2), 0, count) for w in where]
        corner = [np.clip((a - 0.5).astype(np.int32), 0, count - 2) for a in at]
        best = np.full(at[0].shape, np.inf, np.float32)
        for step in itertools.product((0, 1), repeat=3):
            box = [c + s for c, s in zip(corner, step, strict=True)]
            number = (box[0] * count + box[1]) * count + box[2]
            square = sum((a - seed[number]) ** 2 for a, seed in zip(at, seeds, strict=True))
            nearest[slab] = np.where(square < best, number, nearest[slab])
            best = np.minimum(best, square)
        distance[slab] = np.sqrt(best)
    return nearest, distance
