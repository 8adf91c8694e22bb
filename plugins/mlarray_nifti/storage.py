"""The voxels of a file: what type they have and where they lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io.sdk import RawData

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_nifti.header import Header

COLOURS = {128: 3, 2304: 4}
"""Components of RGB24 and RGBA32, whose voxels are three or four uint8."""

DTYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 32: "c8", 64: "f8", 256: "i1", 512: "u2", 768: "u4",
    1024: "i8", 1280: "u8", 1792: "c16",
}  # fmt: skip
"""NumPy types by datatype code (nifti1.h, DT_*)."""

_UNHELD = {1: "single bits", 1536: "float128", 2048: "complex256"}


@dataclass(frozen=True)
class Storage(RawData):
    """How voxels lie in a file; colour components are the last axis.

    Parameters
    ----------
    components
        3 or 4 for the colour datatypes, else 0.
    """

    components: int = 0


def storage_of(header: Header, path: Path) -> Storage:
    """Return how a header says that its voxels lie.

    Raises
    ------
    CorruptError
        Dimensions, datatype or offset make no sense.
    UnsupportedError
        Nothing holds the datatype.
    """
    shape = _shape(header, path)
    code = header.get("datatype")
    components = COLOURS.get(code, 0)
    if components:
        return Storage((*shape, components), np.dtype("u1"), _offset(header, path), components)
    if code in _UNHELD:
        raise UnsupportedError(
            f"its voxels are {_UNHELD[code]}, which no array here holds",
            path=path,
            field="datatype",
            hint="Convert it first to another type, such as float64, with the program that wrote it",
        )
    if code not in DTYPES:
        raise CorruptError(f"there is no datatype {code}", path=path, field="datatype")
    order = "<" if header.byte_order == "little" else ">"
    return Storage(shape, np.dtype(order + DTYPES[code]), _offset(header, path))


def _shape(header: Header, path: Path) -> tuple[int, ...]:
    """Return the size of each axis, slowest first. Sizes of 0 above axis 1 mean 1 (nifti1_io.c)."""
    dim = header.get("dim")
    if not 1 <= dim[0] <= 7:
        raise CorruptError(f"expected 1 to 7 axes, got {dim[0]}", path=path, field="dim[0]")
    sizes = dim[1 : 1 + dim[0]]
    if sizes[:3] == [-1, 1, 1] and header.get("glmin") > 0:
        # FreeSurfer's, of a surface with more vertices than dim holds (mri_convert, niftiWrite)
        sizes[0] = header.get("glmin")
    for axis, size in enumerate(sizes, start=1):
        if size < 0 or (size == 0 and axis == 1):
            raise CorruptError(f"expected the size of an axis, got {size}", path=path, field=f"dim[{axis}]")
    return tuple(max(size, 1) for size in reversed(sizes))


def _offset(header: Header, path: Path) -> int:
    """Return where the voxels begin, in a single file never inside the header (nifti1.h, vox_offset)."""
    offset = header.get("vox_offset", 0)
    if not math.isfinite(offset) or offset < 0:
        raise CorruptError(f"expected the place of the voxels, got {offset}", path=path, field="vox_offset")
    return max(int(offset), header.size + 4) if header.single else int(offset)
