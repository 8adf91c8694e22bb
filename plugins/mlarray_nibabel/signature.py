"""What the first bytes of a file say. Standard library only."""

from __future__ import annotations

import re

_AFNI = re.compile(rb"\s*type\s*=\s*\w+-attribute\s+name\s*=\s*\w+\s+count\s*=\s*\d+")


def is_minc(head: bytes) -> bool:
    """Say whether it is NetCDF or HDF5, and MINC."""
    if head[:4] in (b"CDF\x01", b"CDF\x02"):
        return b"space" in head and b"image" in head
    return head.startswith(b"\x89HDF\r\n\x1a\n") and b"minc-2.0" in head


def is_afni(head: bytes) -> bool:
    """Say whether it begins with an attribute of an AFNI header."""
    return _AFNI.match(head) is not None


def is_par(head: bytes) -> bool:
    """Say whether it is a PAR file."""
    return head.lstrip().startswith(b"#") and b"DATA DESCRIPTION FILE" in head[:2048]
