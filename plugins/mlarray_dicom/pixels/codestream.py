"""What the header of a compressed frame says about its size, before a decoder allocates anything."""

from __future__ import annotations

import struct

RLE_MOST = 64
"""A run of RLE turns two bytes into at most 128 (PS3.5, G.3.1)."""


_SIZ = b"\xff\x4f\xff\x51"
"""How a codestream of JPEG 2000 begins: SOC, then the marker of SIZ (ITU-T T.800, A.4.1 and A.5.1)."""


def frame_size(data: bytes) -> tuple[int, int, int, int] | None:
    """Return rows, columns, samples and bits of a compressed stream; None when unknown.

    JPEG, JPEG-LS, JPEG 2000 and JPEG XL are known; of the last, samples and bits are 0 here.
    """
    if data[:2] == b"\xff\xd8":
        return _jpeg(data)
    if data[:2] == b"\xff\x0a":
        return _jpeg_xl(data[2:])
    if data[:12] == _JXL_CONTAINER:
        return _boxed_jpeg_xl(data)
    start = data.find(_SIZ, 0, 4096)
    return None if start < 0 else _jpeg2000(data[start:])


def is_signed(data: bytes) -> bool:
    """Say whether the first component of a JPEG 2000 stream, that `frame_size` knows, is signed."""
    start = data.find(_SIZ, 0, 4096)
    return bool(data[start + 42] & 0x80)


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


_JXL_CONTAINER = b"\x00\x00\x00\x0cJXL \r\n\x87\n"
_MOST_BOXES = 100
"""Boxes of a container that are looked at; the codestream is among the first ones."""
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height, by the code for it (ISO/IEC 18181-1, table A.5)."""


def _boxed_jpeg_xl(data: bytes) -> tuple[int, int, int, int] | None:
    """Find the codestream in its container (ISO/IEC 18181-2, 4.2)."""
    at = len(_JXL_CONTAINER)
    for _ in range(_MOST_BOXES):
        if at + 16 > len(data):
            return None
        length, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1:
            length, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        if kind in (b"jxlc", b"jxlp"):
            start = at + head + (4 if kind == b"jxlp" else 0)  # a part begins with its number
            return _jpeg_xl(data[start + 2 :]) if data[start : start + 2] == b"\xff\x0a" else None
        if length < head:
            return None
        at += length
    return None


def _jpeg_xl(data: bytes) -> tuple[int, int, int, int] | None:
    """Read the SizeHeader (ISO/IEC 18181-1, A.3): bits from the lowest of each byte on."""
    bits = int.from_bytes(data[:16], "little")
    at = 0

    def take(count: int) -> int:
        nonlocal at
        value = bits >> at & ((1 << count) - 1)
        at += count
        return value

    def size() -> int:
        return 1 + take((9, 13, 18, 30)[take(2)])

    small = take(1)
    rows = 8 * (1 + take(5)) if small else size()
    ratio = take(3)
    if ratio:
        wide, high = _RATIOS[ratio - 1]
        columns = rows * wide // high
    else:
        columns = 8 * (1 + take(5)) if small else size()
    return rows, columns, 0, 0
