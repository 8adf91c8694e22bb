"""Geometry that programs mark in a dataset's neighbourhood: ITK, ilastik, and our own writer."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Meta, MetaSpatial, geometry
from mlarray_hdf5.files import find
from mlarray_io.sdk import default_labels, kept_meta

if TYPE_CHECKING:
    from collections.abc import Mapping

    import h5py

KEY = "mlarray"
"""The attribute that holds an image's whole metadata as JSON."""
SIZES = "element_size_um"
"""ilastik's and Fiji's attribute: voxel size in micrometres, slowest axis first."""


def kept(attributes: Mapping[str, Any], ndim: int) -> Meta | None:
    """Return the metadata that our writer kept."""
    text = attributes.get(KEY)
    if not isinstance(text, str):
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return kept_meta(content, ndim) if isinstance(content, dict) else None


def spatial_of(dataset: h5py.Dataset, attributes: Mapping[str, Any]) -> MetaSpatial | None:
    """Return the geometry that is marked, None when nothing known is."""
    group = dataset.parent
    if dataset.name.endswith("/VoxelData") and all(
        name in group for name in ("Directions", "Origin", "Spacing")
    ):
        return _itk(dataset, group)
    sizes = attributes.get(SIZES)
    labels = default_labels(len(dataset.shape))
    space = [index for index, label in enumerate(labels) if label.startswith("spatial")]
    if not isinstance(sizes, list) or len(sizes) < len(space) or not all(_positive(size) for size in sizes):
        return None
    units = ["um" if index in space else "" for index in range(len(labels))]
    return geometry.spatial_meta(None, axis_labels=labels, axis_units=units, spacing=sizes[-len(space) :])


def _positive(size: Any) -> bool:
    return isinstance(size, int | float) and 0 < size < math.inf


def _itk(dataset: h5py.Dataset, group: h5py.Group) -> MetaSpatial | None:
    """Read ITK's geometry (itkHDF5ImageIO): x first, a row of Directions for each axis, world LPS, mm."""
    spacing, origin, rows = (_numbers(group, name) for name in ("Spacing", "Origin", "Directions"))
    count = len(spacing)
    ndim = len(dataset.shape)
    if rows.shape != (count, count) or origin.shape != (count,) or not 0 <= ndim - count <= 1:
        return None
    affine = np.eye(count + 1)
    affine[:-1, :-1] = (rows.T * spacing)[:, ::-1]
    affine[:-1, -1] = origin
    labels = [*default_labels(count), *["components"] * (ndim - count)]
    if count == 2:
        labels[:2] = ["spatial_y", "spatial_x"]
    elif count == 4:
        labels[0] = "spatial"
    units = ["mm" if label.startswith("spatial") else "" for label in labels]
    return geometry.spatial_meta(affine, axis_labels=labels, axis_units=units, coord_system="LPS")


def _numbers(group: h5py.Group, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    found = find(group.file, f"{group.name}/{name}")
    if found.size > 64:
        raise ValueError(f"{name} has {found.size} numbers")
    return np.asarray(found[()], np.float64)
