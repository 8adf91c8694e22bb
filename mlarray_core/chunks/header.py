"""The header of a stored chunk: read before Blosc2 sees the chunk, and written without it."""

from __future__ import annotations

import struct
from typing import NamedTuple

from mlarray_core.errors import CorruptError, UnsupportedError

CHUNK_HEADER = 32
"""Bytes of a chunk's header."""
UNINIT = 4
"""Kind of special chunk that was never written (blosc2.h, BLOSC2_SPECIAL_UNINIT)."""

CODECS = frozenset({0, 1, 2, 4, 5, 32, 33, 34, 35})
"""Codecs that are built in. Blosc2 looks for the others by running Python, in whatever folder one is."""
FILTERS = frozenset({0, 1, 2, 3, 4, 32, 33, 34, 35, 36})


class ChunkHead(NamedTuple):
    """What the header of one chunk says, as far as it concerns the frame.

    Attributes
    ----------
    nbytes, blocksize, cbytes
        Size of the plain chunk, of its blocks, and of the stored chunk.
    unwritten
        Nothing was ever stored: Blosc2 would return whatever is in memory.
    """

    nbytes: int
    blocksize: int
    cbytes: int
    unwritten: bool

    @classmethod
    def of(cls, chunk: bytes | memoryview) -> ChunkHead:
        """Return what the first 32 bytes of `chunk` say (c-blosc2, README_CHUNK_FORMAT.rst).

        Raises
        ------
        CorruptError
            It is no chunk of Blosc2's second format, or one whose content would be elsewhere.
        UnsupportedError
            It asks for a codec or filter that isn't built in.
        """
        if len(chunk) < CHUNK_HEADER:
            raise CorruptError("a chunk is cut short")
        flags, special = chunk[2], chunk[31] >> 4 & 7
        nbytes, blocksize, cbytes = struct.unpack("<iii", chunk[4:16])
        if flags & 0x05 != 0x05 or min(nbytes, blocksize) < 0 or cbytes < CHUNK_HEADER:
            raise CorruptError("a chunk's header is damaged")
        if chunk[31] & 0x08 or special > UNINIT:
            raise CorruptError("a chunk claims that its content is elsewhere")
        codec = flags >> 5
        if (codec == 6 and chunk[22] not in CODECS) or codec == 7 or not FILTERS.issuperset(chunk[16:22]):
            raise UnsupportedError("a chunk asks for a codec or filter that is not built in")
        return cls(nbytes, blocksize, cbytes, special == UNINIT)


def plain_chunk(content: bytes) -> bytes:
    """Return `content` as a Blosc2 chunk that stores it as it is."""
    size = len(content)
    header = struct.pack("<BBBBiii", 5, 1, 0x87, 1, size, size, size + CHUNK_HEADER)
    return header + b"\x00\x00\x00\x00\x00\x01\x05" + b"\x00" * 9 + content
