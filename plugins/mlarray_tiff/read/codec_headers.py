"""How many pixels a compressed segment claims, read from its own header before it is decoded."""

from __future__ import annotations

import struct
import zlib

_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that give the size of the image (ITU T.81, B.2.2)."""

_LERC_HEAD = 64
"""Bytes of an inner LERC header that are enough for its size."""

_ZSTD = b"\x28\xb5\x2f\xfd"
"""A frame of Zstandard (RFC 8878, 3.1.1)."""

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Ratios of width to height that JPEG XL has short codes for (ISO/IEC 18181-1, D.2, "SizeHeader")."""


def pixels_in(data: bytes, most: int = 0) -> int:
    """Return how many pixels a segment claims to hold, 0 when its codec says nothing.

    JPEG, JPEG 2000, PNG, WebP, JPEG XL, JPEG XR and LERC (also within deflate) have headers of their own.

    Parameters
    ----------
    data
        The segment.
    most
        Bytes that LERC within Zstandard may take; 0 where the segment is no LERC, and stays packed.

    Raises
    ------
    ValueError
        What is within Zstandard is larger, or no Zstandard.
    """
    if data[:4] == b"\x89PNG":
        return _area(data[16:20], data[20:24])
    at = data.find(b"\xff\x4f\xff\x51", 0, 256)
    if at >= 0:
        return _area(data[at + 8 : at + 12], data[at + 12 : at + 16])
    if data[:2] == b"\xff\xd8":
        return _jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    if data[:2] == b"\xff\x0a" or data[4:8] == b"JXL ":
        return _jpeg_xl(data)
    if data[:3] == b"II\xbc":
        return _jpeg_xr(data)
    if most and data[:4] == _ZSTD:
        return _lerc(_within_zstandard(data, most))
    return _lerc(data)


def _within_zstandard(data: bytes, most: int) -> bytes:
    """Return what Zstandard holds; its library decodes frames as a whole, so the size is limited first."""
    from imagecodecs import zstd_decode

    try:
        return bytes(zstd_decode(data, out=bytearray(most)))
    except Exception as error:  # a class of its own, derived from RuntimeError
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _jpeg(data: bytes) -> int:
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAME:
            return _area(data[at + 5 : at + 7], data[at + 7 : at + 9])
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0


def _webp(data: bytes) -> int:
    """Read the first chunk (RFC 9649, 2.5 to 2.7)."""
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    return width * height


def _jpeg_xl(data: bytes) -> int:
    """Read the size at the start of the codestream (ISO/IEC 18181-1, D.2), in a container or bare."""
    start = 0
    if data[4:8] == b"JXL ":
        boxes = [at for name in (b"jxlc", b"jxlp") if (at := data.find(name)) >= 0]
        if not boxes:
            return 0
        start = min(boxes) + (4 if data[min(boxes) :][:4] == b"jxlc" else 8)
    bits = _Bits(data[start + 2 : start + 18])
    small = bits.take(1)
    height = 8 * (1 + bits.take(5)) if small else bits.length()
    ratio = bits.take(3)
    if ratio:
        wide, high = _RATIOS[ratio - 1]
        return height * (height * wide // high)
    return height * (8 * (1 + bits.take(5)) if small else bits.length())


class _Bits:
    """Bits of a JPEG XL header, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._left = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        value = self._left & ((1 << count) - 1)
        self._left >>= count
        return value

    def length(self) -> int:
        return 1 + self.take((9, 13, 18, 30)[self.take(2)])


def _jpeg_xr(data: bytes) -> int:
    """Read width and height from the directory (ITU-T T.832, A.7)."""
    sizes = {0xBC80: 0, 0xBC81: 0}
    try:
        (at,) = struct.unpack_from("<I", data, 4)
        (count,) = struct.unpack_from("<H", data, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from("<HHII", data, entry)
            if tag in sizes:
                sizes[tag] = value
    except struct.error:
        return 0
    return sizes[0xBC80] * sizes[0xBC81]


def _lerc(data: bytes) -> int:
    """Read rows and columns (LERC, "Lerc2" header: key, version, checksum from version 3 on)."""
    if data[:1] == b"\x78":  # deflate around it (LercParameters)
        try:
            data = zlib.decompressobj().decompress(data, _LERC_HEAD)
        except zlib.error:
            return 0
    if data[:6] != b"Lerc2 " or len(data) < 22:
        return 0
    (version,) = struct.unpack_from("<i", data, 6)
    rows, columns = struct.unpack_from("<2i", data, 14 if version >= 3 else 10)
    return int(max(0, rows) * max(0, columns))


def _area(height: bytes, width: bytes) -> int:
    return int.from_bytes(height, "big") * int.from_bytes(width, "big")
