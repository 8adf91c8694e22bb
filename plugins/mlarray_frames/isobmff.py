"""Boxes of the ISO base media file format (ISO/IEC 14496-12), as far as pictures need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADERS = {b"meta": 12, b"iprp": 8, b"ipco": 8}
"""Boxes that hold others, and where those begin."""


def bits_of(content: bytes) -> int:
    """Return the most bits of a sample that an AVIF says (AV1-ISOBMFF 1.2, 2.3.3); 8 where it says none."""
    most = 8
    for kind, start, end in _boxes(content, 0, len(content), 0):
        if kind == b"av1C" and end - start >= 4:
            flags = content[start + 2]
            most = max(most, 12 if flags & 0x60 == 0x60 else 10 if flags & 0x40 else 8)
    return most


def _boxes(content: bytes, at: int, end: int, depth: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of the content of boxes, those within others too."""
    while at + 8 <= end:
        size, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        head = 8
        if size == 1:
            size, head = int.from_bytes(content[at + 8 : at + 16], "big"), 16
        stop = end if size == 0 else at + size
        if stop > end or stop < at + head:
            return
        yield kind, at + head, stop
        if kind in _HEADERS and depth < 4:
            yield from _boxes(content, at + _HEADERS[kind], stop, depth + 1)
        at = stop
