"""Puts the geometry of an image into a header: unchanged where it still is the source's, else anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import geometry
from mlarray_core.errors import CorruptError
from mlarray_nifti.geometry import (
    Affine,
    affine_of,
    fits,
    put_qform,
    put_sform,
    put_voxel_sizes,
    qform,
    used_form,
    voxel_move,
    voxel_sizes,
)

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import Meta, MetaSpatial
    from mlarray_io import Context
    from mlarray_nifti.header import Header
    from mlarray_nifti.write_axes import Plan

SCANNER, ALIGNED = 1, 2
"""nifti1.h, NIFTI_XFORM_SCANNER_ANAT and NIFTI_XFORM_ALIGNED_ANAT."""

_REVERSED = {1: 2, 2: 1, 3: 4, 4: 3, 5: 6, 6: 5}
"""Slice codes of the same acquisition counted from the other end (nifti1.h, NIFTI_SLICE_*)."""


def place(header: Header, meta: Meta, plan: Plan, factor: float, context: Context, path: Path) -> None:
    """Store where the voxels are.

    Parameters
    ----------
    header
        The header to write; holds the source's placement where the image came from NIfTI.
    meta
        The image's metadata.
    plan
        Which axes are x, y and z.
    factor
        What turns the image's unit of length into the header's.
    context
        Where to report that the world is none that NIfTI knows.
    path
        The target, for messages.
    """
    spatial = meta.spatial
    if not plan.spatial:
        if not header.cifti:
            header.fields["sform_code"] = header.fields["qform_code"] = 0
        return
    affine = file_affine(spatial, plan)
    affine[:3] *= factor
    world = geometry.normal_world(spatial.coord_system)
    if world is None:
        _place_nowhere(header, spatial, plan, affine, context)
        return
    wanted = geometry.to_world(affine, world, "RAS")
    before = _placed(header, path)
    if before is None:
        scanner = meta._image_meta_format.image_meta_format == "dicom"
        _place_anew(header, wanted, plan, SCANNER if scanner else ALIGNED, context)
    elif not fits(wanted, before):
        _move(header, before, wanted, plan, context, path)


def file_affine(spatial: MetaSpatial, plan: Plan) -> Affine:
    """Return the 4 x 4 affine with columns x, y, z of the file, in the image's own world and unit."""
    axes = sorted(plan.spatial)
    count = len(axes)
    stored = geometry.affine_of(spatial, count)
    affine = np.eye(4)
    columns = [axes.index(axis) for axis in plan.spatial]
    affine[:count, :count] = stored[:count, columns]
    affine[:count, 3] = stored[:count, count]
    return affine


def _place_nowhere(
    header: Header, spatial: MetaSpatial, plan: Plan, affine: Affine, context: Context
) -> None:
    """Store the voxel sizes of an image without a world that NIfTI knows: both codes are 0."""
    header.fields["sform_code"] = header.fields["qform_code"] = 0
    sizes = np.linalg.norm(affine[:3, :3], axis=0)[: len(plan.spatial)]
    if not np.allclose(np.abs(header.get("pixdim")[1 : 1 + len(sizes)]), sizes, rtol=1e-6):
        put_voxel_sizes(header, sizes.tolist())
    directed = spatial.affine is not None or spatial.direction is not None or spatial.origin is not None
    if directed and not np.allclose(affine, np.diag([*np.linalg.norm(affine[:3, :3], axis=0), 1.0])):
        context.loss(
            "position and direction of the image",
            f"its world is {spatial.coord_system or 'unset'}, NIfTI knows only RAS",
        )


def _placed(header: Header, path: Path) -> Affine | None:
    """Return where the source's header puts the image, None where it doesn't."""
    form = used_form(header)
    if form == "none":
        return None
    try:
        return affine_of(header, min(header.get("dim")[0], 3), form, path)
    except CorruptError:  # it was read with another form, chosen by the user
        return None


def _place_anew(header: Header, affine: Affine, plan: Plan, code: int, context: Context) -> None:
    put_sform(header, affine, code)
    _put_qform(header, affine, code, plan, context)
    put_voxel_sizes(header, np.linalg.norm(affine[:3, :3], axis=0)[: len(plan.dims[:3])].tolist())


def _put_qform(header: Header, affine: Affine, code: int, plan: Plan, context: Context) -> None:
    sizes = [*plan.dims[:3], 1, 1, 1][:3]
    if not put_qform(header, affine, code, sizes):
        context.warn(
            "its axes are not at right angles, so NIfTI gets no qform, which holds rotations only: programs"
            " that are built on ITK may refuse the file"
        )


def _move(header: Header, before: Affine, wanted: Affine, plan: Plan, context: Context, path: Path) -> None:
    """Follow a changed geometry: flips and permutations move both forms, anything else replaces them."""
    code = header.get("sform_code") or header.get("qform_code")
    move = voxel_move(before, wanted)
    if move is None:
        _place_anew(header, wanted, plan, code, context)
        return
    sform_code, qform_code = header.get("sform_code"), header.get("qform_code")
    turned = None
    if qform_code > 0:
        turned = qform(header, voxel_sizes(header, min(header.get("dim")[0], 3), path)) @ move
    _turn_slices(header, move, plan)
    put_voxel_sizes(header, np.linalg.norm(wanted[:3, :3], axis=0)[: len(plan.dims[:3])].tolist())
    if sform_code > 0:
        put_sform(header, wanted, sform_code)
    if turned is not None:
        _put_qform(header, turned, qform_code, plan, context)


def _turn_slices(header: Header, move: Affine, plan: Plan) -> None:
    """Rename the directions of dim_info, and count slices from the other end where they were flipped."""
    new_of = {old + 1: int(np.flatnonzero(move[old, :3])[0]) + 1 for old in range(3)}
    info = header.get("dim_info")
    parts = [new_of.get((info >> shift) & 3, 0) for shift in (0, 2, 4)]
    header.fields["dim_info"] = parts[0] | parts[1] << 2 | parts[2] << 4
    new = parts[2]
    if not new or new > len(plan.dims) or move[:3, new - 1].sum() > 0:
        return
    last = plan.dims[new - 1] - 1
    start, end, code = (header.get(name) for name in ("slice_start", "slice_end", "slice_code"))
    header.fields["slice_code"] = _REVERSED.get(code, code)
    if 0 <= start <= end <= last and end > 0:
        header.fields["slice_start"], header.fields["slice_end"] = last - end, last - start
