"""What OME-Zarr has no place for, kept beside it under an attribute of our own, and taken back from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import Meta, MetaSpatial, geometry
from mlarray_io.sdk import keep_meta, kept_meta
from mlarray_zarr.ngff import Multiscale, affine_of, step_between
from mlarray_zarr.orientation import places_of, turned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_zarr.ngff import Axis, Matrix
    from mlarray_zarr.nodes import Node

KEY = "mlarray"


@dataclass(frozen=True)
class Kept:
    """The metadata of an image as it was written.

    Parameters
    ----------
    meta
        The metadata of the finest level.
    order
        Which axis of the image each axis of the array is.
    """

    meta: Meta
    order: tuple[int, ...]


def keep(meta: Meta, order: Sequence[int]) -> dict[str, object]:
    """Return the attribute that `kept_of` reads."""
    return {**keep_meta(meta, len(order)), "order": list(order)}


def kept_of(node: Node) -> Kept | None:
    """Return what was kept in a node's attributes; None where there is nothing, or nothing of use."""
    content = node.attributes.get(KEY)
    if not isinstance(content, dict):
        return None
    order = content.get("order")
    if not isinstance(order, list) or any(type(axis) is not int for axis in order):
        return None
    meta = kept_meta(content, len(order))
    if meta is None or sorted(order) != list(range(len(order))):
        return None
    return Kept(meta, tuple(order))


def kept_spatial(kept: Kept, where: tuple[Multiscale, int] | None, ndim: int) -> MetaSpatial | None:
    """Return the geometry that was kept, for one level; None when it isn't that of the image any more.

    Parameters
    ----------
    kept
        What was kept.
    where
        The image as OME-Zarr describes it and the number of the level; None for a plain array.
    ndim
        Number of axes.
    """
    spatial = kept.meta.spatial
    if len(kept.order) != ndim or spatial.axis_labels is None or len(spatial.axis_labels) != ndim:
        return None
    if where is None:
        return spatial
    image, number = where
    count = len(geometry.spatial_axes(spatial.axis_labels, ndim))
    affine, told = geometry.affine_of(spatial, count), affine_of(image.axes, image.levels[0])
    if told is None or told.shape != affine.shape or not _agree(affine, told, image.axes, spatial):
        return None
    if number == 0:
        return spatial
    return geometry.spatial_meta(
        affine @ step_between(image.axes, image.levels[0], image.levels[number]),
        axis_labels=spatial.axis_labels,
        axis_units=spatial.axis_units,
        coord_system=spatial.coord_system,
    )


def _agree(own: Matrix, told: Matrix, axes: Sequence[Axis], spatial: MetaSpatial) -> bool:
    """Say whether what OME-Zarr says is the kept geometry, or as much of it as OME-Zarr can say.

    Without orientations that are sizes and position; before they were written, so were those of all images.
    """
    if places_of(axes) is not None:
        return bool(np.allclose(own, turned(told, spatial.coord_system), rtol=1e-6, atol=1e-9))
    mine, theirs = (np.vstack([np.linalg.norm(m[:-1, :-1], axis=0), m[:-1, -1]]) for m in (own, told))
    return bool(np.allclose(mine, theirs, rtol=1e-6, atol=1e-9))
