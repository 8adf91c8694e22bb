"""Opens a NIfTI, CIFTI-2 or Analyze image."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from mlarray_core import Additions, AxisValues, Meta, Rescale, geometry
from mlarray_core.errors import NotFoundError
from mlarray_core.rescale import is_scaled
from mlarray_io.sdk import (
    DISPLACEMENT,
    TENSOR,
    Bytes,
    PartsView,
    RawReader,
    check_beside,
    check_size,
    open_bytes,
    world_parts,
)
from mlarray_nifti import geometry as placement
from mlarray_nifti.axes import (
    DISPLACEMENT_INTENT,
    PARTS,
    SPACE_UNITS,
    axis_labels,
    axis_units,
    is_timeless,
    steps,
    unused_dims,
)
from mlarray_nifti.extensions import read_extensions
from mlarray_nifti.files import header_path, image_path, partner, split
from mlarray_nifti.header import Header, parse, to_source
from mlarray_nifti.sidecar import read_sidecar
from mlarray_nifti.signature import LONGEST_HEADER, recognise
from mlarray_nifti.spm import spm_affine
from mlarray_nifti.storage import Storage, storage_of

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import MetaSpatial
    from mlarray_io import Context, Reader
    from mlarray_nifti.geometry import Form
    from mlarray_nifti.options import NiftiOptions

LABEL_INTENT = 1002


def open_nifti(path: Path, options: NiftiOptions, context: Context) -> Reader:
    """Open the image whose file, or one of whose two files, is `path`.

    Parameters
    ----------
    path
        The file.
    options
        The format's settings.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.

    Raises
    ------
    CorruptError
        The header makes no sense, or describes more than the file holds.
    NotFoundError
        The other file of a pair is missing.
    UnsupportedError
        Nothing holds its datatype.
    LimitError
        It is larger than the host allows.
    """
    header, file = _open_files(path, context)
    try:
        storage = storage_of(header, path)
        _tell_zeros(header, context)
        check_size(storage, file, context)
        form = placement.used_form(header, options.form)
        outside = (
            spm_affine(path, context) if header.variant == "analyze" and options.form == "auto" else None
        )
        storage = replace(storage, shape=_placed_shape(storage, header, form, outside))
        rescale = rescale_of(header, storage, context, spm=options.analyze == "spm")
        world = "RAS" if context.raw and world_names(header, storage) else "LPS"
        meta = _meta(header, storage, options.form, rescale, path, outside, world)
        if options.sidecar and (fields := read_sidecar(path, context)):
            additions = Additions.of(meta)
            additions.bids = fields
            additions.store(meta)
        reader = RawReader(file, storage, meta, 3 if storage.components else 2, rescale)
        return _turned(reader, world)
    except BaseException:
        file.close()
        raise


def _open_files(path: Path, context: Context) -> tuple[Header, Bytes]:
    """Return the header and the file that holds the voxels."""
    first = header_path(path)
    check_beside(path, first)
    file = open_bytes(first)
    try:
        block = file.read(0, LONGEST_HEADER)
        if split(first)[1].lower() == ".img" and recognise(block) is None:
            raise _no_header(first)
        header = parse(block, first)
        header.extensions = read_extensions(file, header, context)
        if header.single:
            return header, file
        voxels = image_path(first, path)
        check_beside(path, voxels)
    except BaseException:
        file.close()
        raise
    file.close()
    return header, open_bytes(voxels)


def _no_header(path: Path) -> NotFoundError:
    wanted = partner(path)
    return NotFoundError(
        "holds voxels whose header is in another file, which is missing",
        path=path,
        hint=None if wanted is None else f"Put {wanted.name} beside it",
    )


def _tell_zeros(header: Header, context: Context) -> None:
    dim = header.get("dim")
    zeros = [f"dim[{axis}]" for axis in range(2, dim[0] + 1) if dim[axis] == 0]
    if zeros:
        context.warn(f"{', '.join(zeros)} of its header is 0, and taken for 1 as NIfTI's own library does")


def _placed_shape(
    storage: Storage, header: Header, form: Form, outside: placement.Affine | None
) -> tuple[int, ...]:
    """Return the shape of the array: a plane that has a place in 3-D gets an axis of length one before it.

    Dimensions that only keep others in their place are none of its axes.
    """
    ndim = len(storage.shape) - bool(storage.components)
    unused = unused_dims(header)
    if unused:
        return storage.shape[: ndim - unused.stop] + storage.shape[ndim - unused.start :]
    added = 0 if (form == "none" and outside is None) or header.cifti else max(3 - ndim, 0)
    return (1,) * added + storage.shape


def world_names(header: Header, storage: Storage) -> tuple[str, ...]:
    """Return the names of the parts of displacements and tensors, which are along RAS; none for others."""
    at = _parts_axis(header, storage)
    if at is None or storage.dtype.kind == "u" or placement.used_form(header) == "none":
        return ()
    return PARTS.get((header.get("intent_code"), storage.shape[at]), ())


def _parts_axis(header: Header, storage: Storage) -> int | None:
    labels = axis_labels(header, len(storage.shape) - bool(storage.components), storage.components)
    return labels.index("components") if "components" in labels and not storage.components else None


def _turned(reader: RawReader, world: str) -> Reader:
    """Return the image with its displacements or tensors in the world that its metadata name."""
    parts = world_parts(reader.meta, reader.labels)
    if parts is None:
        return reader
    return PartsView(reader, parts.axis, range(len(parts.names)), parts.signs("RAS", world))


def rescale_of(header: Header, storage: Storage, context: Context, *, spm: bool = False) -> Rescale | None:
    """Return the header's slope and intercept, None when they change nothing.

    Colours have none (nifti1.h, "scl_slope"). Those of labels are kept, not applied: a label is no quantity.

    Parameters
    ----------
    header
        The file's header.
    storage
        How the voxels are stored.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.
    spm
        Whether the header is one of SPM's Analyze.
    """
    slope, intercept = header.get("scl_slope", 0.0), header.get("scl_inter", 0.0)
    if header.variant == "analyze":
        return _spm_rescale(header, storage, spm, context)
    intercept = intercept if math.isfinite(intercept) else 0.0
    if storage.components or not is_scaled(slope, intercept):
        return None
    labels = header.get("intent_code") == LABEL_INTENT
    if labels and not context.raw:
        context.warn(f"slope {slope:g} and intercept {intercept:g} of a label image are not applied")
    return Rescale(slope, intercept, storage.dtype.name, applied=not (context.raw or labels))


def _spm_rescale(header: Header, storage: Storage, spm: bool, context: Context) -> Rescale | None:
    """Return the scale of SPM99 and SPM2, which is where Analyze 7.5 has nothing (spm_hwrite.m, "scale")."""
    slope = header.get("funused1")
    if not is_scaled(slope, 0.0):
        return None
    applied = spm and not context.raw
    if not applied:
        context.warn(
            f"bytes 112 to 115 of its header may be the scale {slope:g} of SPM99 or SPM2; it isn't applied,"
            " -o analyze=spm applies it"
        )
    return Rescale(slope, 0.0, storage.dtype.name, applied=applied)


def _meta(
    header: Header,
    storage: Storage,
    form: Form,
    rescale: Rescale | None,
    path: Path,
    outside: placement.Affine | None,
    world: str,
) -> Meta:
    ndim = len(storage.shape) - bool(storage.components)
    labels = axis_labels(header, ndim, storage.components)
    is_seg = True if header.get("intent_code") == LABEL_INTENT else None
    spatial = _spatial(header, labels, form, path, outside, world)
    meta = Meta(source=to_source(header), spatial=spatial, is_seg=is_seg)
    Additions(rescale=rescale, axes=_axes(header, storage, labels)).store(meta)
    return meta


def _spatial(
    header: Header, labels: list[str], form: Form, path: Path, outside: placement.Affine | None, target: str
) -> MetaSpatial:
    units = axis_units(header, labels)
    count = sum(label.startswith("spatial") for label in labels)
    affine = None if count == 0 else _affine(header, form, path) if outside is None else outside
    if affine is None:
        return geometry.spatial_meta(None, axis_labels=labels, axis_units=units)
    world = outside is not None or placement.used_form(header, form) != "none"
    ordered = placement.to_array_order(affine, count)
    if world:
        ordered = geometry.to_world(ordered, "RAS", target)
    return geometry.spatial_meta(
        ordered, axis_labels=labels, axis_units=units, coord_system=target if world else None
    )


def _affine(header: Header, form: Form, path: Path) -> placement.Affine | None:
    """Return the affine on disk, x first; None when no placement is wanted and voxel sizes are missing."""
    ndim = header.get("dim")[0]
    if form == "auto":
        placement.voxel_sizes(header, ndim, path)  # a header with invalid ones is damaged, sform or not
    elif form == "none" and not placement.has_voxel_sizes(header, ndim):
        return None
    return placement.affine_of(header, ndim, placement.used_form(header, form), path)


def _axes(header: Header, storage: Storage, labels: list[str]) -> dict[int, AxisValues]:
    """Return the positions along the fourth axis and the names of parts of the world, by the array's axis."""
    names, parts = world_names(header, storage), _parts_axis(header, storage)
    if parts is not None and names:
        displaced = header.get("intent_code") == DISPLACEMENT_INTENT
        unit = SPACE_UNITS.get(header.get("xyzt_units") & 7, "") if displaced else ""
        found = AxisValues(DISPLACEMENT if displaced else TENSOR, unit, list(names))
        return {parts: found, **_times(header, storage, labels)}
    return _times(header, storage, labels)


def _times(header: Header, storage: Storage, labels: list[str]) -> dict[int, AxisValues]:
    if is_timeless(header):
        return {}
    at = len(storage.shape) - bool(storage.components) - 4
    if at < 0 or labels[at] not in ("temporal", "continuous"):
        return {}
    values = steps(header, storage.shape[at])
    if values is None:
        return {}
    name = "time" if labels[at] == "temporal" else "spectrum"
    units = axis_units(header, labels)
    return {at: AxisValues(name, units[at] if units else "", values)}
