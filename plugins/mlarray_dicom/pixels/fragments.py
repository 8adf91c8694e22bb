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

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP")
"""How a JPEG, JPEG-LS or JPEG 2000 stream begins."""


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
        table, fragments = _items(file, at, path)
        if len(fragments) == count:
            return [[fragment] for fragment in fragments]
        if count == 1 and fragments:
            return [fragments]
        offsets = list(extended or ()) or table
        return _by_offsets(fragments, offsets, count) or _by_starts(file, fragments, count, path)


def _items(file: BinaryIO, at: int, path: Path) -> tuple[list[int], list[Fragment]]:
    """Return the Basic Offset Table and the fragments after it."""
    size = file.seek(0, 2)
    file.seek(at)
    fragments: list[Fragment] = []
    table: list[int] | None = None
    while True:
        head = file.read(8)
        if head[:4] == _END or (not head and fragments):
            break
        if len(head) < 8 or head[:4] != _ITEM:
            raise CorruptError("its compressed pixel data are damaged or cut short", path=path)
        length = struct.unpack("<I", head[4:])[0]
        here = file.tell()
        if here + length > size:
            raise CorruptError("the file is cut short within its compressed pixel data", path=path)
        if table is None:
            data = file.read(length - length % 4)
            table = list(struct.unpack(f"<{len(data) // 4}I", data))
        else:
            fragments.append((here, length))
        file.seek(here + length)
    if not fragments:
        raise CorruptError("its compressed pixel data are empty", path=path)
    return table or [], fragments


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
