"""Where the frames of compressed pixel data lie: items, fragments and offset tables (PS3.5, A.4)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Fragment = tuple[int, int]
"""Place in the file and length."""

_ITEM = b"\xfe\xff\x00\xe0"
"""Tag of an item, little endian (PS3.5, 7.5)."""
_STARTS = (
    b"\xff\xd8\xff",
    b"\xff\x4f\xff\x51",
    b"\x00\x00\x00\x0cjP",
    b"\xff\x0a",
    b"\x00\x00\x00\x0cJXL",
)
"""How a JPEG, JPEG-LS, JPEG 2000 or JPEG XL stream begins."""


def frames_of(path: Path, at: int, count: int, extended: Sequence[int] | None = None) -> list[list[Fragment]]:
    """Return the fragments of each frame.

    As many fragments as frames, and each is one. Otherwise the offset tables say which fragment begins a
    frame, if they agree with the fragments; otherwise the beginning of a compressed stream does.

    Parameters
    ----------
    path, at
        The file, and where the value of its pixel data begins.
    count
        Number of frames.
    extended
        The Extended Offset Table (PS3.3, C.7.6.3.1.8), if there is one.

    Raises
    ------
    CorruptError
        The fragments are cut short or don't make up `count` frames.
    """
    with path.open("rb") as file:
        table, fragments = _items(file, at, count, path)
        if len(fragments) == count:
            return [[fragment] for fragment in fragments]
        if count == 1 and fragments:
            return [fragments]
        offsets = list(extended or ()) or table
        return _by_offsets(fragments, offsets, count) or _by_starts(file, fragments, count, path)


def all_fragments(path: Path, at: int) -> list[Fragment]:
    """Return every fragment of pixel data that make one stream together.

    Parameters
    ----------
    path, at
        The file, and where the value of its pixel data begins.

    Raises
    ------
    CorruptError
        They are cut short.
    """
    with path.open("rb") as file:
        return _items(file, at, 1, path)[1]


def _items(file: BinaryIO, at: int, count: int, path: Path) -> tuple[list[int], list[Fragment]]:
    """Return the Basic Offset Table and the fragments after it, as pydicom finds them.

    pydicom takes the end of the file for the end of the fragments, wherever it comes: whether the last one is
    whole is checked here, and how large the table is before it is read.
    """
    from pydicom.encaps import parse_basic_offsets, parse_fragments

    size = file.seek(0, 2)
    length = _length(file, at)
    if at + 8 + length > size:
        raise CorruptError("the file is cut short within its compressed pixel data", path=path)
    file.seek(at)
    try:
        # one entry for each frame (PS3.5, A.4): a table of another size belongs to another image
        table = parse_basic_offsets(file) if length == 4 * count else []
        file.seek(at + 8 + length)
        _, places = parse_fragments(file)
    except (ValueError, struct.error) as error:
        raise CorruptError("its compressed pixel data are damaged or cut short", path=path) from error
    if not places:
        raise CorruptError("its compressed pixel data are empty", path=path)
    ends = [*places[1:], places[-1] + 8 + _length(file, places[-1])]
    if ends[-1] > size:
        raise CorruptError("the file is cut short within its compressed pixel data", path=path)
    return table, [(place + 8, end - place - 8) for place, end in zip(places, ends, strict=True)]


def _length(file: BinaryIO, at: int) -> int:
    """Return the length of an item, 0 where there is none."""
    file.seek(at)
    head = file.read(8)
    return int(struct.unpack("<I", head[4:])[0]) if len(head) == 8 and head[:4] == _ITEM else 0


def _by_offsets(fragments: list[Fragment], offsets: Sequence[int], count: int) -> list[list[Fragment]] | None:
    """Group fragments by an offset table; None when it doesn't fit them."""
    first = fragments[0][0] - 8
    begins = {place - 8 - first: index for index, (place, _) in enumerate(fragments)}
    if len(offsets) != count or any(offset not in begins for offset in offsets):
        return None
    starts = [begins[offset] for offset in offsets]
    if starts[0] != 0 or starts != sorted(set(starts)):
        return None
    return _cut(fragments, starts)


def _by_starts(file: BinaryIO, fragments: list[Fragment], count: int, path: Path) -> list[list[Fragment]]:
    """Group fragments by where a compressed stream begins."""
    starts = []
    for index, (place, _) in enumerate(fragments):
        file.seek(place)
        if file.read(12).startswith(_STARTS):
            starts.append(index)
    if len(starts) != count or starts[0] != 0:
        raise CorruptError(
            f"{len(fragments)} fragments of pixel data don't make up {count} frames",
            path=path,
            field="NumberOfFrames",
        )
    return _cut(fragments, starts)


def _cut(fragments: list[Fragment], starts: list[int]) -> list[list[Fragment]]:
    ends = [*starts[1:], len(fragments)]
    return [fragments[start:end] for start, end in zip(starts, ends, strict=True)]
