"""What the first bytes of an MGH file say. Standard library only."""

from __future__ import annotations

import struct

MGH_TYPES = {0: "u1", 1: "i4", 3: "f4", 4: "i2", 10: "u2"}
"""Voxel types by code (FreeSurfer, mri.h: MRI_UCHAR, MRI_INT, MRI_FLOAT, MRI_SHORT, MRI_USHRT)."""


VERSION = 1
"""The low byte of the version; the bytes above it say what the voxels are for, such as a warp (FreeSurfer,
mri.h, MGH_INTENT; mghio.cpp)."""


def is_mgh(head: bytes) -> bool:
    """Say whether version, sizes and type are those of MGH."""
    if len(head) < 90:
        return False
    version, *sizes, code = struct.unpack_from(">6i", head)
    return version & 0xFF == VERSION and all(0 < size < 1 << 24 for size in sizes) and code in MGH_TYPES
