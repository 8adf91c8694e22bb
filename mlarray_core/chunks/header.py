"""The header of a stored chunk: read before Blosc2 sees the chunk, and written without it."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from mlarray_core.chunks.field import Field
from mlarray_core.errors import CorruptError, UnsupportedError

CHUNK_HEADER = 32
"""Bytes of a chunk's header (c-blosc2, README_CHUNK_FORMAT.rst)."""

VERSION = Field(0, "<B")
CODEC_VERSION = Field(1, "<B")
FLAGS = Field(2, "<B")
"""Two bits mark the second format, one a chunk that is stored as it is; the upper three are the codec."""
TYPESIZE = Field(3, "<B")
NBYTES = Field(4, "<i")
BLOCKSIZE = Field(8, "<i")
CBYTES = Field(12, "<i")
"""Bytes of the stored chunk, this header included."""
FILTER_NUMBERS = Field(16, "<6s")
CODEC = Field(22, "<B")
"""Number of the codec where FLAGS says that it is one of the later ones."""
KIND = Field(31, "<B")
"""One bit for content that is elsewhere, three for what all items of a chunk are that isn't stored."""

_WHOLE = Struct("<4B3i6sB8xB")
"""All of these fields at once, in their order: opening a file reads three headers, and each call counts."""

_SECOND_FORMAT, _AS_IT_IS = 0x05, 0x02
_LATER_CODEC, _NO_CODEC = 6, 7
_ELSEWHERE = 0x08
ZERO, NAN, UNINIT = 1, 2, 4
"""Kinds of chunks that aren't stored: zeros, NaN, never written (blosc2.h, BLOSC2_SPECIAL_*)."""
_VALUE = 3
"""A chunk that stores one item, which all of it repeats."""

CODECS = frozenset({0, 1, 2, 4, 5, 32, 33, 34, 35})
"""Codecs that are built in. Blosc2 looks for the others by running Python, in whatever folder one is."""
FILTERS = frozenset({0, 1, 2, 3, 4, 32, 33, 34, 35, 36})
DELTA = 3
"""The filter that stores differences from the chunk's first block."""


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
        """Return what the header at the start of `chunk` says.

        Raises
        ------
        CorruptError
            It is no chunk of Blosc2's second format, or one whose content would be elsewhere.
        UnsupportedError
            It asks for a codec or filter that isn't built in.
        """
        if len(chunk) < CHUNK_HEADER:
            raise CorruptError("a chunk is cut short")
        _, _, flags, _, nbytes, blocksize, cbytes, filters, later, marks = _WHOLE.unpack_from(chunk)
        kind = marks >> 4 & 7
        if flags & _SECOND_FORMAT != _SECOND_FORMAT or min(nbytes, blocksize) < 0 or cbytes < CHUNK_HEADER:
            raise CorruptError("a chunk's header is damaged")
        if marks & _ELSEWHERE or kind > UNINIT:
            raise CorruptError("a chunk claims that its content is elsewhere")
        codec = flags >> 5
        unknown = codec == _NO_CODEC or (codec == _LATER_CODEC and later not in CODECS)
        if unknown or not FILTERS.issuperset(filters):
            raise UnsupportedError("a chunk asks for a codec or filter that is not built in")
        return cls(nbytes, blocksize, cbytes, kind == UNINIT)


def kind_of(chunk: bytes | memoryview) -> int:
    """Return which kind of chunk that isn't stored this is, such as ZERO; 0 for one that is."""
    return int(KIND.of(chunk)) >> 4 & 7


def repeated(chunk: bytes) -> bytes | None:
    """Return the item that all of a chunk repeats; None where it holds more than one."""
    return bytes(chunk[CHUNK_HEADER:]) if kind_of(chunk) == _VALUE else None


def is_zeros(chunk: bytes) -> bool:
    """Whether an encoded chunk is nothing but the mark for zeros, or for nothing written yet."""
    return len(chunk) == CHUNK_HEADER and kind_of(chunk) in (ZERO, UNINIT)


def stored_size(head: bytes) -> int:
    """Return the bytes of a stored chunk, by its header."""
    return int.from_bytes(head[CBYTES.at : CBYTES.end], "little", signed=True)


def without_size(head: bytes) -> bytes:
    """Return a chunk's header less `stored_size`: the same for most chunks of a frame."""
    return head[: CBYTES.at] + head[CBYTES.end :]


def special_chunk(nbytes: int, blocksize: int, typesize: int, kind: int = ZERO) -> bytes:
    """Return the header that stands for a chunk of one special value.

    Parameters
    ----------
    nbytes, blocksize, typesize
        Of the plain chunk, its blocks and its items.
    kind
        ZERO, NAN or UNINIT.
    """
    head = _header(0x15, min(typesize, 255), nbytes, blocksize, CHUNK_HEADER)  # wider items don't fit a byte
    KIND.put(head, kind << 4)
    return bytes(head)


def plain_chunk(content: bytes) -> bytes:
    """Return `content` as a Blosc2 chunk that stores it as it is."""
    size = len(content)
    head = _header(0x87, 1, size, size, size + CHUNK_HEADER)
    FILTER_NUMBERS.put(head, b"\0\0\0\0\0\1")  # what c-blosc2 names too: shuffling bytes changes nothing
    CODEC.put(head, 5)
    return bytes(head) + content


def plain_content(chunk: bytes, nbytes: int) -> bytes | None:
    """Return the content of a chunk that stores it as it is; None where it is compressed."""
    whole = FLAGS.of(chunk) & _AS_IT_IS and len(chunk) == nbytes + CHUNK_HEADER
    return chunk[CHUNK_HEADER:] if whole else None


def _header(flags: int, typesize: int, nbytes: int, blocksize: int, cbytes: int) -> bytearray:
    head = bytearray(CHUNK_HEADER)
    values = {VERSION: 5, CODEC_VERSION: 1, FLAGS: flags, TYPESIZE: typesize}
    for field, value in {**values, NBYTES: nbytes, BLOCKSIZE: blocksize, CBYTES: cbytes}.items():
        field.put(head, value)
    return head
