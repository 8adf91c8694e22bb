"""On which grids the fields of a GRIB lie. Standard library only.

GDAL takes the grid of the first field for that of all, and cuts others to its size without an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlarray_core.errors import UnsupportedError
from mlarray_gdal.messages import fields_of, mapped, number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap
    from pathlib import Path

    from mlarray_gdal.messages import Field

_SPECTRAL = {1: frozenset(range(50, 90)), 2: frozenset({50, 51, 52, 53, 61, 62, 63})}
"""Edition 1: data representation types (table 6); edition 2: templates of section 3 (table 3.1)."""
_WINDS = 0x08
"""Flag: winds are told along the grid; it says nothing of where a field lies."""
_WIND_AT = {**dict.fromkeys((0, 1, 2, 3, 40, 41, 42, 43), 54), **dict.fromkeys((10, 20, 30, 31), 46)}
"""Where templates of section 3 have the flag."""
_MOST = 1 << 20
"""Bytes of a grid's section that are looked at: real ones have some hundred, or a number for each row."""


@dataclass(frozen=True)
class Grid:
    """A grid.

    Parameters
    ----------
    content
        What the header says of it, but for levels and winds.
    size
        Columns and rows; None when the header names a grid of a catalogue, or it has no rows of equal length.
    spectral
        Whether coefficients take the place of points.
    """

    content: bytes
    size: tuple[int, int] | None
    spectral: bool = False


def grids_of(path: Path) -> list[Grid]:
    """Return the grids of a GRIB, each once, in the order of their first fields: all of it is searched."""
    with mapped(path) as content:
        return list(dict.fromkeys(_grids(content)))


def check_grids(grids: list[Grid], path: Path) -> None:
    """Refuse a file of which GDAL would hand out wrong values.

    Parameters
    ----------
    grids
        Of a GRIB.
    path
        Named in errors.

    Raises
    ------
    UnsupportedError
        Its fields have several sizes, or are no rasters.
    """
    if any(grid.spectral for grid in grids):
        raise UnsupportedError("holds spectral coefficients; put them on a grid first (CDO does)", path=path)
    if any(grid.size is not None and 0 in grid.size for grid in grids):
        raise UnsupportedError(
            "lies on a reduced grid, of rows of several lengths; put it on a regular one first (CDO does)",
            path=path,
        )
    sizes = list(dict.fromkeys(grid.size for grid in grids))
    if len(sizes) > 1:
        told = ", ".join("of a catalogue" if size is None else f"{size[0]} x {size[1]}" for size in sizes[:4])
        raise UnsupportedError(
            f"holds fields on grids of several sizes ({told}); split it by grids first (grib_copy does)",
            path=path,
        )


def _grids(content: mmap) -> Iterator[Grid]:
    """Yield the grid of each field, once for fields that share a section: it may be long, and they many."""
    last = None
    for field in fields_of(content):
        at = field.sections.get(field.edition + 1)
        if at is None or at != last:
            yield _grid(content, field)
        last = at


def _grid(content: mmap, field: Field) -> Grid:
    """Return the grid of a field."""
    if field.edition == 2:
        at = field.sections[3]
        return _of_section(bytearray(content[at + 5 : at + min(number(content, at, 4), _MOST)]))
    if 2 not in field.sections:
        product = field.sections[1]
        return Grid(content[product + 6 : product + 7], None)
    at = field.sections[2]
    found = bytearray(content[at : min(at + min(number(content, at, 3), _MOST), field.end)])
    if len(found) < 17:
        return Grid(bytes(found), None)
    levels, listed = found[3], found[4]
    found[16] &= ~_WINDS & 0xFF
    kept = bytes(found[5:])
    if levels and listed != 0xFF:
        kept = bytes(found[5 : listed - 1]) + bytes(found[listed - 1 + 4 * levels :])
    columns, rows = (int.from_bytes(found[part : part + 2], "big") % 0xFFFF for part in (6, 8))
    return Grid(kept, (columns, rows), found[5] in _SPECTRAL[1])


def _of_section(found: bytearray) -> Grid:
    """Return the grid of section 3 without its length and number, five bytes."""
    template = int.from_bytes(found[7:9], "big")
    flag = _WIND_AT.get(template, 0) - 5
    if 0 <= flag < len(found):
        found[flag] &= ~_WINDS & 0xFF
    if template in _SPECTRAL[2]:
        return Grid(bytes(found), None, spectral=True)
    columns, rows = (int.from_bytes(found[part : part + 4], "big") % 0xFFFFFFFF for part in (25, 29))
    return Grid(bytes(found), (columns, rows))
