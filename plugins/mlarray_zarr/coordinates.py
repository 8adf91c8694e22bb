"""Positions along axes in arrays beside an array, called like its dimensions: xarray's coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import AxisValues
from mlarray_core.errors import MLArrayError
from mlarray_zarr.files import joined
from mlarray_zarr.nodes import array_info, read_node
from mlarray_zarr.voxels import open_library

if TYPE_CHECKING:
    from mlarray_zarr.files import Files
    from mlarray_zarr.nodes import ArrayInfo, Node

LONGEST = 100_000
"""Most positions along an axis that are kept in the metadata."""


def is_coordinate(node: Node, info: ArrayInfo) -> bool:
    """Return whether an array is the coordinate of a dimension: one axis, called like the array."""
    return info.names == (node.path.rpartition("/")[2],) and len(info.shape) == 1


def positions_of(files: Files, node: Node, info: ArrayInfo) -> dict[int, AxisValues]:
    """Return what lies along the axes that have a coordinate of numbers, by axis.

    Parameters
    ----------
    files
        Of the store.
    node
        The array's metadata.
    info
        What the array is.
    """
    found: dict[int, AxisValues] = {}
    if is_coordinate(node, info):
        return found
    for axis, (name, size) in enumerate(zip(info.names or (), info.shape, strict=False)):
        if not name or "/" in name or not 0 < size <= LONGEST:
            continue
        try:
            beside = read_node(files, joined(node.path.rpartition("/")[0], name))
            if beside is None or beside.array is None or beside.path == node.path:
                continue
            own = array_info(files, beside)
            if own.shape != (size,) or own.dtype.kind not in "iuf":
                continue
            values = np.asarray(open_library(files, beside, own)[:])
        except (MLArrayError, ValueError, RuntimeError, TypeError, KeyError):
            continue
        if np.isfinite(values).all():
            unit = beside.attributes.get("units")
            found[axis] = AxisValues(name, unit if isinstance(unit, str) else "", values.tolist())
    return found
