"""The header of a KLB, little-endian, x first (Amat et al., Nat Protoc 10, 2015, "Keller lab block")."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

HEADER = struct.Struct("<B5I5f2B256s5I")
DTYPES = ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8")
"""Types by code."""
COMPRESSIONS = ("none", "bzip2", "zlib")
VERSION = 2
_OFFSET = 8
"""Bytes that say where a block ends; they follow the header, one for each."""


@dataclass(frozen=True)
class KlbHeader:
    """A header.

    Parameters
    ----------
    sizes, blocks
        Of the image and of a block: t, c, z, y, x.
    spacing
        Likewise: in seconds, nothing, and micrometres.
    dtype
        Of the voxels, as NumPy calls it.
    compression
        Of the blocks.
    metadata
        Of whoever wrote it: a text up to its first zero (left over memory follows), or bytes.
    """

    sizes: tuple[int, ...]
    blocks: tuple[int, ...]
    spacing: tuple[float, ...]
    dtype: str
    compression: str
    metadata: str | bytes

    @property
    def table(self) -> int:
        """Bytes of header and table: where the first block begins."""
        counts = (-(-size // block) for size, block in zip(self.sizes, self.blocks, strict=True))
        return HEADER.size + _OFFSET * math.prod(counts)


def parsed(head: bytes) -> KlbHeader | None:
    """Return the header that a file begins with, None when it is none."""
    if len(head) < HEADER.size:
        return None
    version, *values = HEADER.unpack_from(head)
    sizes, spacing, blocks = values[:5], values[5:10], values[13:]
    code, compression = values[10], values[11]
    known = version == VERSION and code < len(DTYPES) and compression < len(COMPRESSIONS)
    if not known or min(*sizes, *blocks) < 1 or not all(map(math.isfinite, spacing)):
        return None
    return KlbHeader(
        tuple(sizes[::-1]),
        tuple(min(pair) for pair in zip(sizes[::-1], blocks[::-1], strict=True)),
        tuple(spacing[::-1]),
        DTYPES[code],
        COMPRESSIONS[compression],
        _told(values[12]),
    )


def _told(field: bytes) -> str | bytes:
    text = field.partition(b"\0")[0].decode("ascii", "replace")
    return text if text and text.isascii() and text.isprintable() else field.rstrip(b"\0")


def is_klb(head: bytes, size: int) -> bool:
    """Say whether a file that begins so, and has a size, can be a KLB."""
    header = parsed(head)
    return header is not None and header.table <= size
