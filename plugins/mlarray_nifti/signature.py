"""What the first bytes of a file say: NIfTI-1, NIfTI-2 or Analyze 7.5, and which byte order."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

Variant = Literal["nifti1", "nifti2", "analyze"]
ByteOrder = Literal["little", "big"]

HEADER_SIZE: dict[Variant, int] = {"nifti1": 348, "nifti2": 540, "analyze": 348}
LONGEST_HEADER = 540

_BITS = {
    1: 1, 2: 8, 4: 16, 8: 32, 16: 32, 32: 64, 64: 64, 128: 24, 256: 8, 512: 16, 768: 32,
    1024: 64, 1280: 64, 1536: 128, 1792: 128, 2048: 256, 2304: 32,
}  # fmt: skip
"""Bits of one voxel by datatype code (nifti1.h, DT_*)."""


@dataclass(frozen=True)
class Signature:
    """Which kind of header a file starts with.

    Parameters
    ----------
    variant
        The kind of header.
    byte_order
        Byte order of header and voxels.
    single
        Whether header and voxels share the file (``.nii``).
    plausible
        Whether dimensions and datatype make sense too.
    """

    variant: Variant
    byte_order: ByteOrder
    single: bool
    plausible: bool


def recognise(head: bytes) -> Signature | None:
    """Return what `head` is the beginning of, None when it is none of the three."""
    for byte_order, mark in (("little", "<"), ("big", ">")):
        size = struct.unpack_from(f"{mark}i", head)[0] if len(head) >= 4 else 0
        if size == 348 and len(head) >= 348:
            return _version1(head, byte_order, mark)  # type: ignore[arg-type]
        if size == 540 and len(head) >= 540 and head[4:7] in (b"n+2", b"ni2"):
            return _version2(head, byte_order, mark)  # type: ignore[arg-type]
    return None


def _version1(head: bytes, byte_order: ByteOrder, mark: str) -> Signature | None:
    (ndim,) = struct.unpack_from(f"{mark}h", head, 40)
    datatype, bits = struct.unpack_from(f"{mark}2h", head, 70)
    plausible = 1 <= ndim <= 7 and datatype in _BITS
    if head[344:347] in (b"n+1", b"ni1"):
        return Signature("nifti1", byte_order, head[344:347] == b"n+1", plausible)
    if plausible and bits == _BITS[datatype]:
        return Signature("analyze", byte_order, False, True)
    return None


def _version2(head: bytes, byte_order: ByteOrder, mark: str) -> Signature:
    (datatype,) = struct.unpack_from(f"{mark}h", head, 12)
    (ndim,) = struct.unpack_from(f"{mark}q", head, 16)
    return Signature("nifti2", byte_order, head[4:7] == b"n+2", 1 <= ndim <= 7 and datatype in _BITS)
