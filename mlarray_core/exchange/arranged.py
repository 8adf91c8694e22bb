"""An image with its axes as other libraries have them: x, y and z first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlarray_core import geometry, units
from mlarray_core.errors import ArgumentError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_core.meta import Meta

    Array = np.ndarray[Any, Any]
    Matrix = np.ndarray[Any, np.dtype[np.float64]]


class Arranged(NamedTuple):
    """Voxels and affine in another order of axes: nothing is flipped, and the affine's columns follow."""

    voxels: Array
    """x, y, z as far as there are, then the other axes, fastest first, then components."""
    affine: Matrix
    """4 x 4, from indices along x, y, z to the world, in millimetres where the unit of length is known."""
    spatial: int
    """How many spatial axes there are."""
    others: tuple[int, ...]
    """Indices, in the array, of the axes behind the spatial ones, without components."""
    components: bool
    """Whether the last axis holds the parts of one value."""


def arranged(voxels: Array, meta: Meta, world: str, given: str | None) -> Arranged:
    """Return an image as another library wants it, without a copy.

    Parameters
    ----------
    voxels
        The array.
    meta
        Its metadata.
    world
        That of the library, ``RAS`` or ``LPS``.
    given
        The world of an image that names none.

    Raises
    ------
    ArgumentError
        Neither the image nor the caller says which world it is, or they disagree (a ValueError).
    UnsupportedError
        There is no spatial axis, or more than three, or their units differ.
    """
    labels = list(meta.spatial.axis_labels or ["spatial"] * voxels.ndim)
    axes = geometry.spatial_axes(labels, voxels.ndim)
    if not 1 <= len(axes) <= 3:
        raise UnsupportedError(f"other libraries hold one to three spatial axes, the image has {len(axes)}")
    x_first = _x_first(axes, labels)
    components = labels[-1] == "components" and len(labels) - 1 not in axes
    rest = [axis for axis in range(voxels.ndim) if axis not in axes]
    others = tuple(reversed(rest[:-1] if components else rest))
    order = (*x_first, *others, *([voxels.ndim - 1] if components else []))
    affine = _affine(meta, axes, x_first)
    affine[:3] *= _millimetres(meta, axes)
    known = geometry.normal_world(meta.spatial.coord_system)
    if known is None:
        known = _said(meta.spatial.coord_system, given, world)
    elif given is not None and geometry.normal_world(given) != known:
        raise ArgumentError(f"the image's world is {known}, not {given}", field="coord_system")
    turned = geometry.to_world(affine, known, world)
    return Arranged(np.transpose(voxels, order), turned, len(axes), others, components)


def _x_first(axes: Sequence[int], labels: Sequence[str]) -> tuple[int, ...]:
    """Return the spatial axes, x first: by their names where those differ, else the fastest first."""
    names = [labels[axis] for axis in axes]
    if "spatial" in names or len(set(names)) < len(names):
        return tuple(reversed(axes))
    return tuple(sorted(axes, key=lambda axis: labels[axis]))


def _affine(meta: Meta, axes: Sequence[int], x_first: Sequence[int]) -> Matrix:
    count = len(axes)
    stored = geometry.affine_of(meta.spatial, count)
    affine = np.eye(4)
    affine[:count, :count] = stored[:-1, [axes.index(axis) for axis in x_first]]
    affine[:count, 3] = stored[:-1, -1]
    return affine


def _millimetres(meta: Meta, axes: Sequence[int]) -> float:
    given = {meta.spatial.axis_units[axis] for axis in axes} - {""} if meta.spatial.axis_units else set()
    if len(given) > 1:
        raise UnsupportedError(f"the spatial axes have different units: {', '.join(sorted(given))}")
    return next((units.factor(unit, "mm") or 1.0 for unit in given), 1.0)


def _said(stored: str | None, given: str | None, world: str) -> str:
    if given is None:
        raise ArgumentError(
            f"the image's world is {stored or 'not known'}, the library's is {world}",
            field="coord_system",
            hint="Give coord_system='RAS' or 'LPS', or set meta.spatial.coord_system",
        )
    known = geometry.normal_world(given)
    if known is None:
        raise ArgumentError(f"expected RAS or LPS, got {given!r}", field="coord_system")
    return known


def storable(voxels: Array) -> Array:
    """Return voxels in a type that other libraries have: truth values as uint8, float16 as float32."""
    widened = {"b": np.dtype("u1"), "f": np.dtype("f4") if voxels.dtype.itemsize == 2 else voxels.dtype}
    return voxels.astype(widened.get(voxels.dtype.kind, voxels.dtype), copy=False)
