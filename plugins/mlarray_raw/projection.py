"""The reference system of a raster, which ESRI keeps in a file of its own: a ``.prj`` in well-known text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlarray_io.sdk import check_beside

if TYPE_CHECKING:
    from pathlib import Path

ENDS = (".prj", ".PRJ")
LARGEST = 64 << 10
"""Bytes of a .prj: what is longer is none."""
_UNIT = re.compile(r'UNIT\["([^"]*)",\s*([0-9.eE+-]+)')
_CODE = re.compile(r'AUTHORITY\["EPSG",\s*"?(\d{4,6})"?\]\s*\]\s*$')
_ZONE = re.compile(r'PROJCS\["WGS_1984_UTM_Zone_(\d{1,2})([NS])"')
_PART = re.compile(r'"[^"]*"|[\[\]]')
"""A text, in which brackets mean nothing, or a bracket."""
_LENGTHS = {1.0: "m", 0.3048: "ft", 1000.0: "km"}


def projection(header: Path) -> str:
    """Return what the .prj beside a header holds; nothing where there is none, or none in well-known text.

    Parameters
    ----------
    header
        The header.

    Raises
    ------
    UnsafeError
        It is a link out of the header's folder.
    """
    for end in ENDS:
        path = header.with_suffix(end)
        if path.is_file():
            check_beside(header, path)
            with path.open("rb") as file:
                content = file.read(LARGEST + 1)
            text = content.decode("utf-8", "replace").strip()
            return text if len(content) <= LARGEST and text.startswith(("GEOGCS[", "PROJCS[")) else ""
    return ""


def unit_of(text: str) -> str:
    """Return the unit of a system's axes, empty where it is none of those that have a name here.

    Parameters
    ----------
    text
        The system, in well-known text: its own unit is the last one, after those of what it is made of.
    """
    text = _flat(text)
    units = _UNIT.findall(text)
    if not units:
        return ""
    name, factor = units[-1]
    if text.startswith("GEOGCS["):
        return "degree" if name.lower() == "degree" else ""
    try:
        return _LENGTHS.get(float(factor), "")
    except ValueError:
        return ""


def system_of(text: str) -> str | None:
    """Return the number (EPSG) of a system that says it, or is one of WGS 84; None for others.

    Parameters
    ----------
    text
        The system, in well-known text.
    """
    text = _flat(text)
    if found := _CODE.search(text):
        return f"EPSG:{found[1]}"
    if text.startswith('GEOGCS["GCS_WGS_1984"'):
        return "EPSG:4326"
    if (found := _ZONE.match(text)) and 1 <= int(found[1]) <= 60:
        return f"EPSG:{(32700 if found[2] == 'S' else 32600) + int(found[1])}"
    return None


def _flat(text: str) -> str:
    """Return the system without that of heights, which may follow; nothing of one that has no end."""
    open_ones = 0
    for part in _PART.finditer(text):
        open_ones += {"[": 1, "]": -1}.get(part[0], 0)
        if part[0] == "]" and not open_ones:
            return text[: part.end()]
    return ""
