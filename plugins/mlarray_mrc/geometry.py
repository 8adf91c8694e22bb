"""Where a map lies and what its axes are. Its unit is the angstrom, its world none of the body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_core.meta import is_spatial
from mlarray_core.units import factor
from mlarray_mrc.header import Placement

if TYPE_CHECKING:
    from mlarray_core import MetaSpatial
    from mlarray_io import Context, Reader
    from mlarray_mrc.header import Header

PLACES = ("spatial_z", "spatial_y", "spatial_x")
UNIT = "Å"


def labels_of(header: Header) -> list[str]:
    """Return the label of each axis: volumes of a stack, and images of one, are no space."""
    if header.images:
        return ["non_spatial", *PLACES[1:]]
    return ["non_spatial"] * (len(header.shape) - 3) + list(PLACES)


def spatial_of(header: Header) -> MetaSpatial | None:
    """Return the spatial section, None where nothing but the axes is known."""
    labels = labels_of(header)
    spacing = header.spacing
    if spacing is None or header.order is None:
        return None
    order = header.order[1:] if header.images else header.order
    count = len(order)
    units = [UNIT if is_spatial(label) else "" for label in labels]
    if not header.right or any(axis >= count for axis in order):
        return geometry.spatial_meta(
            None, axis_labels=labels, axis_units=units, spacing=list(spacing[-count:])
        )
    affine = np.eye(count + 1)
    affine[:count, :count] = 0
    for column, axis in enumerate(order):
        affine[axis, column] = spacing[len(spacing) - count + column]
    affine[:count, count] = header.origin[:count]
    return geometry.spatial_meta(affine, axis_labels=labels, axis_units=units)


def placement_of(reader: Reader, labels: list[str], context: Context) -> Placement:
    """Return where an image's voxels are, as MRC can say it.

    Parameters
    ----------
    reader
        The image.
    labels
        Of its axes.
    context
        Where to report what MRC can't say.
    """
    spatial = reader.meta.spatial
    count = sum(map(is_spatial, labels))
    if spatial.coord_system is not None:
        context.loss(f"the world {spatial.coord_system}", "MRC knows no world of the body")
    if not count:
        return Placement()
    affine = np.eye(4)
    own = geometry.affine_of(spatial, count)
    if spatial.affine is None and spatial.direction is None:
        # nothing says where the axes lead: upright, as maps are
        own[:count, :count] = np.diag(geometry.decompose(geometry.affine_of(spatial, count))[0])[::-1]
    # missing axes are the slowest, so that the others stay x and y
    affine[:count, 3 - count : 3], affine[:count, 3] = own[:count, :count], own[:count, count]
    for missing in range(3 - count):
        affine[:3, missing] = np.eye(3)[2 - missing]
    affine[:3] *= _angstroms(reader, labels, context)
    order = _order(affine[:3, :3])
    if order is None:
        context.loss("direction of the axes", "MRC holds only those along x, y and z")
        order = (2, 1, 0)
    cell = [1.0, 1.0, 1.0]
    for column, axis in enumerate(order):
        cell[axis] = float(np.linalg.norm(affine[:3, column]))
    return Placement(tuple(cell), order, tuple(affine[:3, 3].tolist()))


def _order(columns: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[int, ...] | None:
    """Return which of x, y, z each column goes along, None where one goes across or backwards."""
    order = [int(np.argmax(np.abs(column))) for column in columns.T]
    straight = np.zeros((3, 3))
    straight[order, range(3)] = np.linalg.norm(columns, axis=0)
    near = np.allclose(columns, straight, rtol=1e-6, atol=1e-9 * straight.max())
    whole = near and sorted(order) == [0, 1, 2]
    return tuple(order) if whole else None


def _angstroms(reader: Reader, labels: list[str], context: Context) -> float:
    """Return what turns the image's lengths into angstroms."""
    units = zip(reader.meta.spatial.axis_units or (), labels, strict=False)
    lengths = {unit for unit, label in units if is_spatial(label)} - {""}
    if not lengths:
        return 1.0
    angstroms = factor(min(lengths), UNIT)
    if len(lengths) > 1 or angstroms is None:
        context.loss(f"unit of length {', '.join(sorted(lengths))}", "MRC knows angstroms only")
        return 1.0
    return angstroms
