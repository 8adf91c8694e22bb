"""Where a header puts its voxels, and how it says so. All affines here lead from (x, y, z) on disk to RAS."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mlarray_core.errors import CorruptError
from mlarray_nifti.header import nibabel_class

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_nifti.header import Header

Form = Literal["auto", "sform", "qform", "none"]
Affine = np.ndarray[Any, np.dtype[np.float64]]

QFORM_TOLERANCE = 0.01
"""How far, in mm, a qform may move a voxel: as far as a slice of DICOM may lie from an even stack's place."""

MILLIMETRES = {1: 1000.0, 2: 1.0, 3: 1e-3}
"""By the code of the unit of length; without one it is the millimetre."""

WAYS_OUT = "Choose another placement with -o form=sform, qform or none"


def used_form(header: Header, form: Form = "auto") -> Form:
    """Return which form places the image: the sform if its code is set, else the qform, else none."""
    if form != "auto":
        return form
    if header.get("sform_code") > 0:
        return "sform"
    return "qform" if header.get("qform_code") > 0 else "none"


def affine_of(header: Header, ndim: int, form: Form, path: Path) -> Affine:
    """Return the 4 x 4 affine of a form; for none only the voxel sizes, with no world meant.

    Parameters
    ----------
    header
        The header.
    ndim
        Number of axes of the image, at most 3 of which are spatial.
    form
        What `used_form` gives.
    path
        For messages.

    Raises
    ------
    CorruptError
        The form holds NaN, or gives voxels no extent.
    """
    if form == "sform":
        affine = with_third_axis(sform(header), min(ndim, 3), header)
    elif form == "qform":
        affine = qform(header, voxel_sizes(header, ndim, path))
    else:
        affine = np.diag([*voxel_sizes(header, ndim, path), 1.0])
    _check(affine, form, path)
    return affine


def voxel_sizes(header: Header, ndim: int, path: Path) -> list[float]:
    """Return the sizes of a voxel in x, y, z from pixdim[1..3]; 1 for axes that the image lacks or has once.

    Parameters
    ----------
    header
        The file's header.
    ndim
        Number of axes of the image.
    path
        The file, for errors.

    Raises
    ------
    CorruptError
        One is NaN, infinite or zero.
    """
    pixdim = header.get("pixdim")
    dim = header.get("dim")
    sizes = [1.0, 1.0, 1.0]
    for axis in range(1, 4):
        size = abs(pixdim[axis])
        if np.isfinite(size) and size > 0:
            sizes[axis - 1] = size
        elif axis <= ndim and (dim[axis] > 1 or not np.isfinite(size)):
            raise CorruptError(
                f"expected the size of a voxel, got {pixdim[axis]}",
                path=path,
                field=f"pixdim[{axis}]",
                hint=WAYS_OUT,
            )
    return sizes


def has_voxel_sizes(header: Header, ndim: int) -> bool:
    """Say whether pixdim gives a size above zero for each spatial axis."""
    return all(np.isfinite(size) and size != 0 for size in header.get("pixdim")[1 : min(ndim, 3) + 1])


def sform(header: Header) -> Affine:
    """Return the affine of srow_x, srow_y and srow_z."""
    affine = np.eye(4)
    for row, name in enumerate(("srow_x", "srow_y", "srow_z")):
        affine[row] = header.get(name)
    return affine


def qform(header: Header, sizes: list[float]) -> Affine:
    """Return the affine of quaternion, offset and voxel sizes (nifti1_io.c, nifti_quatern_to_mat44)."""
    b, c, d = (float(header.get(f"quatern_{part}")) for part in "bcd")
    rest = 1.0 - (b * b + c * c + d * d)
    if rest < 1e-7:
        norm = np.sqrt(b * b + c * c + d * d)
        a, b, c, d = 0.0, b / norm, c / norm, d / norm
    else:
        a = np.sqrt(rest)
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    affine = np.eye(4)
    qfac = -1.0 if header.get("pixdim")[0] < 0 else 1.0
    affine[:3, :3] = rotation * [sizes[0], sizes[1], sizes[2] * qfac]
    affine[:3, 3] = [header.get(f"qoffset_{axis}") for axis in "xyz"]
    return affine


def with_third_axis(affine: Affine, ndim: int, header: Header) -> Affine:
    """Give the axes that a 1-D or 2-D image lacks a direction, where its sform leaves them without one.

    Parameters
    ----------
    affine
        4 x 4, from the sform.
    ndim
        Number of axes of the image.
    header
        The header, for voxel sizes.
    """
    affine = affine.copy()
    sizes = [abs(size) if np.isfinite(size) and size else 1.0 for size in header.get("pixdim")[1:4]]
    for axis in range(ndim, 3):
        if not affine[:3, axis].any():
            affine[:3, axis] = _normal(affine[:3, :axis]) * sizes[axis]
    return affine


