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


class Order(NamedTuple):
    """The axes of an array, x first."""

    x_first: tuple[int, ...]
    """The spatial ones: x, y, z."""
    others: tuple[int, ...]
    """The others, fastest first, without components."""
    components: bool
    """Whether the last axis holds the parts of one value."""
    axes: tuple[int, ...]
    """All of them: spatial ones, others, components."""

    @property
    def spatial(self) -> int:
        """How many spatial axes there are."""
        return len(self.x_first)


class Arrangement(NamedTuple):
    """An image's axes and place as another library wants them: nothing is flipped."""

    order: Order
    """The axes."""
    affine: Matrix
    """4 x 4, from indices along x, y, z to the world, in millimetres where the unit of length is known."""


def arrangement(meta: Meta, ndim: int, world: str, given: str | None) -> Arrangement:
    """Return how another library wants an image to be arranged.

    Parameters
    ----------
    meta
        Metadata of the image.
    ndim
        How many axes it has.
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
    order = ordered(meta, ndim)
    axes = geometry.spatial_axes(meta.spatial.axis_labels, ndim)
    affine = _affine(meta, axes, order.x_first)
    affine[:3] *= millimetres(meta, ndim)
    known = geometry.normal_world(meta.spatial.coord_system)
    if known is None:
        known = _said(meta.spatial.coord_system, given, world)
    elif given is not None and geometry.normal_world(given) != known:
        raise ArgumentError(f"the image's world is {known}, not {given}", field="coord_system")
    return Arrangement(order, geometry.to_world(affine, known, world))


def ordered(meta: Meta, ndim: int) -> Order:
    """Return the order of an image's axes: by their labels, else the fastest is x.

    Raises
    ------
    UnsupportedError
        There is no spatial axis, or more than three.
    """
    labels = list(meta.spatial.axis_labels or ["spatial"] * ndim)
    axes = geometry.spatial_axes(labels, ndim)
    if not 1 <= len(axes) <= 3:
        raise UnsupportedError(f"other libraries hold one to three spatial axes, the image has {len(axes)}")
    x_first = _x_first(axes, labels)
    components = labels[-1] == "components" and len(labels) - 1 not in axes
    rest = [axis for axis in range(ndim) if axis not in axes]
    others = tuple(reversed(rest[:-1] if components else rest))
    return Order(x_first, others, components, (*x_first, *others, *([ndim - 1] if components else [])))


def channel_axis(order: Order, library: str) -> int | None:
    """Return the place, behind the spatial axes, of what a library takes for channels; None without any.

    Raises
    ------
    UnsupportedError
        There are several axes that aren't spatial, such as time and colours.
    """
    count = len(order.axes) - order.spatial
    if count > 1:
        raise UnsupportedError(
            f"{library} has one axis of channels, and {count} axes of the image are not spatial",
            hint="Save each entry of one of them as an image of its own",
        )
    return order.spatial if count else None


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


def millimetres(meta: Meta, ndim: int) -> float:
    """Return how many millimetres the unit of an image's spacing is; 1 where it is not known.

    Raises
    ------
    UnsupportedError
        The spatial axes have different units.
    """
    axes = geometry.spatial_axes(meta.spatial.axis_labels, ndim)
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
