"""The placement that SPM99 and SPM2 store beside an Analyze image: a matrix in a MATLAB file of version 4."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core.errors import CorruptError
from mlarray_nifti.files import split
from mlarray_nifti.geometry import WAYS_OUT, Affine

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Context

LARGEST = 1 << 20
"""Bytes that are read of it: a few matrices have some hundreds."""

_HEADER = struct.Struct("5i")
"""Type, rows, columns, whether it is complex, and the length of the name (MAT-File Format, level 4)."""

_TYPES = {0: "f8", 1: "f4", 2: "i4", 3: "i2", 4: "u2", 5: "u1"}


def spm_affine(path: Path, context: Context) -> Affine | None:
    """Return the affine from voxels, x first, to RAS that stands beside an image; None where there is none.

    SPM counts voxels from 1. ``mat`` has the side of the patient settled, ``M`` has not: which side is left
    was a setting of the program (spm_get_space.m, ``defaults.analyze.flip``).

    Parameters
    ----------
    path
        Either file of the image.
    context
        Where to report that a matrix is there that isn't taken.

    Raises
    ------
    CorruptError
        Its matrix has no inverse.
    """
    beside = path.with_name(split(path)[0] + ".mat")
    if not beside.is_file():
        return None
    with beside.open("rb") as file:
        found = matrices(file.read(LARGEST))
    if "mat" not in found or found["mat"].shape[:2] != (4, 4):
        what = "whose side of the patient isn't said" if "M" in found else "that isn't of version 4"
        context.warn(f"{beside.name} beside it holds a placement by SPM {what}; it isn't taken")
        return None
    affine = np.array(found["mat"], np.float64)
    affine[:, 3] += affine[:, :3].sum(1)
    if not np.isfinite(affine).all() or not np.linalg.det(affine[:3, :3]):
        raise CorruptError("its matrix places no voxels", path=beside, hint=WAYS_OUT)
    return affine


def matrices(content: bytes) -> dict[str, Affine]:
    """Return the real matrices of a MATLAB file of version 4 by name, as far as it is one."""
    found: dict[str, Affine] = {}
    at = 0
    while at + _HEADER.size <= len(content):
        order = "<" if struct.unpack_from("<i", content, at)[0] in range(60) else ">"
        kind, rows, columns, imaginary, length = struct.unpack_from(f"{order}5i", content, at)
        dtype = _TYPES.get(kind // 10 % 10)
        size = rows * columns * (np.dtype(dtype).itemsize if dtype else 0)
        at += _HEADER.size
        if dtype is None or imaginary or min(rows, columns, length) < 0 or at + length + size > len(content):
            break
        name = content[at : at + length].rstrip(b"\0").decode("latin-1")
        values = np.frombuffer(content, order + dtype, rows * columns, at + length)
        found[name] = values.reshape(columns, rows).T.astype(np.float64)
        at += length + size
    return found