def _normal(columns: Affine) -> Affine:
    """Return a unit vector at right angles to one or two columns, right-handed for two."""
    if columns.shape[1] == 2:
        normal = np.cross(columns[:, 0], columns[:, 1])
    else:
        along = columns[:, 0]
        normal = np.cross(np.eye(3)[np.argmin(np.abs(along))], along)
    length = float(np.linalg.norm(normal))
    return np.asarray(normal / length if length else normal)


def _check(affine: Affine, form: Form, path: Path) -> None:
    if not np.isfinite(affine).all():
        raise CorruptError(f"the {form} holds NaN or infinity", path=path, hint=WAYS_OUT)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not lengths.all() or abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-9:
        raise CorruptError(f"the {form} is singular: it gives voxels no volume", path=path, hint=WAYS_OUT)


def to_array_order(affine: Affine, count: int) -> Affine:
    """Turn columns x, y, z into those of the last `count` of the axes z, y, x, dropping what isn't there.

    Only an image without a world has fewer than three spatial axes; its affine is diagonal.
    """
    kept = [*range(count)]
    columns = [*reversed(kept), 3]
    return affine[np.ix_([*kept, 3], columns)]


def fits(ours: Affine, theirs: Affine) -> bool:
    """Say whether two affines are the same to the float32 that NIfTI-1 stores."""
    scale = max(float(np.abs(theirs[:3]).max()), 1e-30)
    return bool(np.allclose(ours, theirs, rtol=1e-6, atol=scale * 1e-7))


def put_qform(header: Header, affine: Affine, code: int, dims: Sequence[int] | None = None) -> bool:
    """Store the nearest rotation of an affine as qform, if that moves no voxel by more than the tolerance.

    A rotation keeps the first voxel in its place, or, where that moves the last too far, the centre.

    Parameters
    ----------
    header
        Gets it; qform_code is 0 where there is none.
    affine
        From x, y, z on disk to RAS, in the header's unit.
    code
        For qform_code.
    dims
        Number of voxels along x, y and z; None to take none but rotations.

    Returns
    -------
    bool
        Whether there is one now.
    """
    scratch = nibabel_class(header.variant)()
    scratch.set_qform(affine, code, strip_shears=True)
    for name in ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z", "qform_code"):
        header.fields[name] = scratch[name]
    header.fields["pixdim"][0] = scratch["pixdim"][0]
    if _is_rotation(affine):
        return True
    if dims is None:
        header.fields["qform_code"] = 0
        return False
    ends = np.array([*itertools.product(*((0, size - 1) for size in dims))]).T
    away = (qform(header, np.linalg.norm(affine[:3, :3], axis=0).tolist()) - affine)[:3, :3]
    millimetres = MILLIMETRES.get(header.get("xyzt_units") & 7, 1.0)
    if _furthest(away @ ends) * millimetres <= QFORM_TOLERANCE:
        return True
    moved = away @ (ends - ends.mean(1, keepdims=True))
    if _furthest(moved) * millimetres <= QFORM_TOLERANCE:
        for axis, shift in zip("xyz", away @ ends.mean(1), strict=True):
            header.fields[f"qoffset_{axis}"] -= shift
        return True
    header.fields["qform_code"] = 0
    return False


def _furthest(moved: Affine) -> float:
    return float(np.linalg.norm(moved, axis=0).max())


def _is_rotation(affine: Affine) -> bool:
    """Say whether an affine is a rotation of voxel sizes but for rounding (as nibabel's set_qform has it)."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    left, _, right = np.linalg.svd(directions)
    return bool(np.allclose(left @ right, directions))


def put_sform(header: Header, affine: Affine, code: int) -> None:
    """Store an affine as sform.

    Parameters
    ----------
    header
        The header that is filled.
    affine
        4 x 4, from voxel indices to RAS in the header's units.
    code
        Which world (nifti1.h, NIFTI_XFORM_...).
    """
    for row, name in enumerate(("srow_x", "srow_y", "srow_z")):
        header.fields[name] = affine[row]
    header.fields["sform_code"] = code


def put_voxel_sizes(header: Header, sizes: list[float]) -> None:
    """Store the voxel sizes of the spatial axes, x first."""
    header.fields["pixdim"][1 : 1 + len(sizes)] = sizes


def voxel_move(old: Affine, new: Affine) -> Affine | None:
    """Return the flips and permutation of the grid that lead from one affine to another, None if none do."""
    move = np.linalg.inv(old) @ new
    rounded = np.rint(move)
    signed = np.abs(rounded[:3, :3])
    if np.abs(move - rounded).max() > 1e-3 or (signed.sum(0) != 1).any() or (signed.sum(1) != 1).any():
        return None
    return rounded
