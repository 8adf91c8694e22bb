"""Geometry that programs mark in a dataset's neighbourhood: ITK, ilastik, and our own writer."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Meta, MetaSpatial, geometry
from mlarray_core.meta import is_spatial
from mlarray_hdf5.axes import names_of, tags_of
from mlarray_hdf5.files import find
from mlarray_io.sdk import default_labels, kept_meta, labels_of_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import h5py

KEY = "mlarray"
"""The attribute that holds an image's whole metadata as JSON."""
SIZES = "element_size_um"
"""ilastik's and Fiji's attribute: voxel size in micrometres, slowest axis first."""


def kept(attributes: Mapping[str, object], ndim: int) -> Meta | None:
    """Return the metadata that our writer kept."""
    text = attributes.get(KEY)
    if not isinstance(text, str):
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return kept_meta(content, ndim) if isinstance(content, dict) else None


def spatial_of(dataset: h5py.Dataset, attributes: Mapping[str, object]) -> MetaSpatial | None:
    """Return the geometry and labels that are marked, None when nothing known is."""
    group = dataset.parent
    if dataset.name.endswith("/VoxelData") and all(
        name in group for name in ("Directions", "Origin", "Spacing")
    ):
        return _itk(dataset, group)
    ndim = len(dataset.shape)
    names = names_of(dataset, attributes)
    labels = default_labels(ndim) if names is None else labels_of_names(names)
    space = [axis for axis in range(ndim) if is_spatial(labels[axis])]
    sizes = _sizes(attributes.get(SIZES), [labels[axis] for axis in space])
    unit = "um"
    if sizes is None:
        sizes, unit = _resolutions(tags_of(attributes, ndim), space), ""
    if names is None and sizes is None:
        return None
    units = [unit if axis in space else "" for axis in range(ndim)] if sizes and unit else None
    return geometry.spatial_meta(None, axis_labels=labels, axis_units=units, spacing=sizes)


def _sizes(stored: object, labels: Sequence[str]) -> list[float] | None:
    """Return the sizes of the spatial axes from those of z, y, x, or from as many as there are axes."""
    if not isinstance(stored, list) or not all(_positive(size) for size in stored) or not labels:
        return None
    named = dict(zip(("spatial_z", "spatial_y", "spatial_x")[-len(stored) :], stored, strict=False))
    if len(stored) <= 3 and set(labels) <= set(named):
        return [float(named[label]) for label in labels]
    return [float(size) for size in stored] if len(stored) == len(labels) else None


def _resolutions(tags: Sequence[Mapping[str, object]], space: Sequence[int]) -> list[float] | None:
    """Return vigra's resolutions of the spatial axes, where all are known (0 is unknown)."""
    found: list[Any] = [tags[axis].get("resolution") for axis in space] if tags else []
    return [float(size) for size in found] if found and all(map(_positive, found)) else None


def _positive(size: object) -> bool:
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
