"""What the first bytes of a file say. Standard library only."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_ORDERS = {b"II": "<", b"MM": ">"}
CLASSIC, BIG = 42, 43


@dataclass(frozen=True)
class Signature:
    """The header of a TIFF file (TIFF 6.0, section 2; BigTIFF design).

    Parameters
    ----------
    order
        Byte order, ``<`` or ``>``.
    big
        Whether it is BigTIFF.
    first_page
        Place of the first page's directory.
    """

    order: str
    big: bool
    first_page: int


def recognise(head: bytes) -> Signature | None:
    """Return the header that `head` begins with, None when it is no TIFF."""
    order = _ORDERS.get(head[:2])
    if order is None or len(head) < 8:
        return None
    version = struct.unpack(f"{order}H", head[2:4])[0]
    if version == CLASSIC:
        return _plausible(Signature(order, False, struct.unpack(f"{order}I", head[4:8])[0]), head)
    if version == BIG and len(head) >= 16:
        size, zero, first = struct.unpack(f"{order}HHQ", head[4:16])
        return _plausible(Signature(order, True, first), head) if (size, zero) == (8, 0) else None
    return None


def _plausible(signature: Signature, head: bytes) -> Signature | None:
    """Refuse a directory inside the header, or, where it can be seen, without any tag or one unknown type."""
    at, width = signature.first_page, 8 if signature.big else 2
    if at < (16 if signature.big else 8):
        return None
    directory = head[at : at + width + 4]
    if len(directory) < width + 4:
        return signature
    count, _, kind = struct.unpack(f"{signature.order}{'Q' if signature.big else 'H'}HH", directory)
    return signature if count and 1 <= kind <= 18 else None


def is_dicom(head: bytes) -> bool:
    """Say whether this is DICOM behind the header of a TIFF, which its preamble may hold (PS3.10, 7.1).

    Such a file is both. Read as TIFF it would lose rescaling, sign and place, and programs that change its
    pixels leave an outdated TIFF header in it.
    """
    return head[128:132] == b"DICM"


def is_indexed(head: bytes) -> bool:
    """Say whether this is one file of NDTiff, whose index beside it says where planes of the data set are."""
    order = _ORDERS.get(head[:2])
    return order is not None and head[8:12] == struct.pack(f"{order}I", 483729)


def is_companion(head: bytes) -> bool:
    """Say whether this is OME-XML by itself: the companion of OME-TIFF files without their own."""
    start = head[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith(b"<") and b"<OME" in start and b"openmicroscopy.org/Schemas/OME" in start
