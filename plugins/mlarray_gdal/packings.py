"""How the fields of a GRIB are packed, and which of them GDAL doesn't unpack. Standard library only.

WMO's Manual on Codes, I.2: FM 92, edition 1, section 4, table 11; edition 2, table 5.0. GDAL's library for
edition 1 warns of what it can't unpack in its own output, and hands out numbers all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_core.errors import UnsupportedError
from mlarray_gdal.messages import fields_of, mapped, number

if TYPE_CHECKING:
    from mmap import mmap
    from pathlib import Path

    from mlarray_gdal.messages import Field

_UNPACKED = {
    0: "", 2: "complex packing", 3: "complex packing of differences", 4: "IEEE floats",
    40: "JPEG 2000", 41: "PNG", 42: "CCSDS", 40000: "JPEG 2000", 40010: "PNG",
}  # fmt: skip
"""Templates of section 5 that GDAL unpacks; the first is the plain way, and has no name here."""
_OTHERS = {
    1: "matrices", 50: "spectral coefficients", 51: "spectral coefficients", 53: "spectral coefficients",
    61: "logarithms", 200: "run lengths", 50000: "spectral coefficients", 50001: "second order",
    50002: "second order",
}  # fmt: skip
_COMPLEX, _MORE = 0x40, 0x10
"""Flags of section 4 in edition 1."""


def check_packings(path: Path) -> None:
    """Refuse a file with fields that GDAL can't unpack.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    UnsupportedError
        There are some.
    """
    with mapped(path) as content:
        named = dict.fromkeys(_packing(content, field) for field in fields_of(content))
    others = [name for name, unpacked in named if not unpacked]
    if others:
        raise UnsupportedError(
            f"holds fields whose packing GDAL doesn't undo: {', '.join(others)}",
            path=path,
            hint="Pack them simply first: grib_set -r -s packingType=grid_simple IN OUT (ecCodes)",
        )


def packings_of(path: Path) -> list[str]:
    """Return how the fields of a file are packed, but for the plain way."""
    with mapped(path) as content:
        names = dict.fromkeys(_packing(content, field)[0] for field in fields_of(content))
    return [name for name in names if name]


def _packing(content: mmap, field: Field) -> tuple[str, bool]:
    """Return how a field is packed, and whether GDAL unpacks that."""
    if field.edition == 1:
        flags = number(content, field.sections[4] + 3, 1)
        if flags & _COMPLEX:
            return "second order", False
        return ("more flags", False) if flags & _MORE else ("", True)
    if 5 not in field.sections:
        return "", True  # a damaged file: GDAL says what it makes of it
    template = number(content, field.sections[5] + 9, 2)
    if template in _UNPACKED:
        return _UNPACKED[template], True
    return _OTHERS.get(template, f"template 5.{template}"), False
