"""What the first bytes of Scanco's files say."""

from __future__ import annotations

import struct
from typing import Literal

ISQ = b"CTDATA-HEADER_V1"
AIM_030 = b"AIMDATA_V030   \0"
_AIM_020 = struct.Struct("<5i")
"""Lengths of this, of the structure of the image, of the log, the voxels and associated data."""
STRUCTURE_020 = 140

Kind = Literal["isq", "aim020", "aim030"]


def kind_of(head: bytes) -> Kind | None:
    """Return what a file is that begins so, None for none of Scanco's."""
    if head.startswith(ISQ):
        return "isq"
    if head.startswith(AIM_030):
        return "aim030"
    if len(head) < _AIM_020.size:
        return None
    own, structure, log, voxels, _ = _AIM_020.unpack_from(head)
    lengths = own == _AIM_020.size and structure == STRUCTURE_020
    return "aim020" if lengths and log >= 0 and voxels > 0 else None
