"""Opens a GIPL image (Guy's Image Processing Lab): 256 bytes of header, then voxels, all big-endian."""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING, TypedDict, cast

import numpy as np

from mlarray_core import Additions, AxisValues, Meta
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_core.headers import plain
from mlarray_io.sdk import RawData, RawReader, check_size, open_bytes, placed, spatial_labels, tell_rest

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Context

HEADER = struct.Struct(">4H H 4f 80s 20f B B d d 4d f f f f I")
FIELDS = {
    "dim": 4, "type": 1, "pixdim": 4, "line1": 1, "matrix": 20, "flag1": 1, "flag2": 1, "min": 1, "max": 1,
    "origin": 4, "pixval_offset": 1, "pixval_cal": 1, "user_def1": 1, "user_def2": 1, "magic_number": 1,
}  # fmt: skip
"""Names and numbers of values (itkGiplImageIO.cxx)."""

DTYPES = {
    1: "u1", 7: "i1", 8: "u1", 15: ">i2", 16: ">u2", 31: ">u4", 32: ">i4", 64: ">f4", 65: ">f8",
}  # fmt: skip
"""Types by code (itkGiplImageIO.cxx, GIPL_BINARY ... GIPL_DOUBLE)."""


class Fields(TypedDict):
    """The fields of a header that are used; the others are kept by their names."""

    dim: list[int]
    type: int
    pixdim: list[float]
    origin: list[float]


def open_gipl(path: Path, context: Context) -> RawReader:
    """Open an image, gzipped or not.

    Raises
    ------
    CorruptError
        The header makes no sense, or describes more than the file holds.
    UnsupportedError
        Voxels are of a type that isn't read.
    LimitError
        It is larger than the host allows.
    """
    file = open_bytes(path)
    try:
        fields = parse(file.read(0, HEADER.size), path)
        sizes = _sizes(fields["dim"], path)
        raw = RawData(sizes[::-1], np.dtype(DTYPES[fields["type"]]), HEADER.size)
        check_size(raw, file, context)
        tell_rest(file, raw, context, "its header describes")
        return RawReader(file, raw, _meta(fields, sizes, path))
    except BaseException:
        file.close()
        raise


def parse(block: bytes, path: Path) -> Fields:
    """Return the fields of a header.

    Raises
    ------
    CorruptError
        It is too short.
    UnsupportedError
        It names a type that isn't read.
    """
    if len(block) < HEADER.size:
        raise CorruptError(f"is cut short: a GIPL header has {HEADER.size} bytes", path=path)
    values = iter(HEADER.unpack(block))
    groups = {name: list(itertools.islice(values, count)) for name, count in FIELDS.items()}
    fields = {name: group if len(group) > 1 else group[0] for name, group in groups.items()}
    fields["line1"] = groups["line1"][0].rstrip(b"\0 ").decode("latin-1")
    if fields["type"] not in DTYPES:
        raise UnsupportedError(f"there is no type {fields['type']} that is read", path=path, field="type")
    return cast("Fields", fields)


def _sizes(dim: list[int], path: Path) -> tuple[int, ...]:
    """Return the size of each axis, x first; a fourth axis of one isn't counted, nor are zeros at the end."""
    sizes = dim if dim[3] > 1 else dim[:3]
    while sizes and sizes[-1] == 0:
        sizes = sizes[:-1]
    if not sizes or 0 in sizes:
        raise CorruptError(f"expected sizes over 0, got {dim}", path=path, field="dim")
    return tuple(sizes)


def _meta(fields: Fields, sizes: tuple[int, ...], path: Path) -> Meta:
    space = min(len(sizes), 3)
    labels = spatial_labels(space, *["temporal"] * (len(sizes) - space))
    columns, origin = np.diag(fields["pixdim"][:space]), np.array(fields["origin"][:space])
    meta = Meta(source=plain(fields), spatial=placed(columns, origin, labels, path))
    start, step = fields["origin"][3], fields["pixdim"][3]
    if len(sizes) > 3 and step and np.isfinite([start, step]).all():
        times = [start + step * index for index in range(sizes[3])]
        Additions(axes={0: AxisValues("time", values=times)}).store(meta)
    return meta
