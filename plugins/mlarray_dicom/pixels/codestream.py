"""What the header of a compressed frame says about its size, before a decoder allocates anything."""

from __future__ import annotations

import struct

RLE = "1.2.840.10008.1.2.5"
RLE_MOST = 64
"""A run of RLE turns two bytes into at most 128 (PS3.5, G.3.1)."""


def frame_size(data: bytes) -> tuple[int, int, int, int] | None:
    """Return rows, columns, samples and bits of a JPEG, JPEG-LS or JPEG 2000 stream; None when unknown."""
    if data[:2] == b"\xff\xd8":
        return _jpeg(data)
    start = data.find(b"\xff\x4f\xff\x51", 0, 4096)
    return None if start < 0 else _jpeg2000(data[start:])


def _jpeg(data: bytes) -> tuple[int, int, int, int] | None:
    """Find the frame header (ITU-T T.81, B.2.2; T.87, C.2.2)."""
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if (marker in range(0xC0, 0xD0) and marker not in (0xC4, 0xC8, 0xCC)) or marker == 0xF7:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", data, at + 4)
            return rows, columns, samples, bits
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None


def _jpeg2000(data: bytes) -> tuple[int, int, int, int] | None:
    """Read the SIZ segment (ITU-T T.800, A.5.1)."""
    if len(data) < 43:
        return None
    width, height, left, top = struct.unpack_from(">IIII", data, 8)
    samples, depth = struct.unpack_from(">HB", data, 40)
    return height - top, width - left, samples, (depth & 0x7F) + 1
