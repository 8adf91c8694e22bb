"""Which kind of picture a file is. Standard library only."""

from __future__ import annotations

import re

_STARTS = (
    (b"\xff\x0a", "jpegxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jpegxl"),
    (b"II\xbc\x01", "jpegxr"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"qoif", "qoi"),
    (b"\x76\x2f\x31\x01", "exr"),
)
_AVIF = (b"avif", b"avis")
_HEIF = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")
_PNM = re.compile(rb"P[1-6][ \t\r\n#]|P7\n|P[fF]\r?\n")


def kind_of(head: bytes) -> str | None:
    """Return the name of the format of a file that begins with `head`, None for none of these."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[4:8] == b"ftyp":
        return _brand(head)
    if _PNM.match(head) and _is_text(head[:16]):
        return "pnm"
    if is_moving(head):
        return "animation"
    return None


def _brand(head: bytes) -> str | None:
    """Return which kind the brands of an ISO base media file say (ISO/IEC 23008-12, 10; AVIF 1.1, 6)."""
    size = min(int.from_bytes(head[:4], "big"), 256)
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    if any(brand in _AVIF for brand in brands[:1]) or (brands[0] in _HEIF[-2:] and b"avif" in brands):
        return "avif"
    return "heif" if brands[0] in _HEIF else None


def _is_text(head: bytes) -> bool:
    """Say whether a header goes on as Netpbm's do: words and numbers, before any voxels."""
    return all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head[:7])


def is_moving(head: bytes) -> bool:
    """Say whether a PNG or WebP has several frames, or one that isn't its picture for those who show none.

    PNG, 11.3.6.1: a chunk acTL before IDAT, and fcTL before it too if it is a frame; RFC 9649, 2.7.
    """
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        control = head.find(b"acTL")
        data = head.find(b"IDAT") % (len(head) + 1)
        apart = head.find(b"fcTL", 0, data) < 0 and data < len(head)
        frames = int.from_bytes(head[control + 4 : control + 8], "big")
        return 0 < control < data and (frames > 1 or (frames == 1 and apart))
    return head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) > 20 and bool(head[20] & 2)


def could_be_tga(head: bytes) -> bool:
    """Say whether the 18 bytes of a header make sense (Truevision TGA 2.0, "TGA File Header")."""
    if len(head) < 18:
        return False
    kinds = {1: 1, 9: 1, 2: 0, 10: 0, 3: 0, 11: 0}
    width, height = (int.from_bytes(head[at : at + 2], "little") for at in (12, 14))
    return (
        head[1] in (0, 1)
        and head[2] in kinds
        and head[16] in (1, 8, 15, 16, 24, 32)
        and bool(width and height)
    )
