"""nibabel's images: axes x, y, z first, world RAS (nibabel's documentation, "Coordinate systems")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry, units
from mlarray_core.errors import ArgumentTypeError, MissingDependencyError, UnsupportedError
from mlarray_core.exchange.arranged import Order, arrangement, storable
from mlarray_core.meta import Additions, AxisValues, Meta
from mlarray_core.rescale import apply_rescale, rescaled_dtype

if TYPE_CHECKING:
    from types import ModuleType

    import nibabel
    from nibabel.spatialimages import SpatialImage

    Array = np.ndarray[Any, Any]

MOST_AXES = 7
"""nifti1.h, dim[0]."""
ALIGNED = 2
"""nifti1.h, NIFTI_XFORM_ALIGNED_ANAT: what nibabel notes too when it is given an affine."""


def to_nibabel(voxels: Array, meta: Meta, coord_system: str | None) -> nibabel.Nifti1Image:
    """Return a NIfTI image in memory whose voxels are a view of the array, as far as its type is NIfTI's.

    Parameters
    ----------
    voxels
        The array.
    meta
        Its metadata.
    coord_system
        The world of an image that names none.

    Raises
    ------
    ArgumentError
        The world isn't known (a ValueError).
    UnsupportedError
        NIfTI holds no such axes or type.
    MissingDependencyError
        nibabel isn't installed.
    """
    library = _nibabel()
    order, affine = arrangement(meta, voxels.ndim, "RAS", coord_system)
    data = _seven_axes(np.transpose(voxels, order.axes), order)
    try:
        made = library.Nifti1Image(data, affine, dtype=data.dtype)
    except (library.spatialimages.HeaderDataError, TypeError, ValueError) as error:
        raise UnsupportedError(f"NIfTI holds no voxels of type {data.dtype}") from error
    # through the header: the image's own affine stays what it is in double precision
    made.header.set_sform(affine, ALIGNED)
    made.header.set_qform(affine, 0 if geometry.is_sheared(affine) else ALIGNED)
    made.header.set_xyzt_units("mm", "sec" if _put_time(made, meta, order) else None)
    if meta.is_seg.is_seg:
        made.header.set_intent("label")
    elif order.components:
        made.header.set_intent("vector")
    return made


def _seven_axes(voxels: Array, order: Order) -> Array:
    """Return the voxels with axes of one voxel in NIfTI's empty places: time is fourth, parts are fifth."""
    data = storable(voxels)
    if order.others or order.components:
        data = data.reshape(
            *data.shape[: order.spatial], *[1] * (3 - order.spatial), *data.shape[order.spatial :]
        )
    if order.components and not order.others:
        data = data[:, :, :, np.newaxis]
    if data.ndim > MOST_AXES:
        raise UnsupportedError(f"NIfTI has {MOST_AXES} axes, the image needs {data.ndim}")
    return data


def _put_time(made: nibabel.Nifti1Image, meta: Meta, order: Order) -> bool:
    """Store the step of time, in seconds; return whether there is one."""
    labels = meta.spatial.axis_labels or []
    if not order.others or labels[order.others[0]] != "temporal":
        return False
    known = Additions.of(meta).axes.get(order.others[0])
    line = None if known is None else known.even_step()
    factor = None if known is None else units.factor(known.unit, "s")
    if line is None or factor is None or line.step <= 0:
        return False
    zooms = list(made.header.get_zooms())
    zooms[3] = line.step * factor
    made.header.set_zooms(zooms)
    made.header["toffset"] = line.start * factor
    return True


def from_nibabel(image: SpatialImage) -> tuple[Array, Meta]:
    """Return voxels, slowest axis first, and metadata of an image of nibabel's.

    Scaled values are exact where an integer type can hold them, as the NIfTI format reads them.

    Raises
    ------
    ArgumentTypeError
        It is no image of nibabel's (a TypeError).
    MissingDependencyError
        nibabel isn't installed.
    """
    library = _nibabel()
    if not isinstance(image, library.spatialimages.SpatialImage):
        raise ArgumentTypeError(f"expected an image of nibabel's, got {type(image).__name__}")
    data, header = _values(image), image.header
    if data.dtype.names is not None:  # RGB24, RGBA32: one byte for each colour
        data = np.ascontiguousarray(data).view("u1").reshape(*data.shape, -1)
    is_nifti = isinstance(header, library.Nifti1Header)
    intent = header.get_intent()[0] if is_nifti else "none"
    labels = ["spatial_x", "spatial_y", "spatial_z"][: data.ndim]
    length, time = header.get_xyzt_units() if is_nifti else ("mm", "unknown")
    has_parts = data.ndim > len(image.shape) or (intent == "vector" and data.ndim == 5)
    others = data.ndim - len(labels) - has_parts
    labels += ["temporal" if at == 0 and units.is_time(time) else "non_spatial" for at in range(others)]
    if has_parts and others == 1 and data.shape[3] == 1:  # NIfTI's empty place for time
        data, labels, others = data[:, :, :, 0], labels[:3], 0
    count = min(3, len(labels))
    order = [*reversed(range(count + others)), *([data.ndim - 1] if has_parts else [])]
    length = units.symbol_of(length) if units.is_length(length) else ""
    unit = {label: length if label.startswith("spatial") else "" for label in labels}
    unit["temporal"] = units.symbol_of(time) if units.is_time(time) else ""
    labels = [labels[axis] for axis in order[: len(labels)]] + (["components"] if has_parts else [])
    axis_units = [unit.get(label, "") for label in labels]
    meta = Meta(
        is_seg=True if intent == "label" else None,
        spatial={"axis_labels": labels, "axis_units": axis_units if any(axis_units) else None},
    )
    _place(meta, image, count, placed=not is_nifti or bool(header["sform_code"] or header["qform_code"]))
    if "temporal" in labels:
        step, start, size = float(header.get_zooms()[3]), float(header["toffset"]), data.shape[3]
        if step > 0 and size > 1:
            values = [start + step * index for index in range(size)]
            Additions(axes={labels.index("temporal"): AxisValues("time", unit["temporal"], values)}).store(
                meta
            )
    return np.transpose(data, order), meta


def _values(image: SpatialImage) -> Array:
    """Return the values, scaled once, to the type that the NIfTI format gives them."""
    proxy = image.dataobj
    if not hasattr(proxy, "get_unscaled"):
        return np.asanyarray(proxy)
    stored, slope, intercept = np.asanyarray(proxy.get_unscaled()), float(proxy.slope), float(proxy.inter)
    return apply_rescale(stored, slope, intercept, rescaled_dtype(stored.dtype, slope, intercept))


def _place(meta: Meta, image: SpatialImage, count: int, *, placed: bool) -> None:
    """Note where the voxels lie; voxel sizes only where the header names no world."""
    spatial = meta.spatial
    if not placed or image.affine is None:
        sizes = [float(size) for size in image.header.get_zooms()[:count]]
        if all(np.isfinite(size) and size > 0 for size in sizes):
            spatial.spacing = sizes[::-1]
        return
    columns = [*reversed(range(count)), 3]
    affine = geometry.to_world(np.asarray(image.affine, np.float64), "RAS", "LPS")[:, columns]
    rows = [*range(count), 3]
    meta.spatial = geometry.spatial_meta(
        affine[rows],
        axis_labels=spatial.axis_labels or [],
        axis_units=spatial.axis_units,
        coord_system="LPS",
    )


def _nibabel() -> ModuleType:
    try:
        import nibabel
    except ImportError as error:
        raise MissingDependencyError(
            "nibabel isn't installed", hint="Install it with: pip install nibabel"
        ) from error
    return nibabel
