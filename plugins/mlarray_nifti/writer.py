"""Writes NIfTI-1 and NIfTI-2, as one file or a pair, as a stream."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

from mlarray_core import Additions, geometry
from mlarray_core.errors import UnsupportedError
from mlarray_io.sdk import (
    DISPLACEMENT,
    PACKINGS,
    TENSOR,
    Turn,
    in_world,
    open_gzip,
    open_packed,
    tell_unheld,
    world_parts,
)
from mlarray_nifti.axes import DISPLACEMENT_INTENT, PARTS, TENSOR_INTENT, VECTOR_INTENTS, dim_labels
from mlarray_nifti.files import partner, split
from mlarray_nifti.header import Header, blank, from_source, is_source, padded
from mlarray_nifti.sidecar import write_sidecar
from mlarray_nifti.write_axes import Plan, plan_of
from mlarray_nifti.write_geometry import place
from mlarray_nifti.write_units import put_units
from mlarray_nifti.write_voxels import pieces, put_scaling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy as np
    from typing_extensions import Buffer

    from mlarray_io import Context, Reader
    from mlarray_nifti.options import NiftiOptions
    from mlarray_nifti.signature import Variant

LABEL_INTENT, VECTOR_INTENT = 1002, 1007
_INTENTS = {DISPLACEMENT: DISPLACEMENT_INTENT, TENSOR: TENSOR_INTENT}
CIFTI_EXTENSION = 32
_LONGEST_AXIS = 32767
"""NIfTI-1 keeps sizes as int16."""


def write_nifti(reader: Reader, target: Path, options: NiftiOptions, context: Context) -> None:
    """Write an image.

    Parameters
    ----------
    reader
        The image.
    target
        Where to; a pair's other file goes beside it.
    options
        NIfTI version, gzip level, whether stored integers are restored.
    context
        Where to report what NIfTI can't hold.

    Raises
    ------
    UnsupportedError
        NIfTI has no such data type, or not so many axes.
    """
    reader = in_world(reader, "RAS", _order(reader))
    source = from_source(reader.meta.source) if is_source(reader.meta.source) else None
    plan = plan_of(reader, source)
    header = _fresh(reader, _variant(plan, source, options, target))
    header.single = partner(target) is None
    _put_dimensions(header, plan)
    stored = put_scaling(header, reader, plan, options.rescale and source is not None, target, context)
    factor = put_units(header, reader, plan, context)
    place(header, reader.meta, plan, factor, context, target)
    _put_intent(header, reader, plan)
    _tell_losses(header, reader, plan, source, context, sidecar=options.sidecar)
    header_file, voxel_file = _files(target)
    with _opened(header_file, options) as file:
        file.write(_front(header))
        if voxel_file == header_file:
            _write_voxels(file, pieces(reader, plan, stored, context))
    if voxel_file != header_file:
        with _opened(voxel_file, options) as file:
            _write_voxels(file, pieces(reader, plan, stored, context))
    if options.sidecar:
        write_sidecar(target, _fields(reader, plan))


def _fields(reader: Reader, plan: Plan) -> dict[str, Any]:
    """Return the fields of the sidecar, along the axes of the file."""
    bids, axes = Additions.of(reader.meta).bids, sorted(plan.spatial)
    perm = [axes.index(axis) for axis in reversed(plan.spatial)]
    if perm == sorted(perm) or len(perm) != 3:
        return dict(bids)
    before = geometry.affine_of(reader.meta.spatial, len(axes))
    turn = Turn(perm, [False] * 3, before, before[:, [*perm, 3]], reader.meta.spatial.coord_system)
    return turn.fields(bids)


def _write_voxels(file: IO[bytes], parts: Iterable[np.ndarray[Any, Any]]) -> None:
    for part in parts:
        file.write(cast("Buffer", part.reshape(-1).view("u1")))


def _variant(plan: Plan, source: Header | None, options: NiftiOptions, target: Path) -> Variant:
    """Return the version to write: the one asked for, the source's, or the one that the sizes need."""
    cifti = source is not None and source.cifti
    long = max(plan.dims) > _LONGEST_AXIS
    if options.version == "1" and (cifti or long):
        what = (
            "CIFTI-2 is always NIfTI-2" if cifti else f"NIfTI-1 holds at most {_LONGEST_AXIS:,} along an axis"
        )
        raise UnsupportedError(what, path=target, hint="Leave out -o version=1")
    if options.version != "auto":
        return "nifti2" if options.version == "2" else "nifti1"
    return "nifti2" if long or (source is not None and source.variant == "nifti2") else "nifti1"


def _fresh(reader: Reader, variant: Variant) -> Header:
    """Return a header of `variant` with what the source's says, if it is one of NIfTI."""
    return from_source(reader.meta.source, variant) if is_source(reader.meta.source) else blank(variant)


