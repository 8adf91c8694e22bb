"""Names of axes and positions along them, as HDF5's dimension scales, netCDF and vigra state them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import h5py
import numpy as np

from mlarray_core import AxisValues
from mlarray_hdf5.experiments import axes_of, scale_named
from mlarray_hdf5.files import FAILURES, attributes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TAGS = "axistags"
"""vigra's attribute, which ilastik writes: JSON with key and resolution of each axis, slowest first."""
LONGEST = 100_000
"""Most positions along an axis that are kept in the metadata."""


def names_of(dataset: h5py.Dataset, attributes: Mapping[str, object]) -> list[str | None] | None:
    """Return the name of each axis that has one, None when the file names none.

    vigra's axistags come first, then HDF5's dimension labels, then names of dimension scales, which are the
    dimensions of netCDF-4 (NetCDF Users Guide, "NetCDF-4/HDF5 File Format"), then NeXus and Data Exchange.
    """
    ndim = len(dataset.shape)
    names = [str(tag.get("key", "")) or None for tag in tags_of(attributes, ndim)]
    if not any(names):
        names = [_label(dataset, axis) for axis in range(ndim)]
    return names if any(names) else axes_of(dataset)


def tags_of(attributes: Mapping[str, object], ndim: int) -> Sequence[Mapping[str, object]]:
    """Return vigra's tags, one for each axis; none when they don't fit the dataset."""
    try:
        tags = json.loads(str(attributes.get(TAGS, "{}")))["axes"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return ()
    fits = isinstance(tags, list) and len(tags) == ndim and all(isinstance(tag, dict) for tag in tags)
    return tags if fits else ()


def _label(dataset: h5py.Dataset, axis: int) -> str | None:
    """Return the label of an axis, or the name of its scale."""
    try:
        label = dataset.dims[axis].label
    except FAILURES:
        label = ""
    if label:
        return str(label)
    scale = scale_of(dataset, axis)
    return None if scale is None or scale.name is None else str(scale.name).rpartition("/")[2]


def scale_of(dataset: h5py.Dataset, axis: int) -> h5py.Dataset | None:
    """Return the first dimension scale of an axis (HDF5 "Dimension Scale Specification")."""
    try:
        if is_scale(dataset) and axis == 0 and len(dataset.shape) == 1:
            return dataset
        scales = dataset.dims[axis]
        return scales[0] if len(scales) else None
    except FAILURES:
        return None


def is_scale(found: object) -> bool:
    """Return whether a dataset is the scale of others' axes, not an image."""
    try:
        return isinstance(found, h5py.Dataset) and bool(h5py.h5ds.is_scale(found.id))
    except FAILURES:
        return False


def positions_of(dataset: h5py.Dataset) -> dict[int, AxisValues]:
    """Return what lies along the axes that have a scale of numbers, by axis.

    A netCDF dimension without a variable has a scale too, whose name says that it holds nothing.
    """
    found = {}
    for axis, size in enumerate(dataset.shape):
        scale = scale_of(dataset, axis) or scale_named(dataset, axis)
        if scale is None or scale == dataset or scale.shape != (size,) or size > LONGEST:
            continue
        marks = attributes_of(scale)
        if scale.dtype.kind not in "iuf" or "not a netCDF variable" in str(marks.get("NAME", "")):
            continue
        try:
            values = np.asarray(scale[()], np.float64 if scale.dtype.kind == "f" else None)
        except FAILURES:
            continue
        if np.isfinite(values).all():
            name = str(scale.name).rpartition("/")[2]
            unit = str(marks.get("units", "")) if isinstance(marks.get("units", ""), str) else ""
            found[axis] = AxisValues(name=name, unit=unit, values=values.tolist())
    return found
