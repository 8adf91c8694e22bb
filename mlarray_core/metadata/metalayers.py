"""The sections of metalayers in the header and in the trailer of a Blosc2 frame: an index, then the contents.

Opening a file reads two of them, so each of their parts is taken by one call (c-blosc2,
README_CFRAME_FORMAT.rst).
"""

from __future__ import annotations

import struct

from mlarray_core.errors import CorruptError

_SECTION, _ENTRY, _COUNT, _CONTENT = (
    struct.Struct(form).unpack_from for form in (">BBHBH", ">Bi", ">BH", ">BI")
)
"""What a section begins with, what follows a name in the index, and what is before all contents and each."""
_MARKS = [0x93, 0xCD, 0xDE, 0xDC]
"""Of a list of three, its size, the map of names and the list of contents."""


def read_index(data: bytes, at: int) -> tuple[list[tuple[str, int]], int]:
    """Return the names and offsets that begin a section of metalayers, and where its contents begin.

    Parameters
    ----------
    data
        The header or the trailer.
    at
        Where the section begins.

    Raises
    ------
    CorruptError
        It is something else.
    struct.error, IndexError
        It is cut short.
    """
    array, number, _, mapping, count = _SECTION(data, at)
    at += 7
    entries = []
    for _ in range(count):
        tag = data[at]
        if not 0xA0 < tag <= 0xBF:
            raise CorruptError("a metadata section has no name")
        end = at + 1 + tag - 0xA0
        mark, offset = _ENTRY(data, end)
        if mark != 0xD2:
            raise CorruptError(f"marker 0x{mark:02x} where 0xd2 belongs")
        entries.append((data[at + 1 : end].decode("ascii", "replace"), offset))
        at = end + 5
    mark, contents = _COUNT(data, at)
    if [array, number, mapping, mark] != _MARKS:
        raise CorruptError("a metadata section is marked as something else")
    if contents != len(entries) or len({name for name, _ in entries}) != len(entries):
        raise CorruptError("names and contents of the metadata sections don't match")
    return entries, at + 3


def content_at(data: bytes, at: int, name: str, place: int) -> tuple[int, int]:
    """Return where the content of a metalayer begins and ends.

    Parameters
    ----------
    data
        The header or the trailer.
    at
        Where the metalayer before it ends.
    name, place
        What the index says.

    Raises
    ------
    CorruptError
        It isn't there, or ends early.
    struct.error
        It is cut short.
    """
    if place != at:
        raise CorruptError(f"the metadata {name!r} is not where the index says")
    mark, size = _CONTENT(data, at)
    if mark != 0xC6 or at + 5 + size > len(data):
        raise CorruptError(f"the metadata {name!r} isn't marked as such, or ends early")
    return at + 5, at + 5 + size