def _put_dimensions(header: Header, plan: Plan) -> None:
    if header.cifti and list(plan.dims) != header.get("dim")[1 : 1 + len(plan.dims)]:
        header.fields["intent_code"] = 0
        header.extensions = [one for one in header.extensions if one[0] != CIFTI_EXTENSION]
    header.fields["dim"] = [len(plan.dims), *plan.dims, *[1] * (7 - len(plan.dims))]


def _put_intent(header: Header, reader: Reader, plan: Plan) -> None:
    """Say that voxels are labels, or vectors, where the image does and the source's header didn't."""
    code, is_seg = header.get("intent_code"), reader.meta.is_seg.is_seg
    vector = not plan.components and "components" in reader.labels
    if vector and (intent := _world_intent(reader)):
        code = intent
    elif vector and code not in VECTOR_INTENTS:
        code = VECTOR_INTENT
    elif not vector and code in VECTOR_INTENTS and not plan.as_read:
        code = 0
    elif is_seg and code == 0:
        code = LABEL_INTENT
    elif is_seg is False and code == LABEL_INTENT:
        code = 0
    header.fields["intent_code"] = code


def _order(reader: Reader) -> tuple[str, ...] | None:
    """Return the order of NIfTI for the parts of a tensor."""
    parts = world_parts(reader.meta, reader.labels)
    return None if parts is None else PARTS.get((_INTENTS[parts.kind], len(parts.names)))


def _world_intent(reader: Reader) -> int:
    """Return the intent of displacements and tensors in a known world, 0 for others."""
    parts = world_parts(reader.meta, reader.labels)
    known = geometry.normal_world(reader.meta.spatial.coord_system) is not None
    if parts is None or not known or (_INTENTS[parts.kind], len(parts.names)) not in PARTS:
        return 0
    return _INTENTS[parts.kind]


def _tell_losses(
    header: Header, reader: Reader, plan: Plan, source: Header | None, context: Context, *, sidecar: bool
) -> None:
    """Report what the image has and NIfTI has no place for."""
    meta, additions = reader.meta, Additions.of(reader.meta)
    _tell_labels(header, reader.labels, plan, context)
    tell_unheld(meta, context, "NIfTI", own_source=source is not None, scales=True, sidecar=sidecar)
    if source is not None and source.cifti and not header.cifti:
        context.loss("the CIFTI-2 description", "it doesn't fit the shape any more")
    parts = world_parts(meta, reader.labels)
    if parts is not None and not _world_intent(reader):
        context.loss(f"that the parts are a {parts.kind}", "NIfTI has those of whole ones in RAS only")
    for axis, positions in additions.axes.items():
        if sidecar and positions.name == "b-value" and "bval" in additions.bids:
            continue
        if axis not in plan.axes[3:4] and (parts is None or axis != parts.axis):
            context.loss(f"positions along axis {axis}", "NIfTI has steps for time only")


def _tell_labels(header: Header, labels: list[str], plan: Plan, context: Context) -> None:
    """Report labels that reading the file back won't give."""
    back = dim_labels(header, len(plan.axes))
    for dim, (axis, label) in enumerate(zip(plan.axes, back, strict=True), start=1):
        if axis is not None and labels[axis] != label and not (axis in plan.spatial and dim <= 3):
            context.loss(f"axis label {labels[axis]}", f"dim {dim} of NIfTI is read as {label}")


def _front(header: Header) -> bytes:
    """Return everything before the voxels, and store in the header where they begin."""
    extensions = b"".join(
        struct.pack("<2i", len(body) + 8, code) + body
        for code, body in ((code, padded(content)) for code, content in header.extensions)
    )
    flag = bytes([bool(extensions), 0, 0, 0])
    pad = bytes(-(header.size + 4 + len(extensions)) % 16) if header.single else b""
    size = header.size + 4 + len(extensions) + len(pad)
    header.fields["vox_offset"] = size if header.single else 0
    version = b"2" if header.variant == "nifti2" else b"1"
    header.fields["magic"] = (b"n+" if header.single else b"ni") + version
    return header.tobytes() + flag + extensions + pad


def _files(target: Path) -> tuple[Path, Path]:
    """Return the file for the header and the one for the voxels."""
    other = partner(target)
    if other is None:
        return target, target
    return (other, target) if split(target)[1].lower() == ".img" else (target, other)


@contextmanager
def _opened(path: Path, options: NiftiOptions) -> Iterator[IO[bytes]]:
    """Open a file for writing, packed as its name says; the same voxels give the same bytes."""
    suffix = split(path)[2].lower()
    with path.open("wb") as raw:
        if not suffix:
            yield raw
            return
        packing = PACKINGS.get(suffix)
        packed = open_gzip(raw, options.gzip_level) if packing is None else open_packed(raw, packing, path)
        with packed:
            yield packed
