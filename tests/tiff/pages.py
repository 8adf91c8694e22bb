"""Writes TIFF byte by byte, so that pages can be damaged or left out in ways that no library writes."""

from __future__ import annotations

import struct

_CODES = {1: "B", 2: "B", 3: "H", 4: "I", 12: "d"}


def write_pages(path, pages, description=None, *, bits=16, photometric=1, samples=1, rows=None, extra=(),
                compression=1):  # fmt: skip
    """Write a little-endian TIFF; a page is (height, width, strips, offsets or None, counts or None)."""
    out, link = bytearray(b"II*\0\0\0\0\0"), 4
    for number, (height, width, strips, offsets, counts) in enumerate(pages):
        places = []
        for strip in strips:
            places.append(len(out))
            out += strip + b"\0" * (len(strip) % 2)
        tags = [
            (256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * samples), (259, 3, [compression]),
            (262, 3, [photometric]), (273, 4, places if offsets is None else offsets), (277, 3, [samples]),
            (278, 4, [rows or height]), (279, 4, [len(s) for s in strips] if counts is None else counts),
            *extra,
        ]  # fmt: skip
        if description and not number:
            tags.append((270, 2, list(description.encode() + b"\0")))
        entries = b""
        for code, kind, values in sorted(tags):
            packed = struct.pack(f"<{len(values)}{_CODES[kind]}", *values)
            if len(packed) > 4:
                at = len(out)
                out += packed + b"\0" * (len(packed) % 2)
                packed = struct.pack("<I", at)
            entries += struct.pack("<HHI", code, kind, len(values)) + packed.ljust(4, b"\0")
        struct.pack_into("<I", out, link, len(out))
        out += struct.pack("<H", len(tags)) + entries
        link = len(out)
        out += b"\0" * 4
    path.write_bytes(out)
