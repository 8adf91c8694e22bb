"""Where the sections of a GRIB's fields begin: all of the file is searched. Standard library only.

The layout is of WMO's Manual on Codes, I.2: FM 92, editions 1 (sections 0 to 4) and 2 (sections 0 to 8).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAGIC = b"GRIB"
_LARGE = 0x800000
"""Flag of a length in edition 1: it counts by 120 bytes (ECMWF's messages of 8 MiB and more)."""
_GRID, _BITS = 0x80, 0x40
"""Flags of section 1 in edition 1: sections 2 and 3 follow."""


@dataclass(frozen=True)
class Field:
    """A field.

    Parameters
    ----------
    edition
        Of its message, 1 or 2.
    end
        Of its message: what sections tell of bytes behind it isn't true.
    sections
        Where those that tell of it begin: 1, 2 and 4 of edition 1, 3, 5 and 7 of edition 2; without a
        grid of its own it has no section 2.
    """

    edition: int
    end: int
    sections: dict[int, int]


@contextmanager
def mapped(path: Path) -> Iterator[mmap]:
    """Map a file for reading, as long as a ``with`` block lasts."""
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        yield content


def fields_of(content: mmap) -> Iterator[Field]:
    """Yield the fields of a file, in its order; what is cut off tells of none.

    Parameters
    ----------
    content
        The file.
    """
    start = content.find(_MAGIC)
    while start >= 0:
        edition = content[start + 7 : start + 8]
        end = start + len(_MAGIC)
        if edition == b"\2":
            end = min(max(end, start + number(content, start + 8, 8)), len(content))
            yield from _of_second(content, start + 16, end)
        elif edition == b"\1":
            length = number(content, start + 4, 3)
            large = (length & ~_LARGE) * 120 - 120
            end = max(end, start + (large if length & _LARGE else length))
            if end <= len(content):  # else GDAL tells that it is cut off
                yield _of_first(content, start + 8, end)
        start = content.find(_MAGIC, end)


def number(content: mmap, at: int, size: int) -> int:
    """Return an unsigned number, big-endian.

    Parameters
    ----------
    content
        The file.
    at, size
        Where it stands, and of how many bytes.
    """
    return int.from_bytes(content[at : at + size], "big")


def _of_first(content: mmap, product: int, end: int) -> Field:
    """Return the field of a message of edition 1 whose section 1 begins there."""
    flags, sections = number(content, product + 7, 1), {1: product}
    at = product + number(content, product, 3)
    if flags & _GRID:
        sections[2] = at
        at += number(content, at, 3)
    if flags & _BITS:
        at += number(content, at, 3)
    return Field(1, end, {**sections, 4: at})


def _of_second(content: mmap, at: int, end: int) -> Iterator[Field]:
    """Yield the fields of a message of edition 2 whose section 1 begins there."""
    sections: dict[int, int] = {}
    while at < end and content[at : at + 4] != b"7777":
        length, kind = number(content, at, 4), number(content, at + 4, 1)
        if length < 5:
            return
        sections[kind] = at
        if kind == 7 and 3 in sections:
            yield Field(2, end, {one: sections[one] for one in (3, 5, 7) if one in sections})
        at += length
