"""PNG's chunks (PNG specification, third edition): taken apart, checked, and put together."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from mlarray_core.errors import CorruptError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
_DEPTHS = {GREY: (1, 2, 4, 8, 16), PALETTE: (1, 2, 4, 8), RGB: (8, 16), GREY_ALPHA: (8, 16), RGBA: (8, 16)}


@dataclass(frozen=True)
class Ihdr:
    """The header: size, bits of a sample, and colour type."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: int

    def pack(self) -> bytes:
        """Return the content of the chunk."""
        return struct.pack(">2I5B", self.width, self.height, self.depth, self.colour, 0, 0, self.interlaced)


def parse_ihdr(head: bytes) -> Ihdr:
    """Read the header from the first bytes of a file.

    Raises
    ------
    CorruptError
        It allows no picture.
    """
    if len(head) < 33 or head[12:16] != b"IHDR":
        raise CorruptError("begins like PNG, but has no header")
    width, height, depth, colour, method, filters, interlaced = struct.unpack(">2I5B", head[16:29])
    wrong = method or filters or interlaced > 1 or depth not in _DEPTHS.get(colour, ())
    if wrong or not 0 < width < 1 << 31 or not 0 < height < 1 << 31:
        raise CorruptError("its PNG header allows no picture")
    return Ihdr(width, height, depth, colour, interlaced)


def split(content: bytes) -> dict[bytes, bytes]:
    """Return the chunks by type, those of a type joined, after checking their checksums up to the last.

    Raises
    ------
    CorruptError
        A chunk is damaged or the last is missing.
    """
    chunks: dict[bytes, list[bytes]] = {}
    at = 8
    while at + 12 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        if content[at + 8 + size : at + 12 + size] != zlib.crc32(kind + data).to_bytes(4, "big"):
            raise CorruptError(f"its PNG chunk {kind!r} is damaged")
        chunks.setdefault(kind, []).append(data)
        at += 12 + size
        if kind == b"IEND":
            return {name: b"".join(parts) for name, parts in chunks.items()}
    raise CorruptError("its PNG chunks end early")


def join(ihdr: Ihdr, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a whole file."""
    parts = [SIGNATURE]
    for kind, data in ((b"IHDR", ihdr.pack()), *chunks, (b"IEND", b"")):
        parts += [len(data).to_bytes(4, "big"), kind, data, zlib.crc32(kind + data).to_bytes(4, "big")]
    return b"".join(parts)
