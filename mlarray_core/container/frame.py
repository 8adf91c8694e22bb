"""The Blosc2 frame that a `.mla` file is: its header and trailer, read and checked without Blosc2.

Nothing of a file reaches Blosc2 before it passed here. The layout is c-blosc2's contiguous frame, version 2
(README_CFRAME_FORMAT.rst): header, chunks, offsets chunk, trailer; all integers big-endian MessagePack, those
inside chunks little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from mlarray_core.chunks.field import Field, all_of
from mlarray_core.chunks.header import CHUNK_HEADER, CODECS, FILTERS
from mlarray_core.errors import CorruptError, LimitError, UnsupportedError, about
from mlarray_core.metadata.metalayers import content_at, read_index
from mlarray_core.metadata.msgpack import Unpacker

if TYPE_CHECKING:
    import mmap

Read = Callable[[int, int], bytes]
"""``read(offset, count)``: bytes of the file, fewer at its end."""

MAGIC = b"\x9e\xa8b2frame\x00"
HEADER_SIZE = Field(11, ">i", 0xD2)
LENGTH = Field(16, ">Q", 0xCF)
"""Bytes of the whole frame."""
FLAGS = Field(25, ">B", 0xA4)
"""The version of the format in the lower four bits."""
TYPE = Field(26, ">B")
"""0 for a frame in one file."""
CODEC_FLAGS = Field(27, ">B")
"""The codec in the lower four bits, its level in the upper four."""
NBYTES = Field(30, ">q", 0xD3)
CBYTES = Field(39, ">q", 0xD3)
TYPESIZE = Field(48, ">i", 0xD2)
BLOCKSIZE = Field(53, ">i", 0xD2)
CHUNKSIZE = Field(58, ">i", 0xD2)
THREADS = Field(63, ">h", 0xD1), Field(66, ">h", 0xD1)
"""To compress and to decompress; not used."""
HAS_VLMETA = Field(68, ">B")
"""MessagePack's true or false: whether there are variable-length metalayers."""
FILTER_NUMBERS = Field(71, ">6s")
CODEC = Field(77, ">B")
"""Number of the codec where CODEC_FLAGS says that it is one of the later ones."""
FILTERS_META = Field(79, ">6s")
MIN_HEADER = 87
"""Where the fixed metalayers begin."""
EXTENSION = Field(70, ">B", 0xD8)
"""Begins the filters, 16 bytes of which this and what follows are."""
MAX_HEADER = 1 << 20
"""Bytes: a header of the 16 axes that Blosc2 allows takes less than a thousand."""
MAX_VLMETA = 1 << 28
"""Bytes of metadata that are read: 32 MB of ours, 8 for each chunk, and what others add."""
MAX_CHUNK = (1 << 31) - 1 - CHUNK_HEADER

TRAILER_SIZE = Field(1, ">I", 0xCE)
FINGERPRINT_TYPE = Field(6, ">B", 0xD8)
FINGERPRINT = Field(7, ">16s")
TAIL = FINGERPRINT.end
"""Bytes at the very end, which these three fields are in."""
_FALSE, _TRUE = 0xC2, 0xC3
_LATER_CODEC = 6
_VERSION = 3
"""The newest version of the format that is read."""

MAX_HEAD = 4096
"""Bytes that hold nearly every header, read at once so that it is of one moment."""

LAYERS = frozenset({"b2nd", "med_blosc2"})


class Frame(NamedTuple):
    """What a frame's header and trailer say.

    Attributes
    ----------
    header
        The bytes of the header.
    length
        Bytes of the whole frame.
    nbytes, cbytes
        Size of all chunks, plain and as stored.
    typesize, blocksize, chunksize
        Bytes of an item, of a plain block and of a plain chunk.
    shape, chunks, blocks
        Of the array, in items; empty tuples for a zero-dimensional array.
    dtype
        As NumPy's ``dtype.str``, or its ``descr`` as text.
    layers
        Fixed metalayers: name to content.
    vlmeta
        Variable-length metalayers: name to (offset in the file, size) of their chunk.
    trailer_at
        Where the trailer begins.
    fingerprint_type, fingerprint
        The frame's own checksum field: 0 and zeros as Blosc2 writes it.
    """

    header: bytes
    length: int
    nbytes: int
    cbytes: int
    typesize: int
    blocksize: int
    chunksize: int
    codec: int
    clevel: int
    filters: tuple[int, ...]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    blocks: tuple[int, ...]
    dtype: str
    layers: dict[str, bytes]
    vlmeta: dict[str, tuple[int, int]]
    trailer_at: int
    fingerprint_type: int
    fingerprint: bytes

    @property
    def header_size(self) -> int:
        """Bytes of the header."""
        return len(self.header)

    @property
    def nchunks(self) -> int:
        """Number of chunks."""
        return self.nbytes // self.chunksize if self.chunksize else 0

    def compression(self) -> dict[str, int | list[int]]:
        """Return the compression parameters that the header names, as plain numbers."""
        used = list(self.filters)
        while used and used[0] == 0:
            used.pop(0)
        meta = list(FILTERS_META.of(self.header))[len(self.filters) - len(used) :]
        return {
            "codec": self.codec,
            "clevel": self.clevel,
            "filters": used or [0],
            "filters_meta": meta or [0],
        }

    @property
    def offsets_at(self) -> int:
        """Where the chunk of chunk offsets begins."""
        return self.header_size + self.cbytes


def parse(read: Read, size: int, path: str | None = None) -> Frame:
    """Return what the frame at the start of a file says.

    Parameters
    ----------
    read
        Gives bytes of the file.
    size
        Bytes in the file.
    path
        Named in errors.

    Raises
    ------
    CorruptError
        The bytes contradict one another or the file's size.
    UnsupportedError
        A frame, but not one of an N-dimensional array with codecs and filters known here.
    """
    try:
        with about(path):
            return _parse(read, size)
    except (struct.error, IndexError) as error:
        raise CorruptError("the frame's header or trailer is cut short", path=path) from error


def is_frame(head: bytes) -> bool:
    """Whether `head`, the first bytes of a file, begins a Blosc2 frame."""
    return head.startswith(MAGIC)


def _parse(read: Read, size: int) -> Frame:
    start = read(0, MAX_HEAD)
    if not is_frame(start):
        raise CorruptError("is no .mla file: the first bytes are not the signature of a Blosc2 frame")
    if len(start) < MIN_HEADER:
        raise CorruptError("the frame's header is cut short")
    _check_markers(start)
    (
        header_size, length, flags, kind, codec_flags, nbytes, cbytes, typesize, blocksize, chunksize,
        has_vlmeta, filter_numbers, later_codec,
    ) = _VALUES(start)  # fmt: skip
    if not MIN_HEADER < header_size <= min(size, MAX_HEADER) or not header_size + TAIL < length <= size:
        raise CorruptError(f"the header promises {length} bytes, the file has {size}")
    version, filters = flags & 0x0F, tuple(filter_numbers)
    if version > _VERSION or kind != 0:
        raise UnsupportedError(f"a Blosc2 frame of version {version}, type {kind} can't be read")
    codec = codec_flags & 0x0F if codec_flags & 0x0F != _LATER_CODEC else later_codec
    if codec not in CODECS or not FILTERS.issuperset(filters):
        raise UnsupportedError(f"codec {codec} or filters {filters} are not among those that are read")
    header = start[:header_size] if header_size <= len(start) else read(0, header_size)
    layers = _layers(header, header_size)
    shape, chunks, blocks, dtype = _array(layers)
    trailer_at, fingerprint_type, fingerprint = _tail(read, length, header_size)
    frame = Frame(
        header, length, nbytes, cbytes, typesize, blocksize, chunksize, codec, codec_flags >> 4, filters,
        shape, chunks, blocks, dtype, layers, _vlmeta(read, trailer_at, length), trailer_at,
        fingerprint_type, fingerprint,
    )  # fmt: skip
    _check(frame, has_vlmeta=has_vlmeta == _TRUE)
    return frame


_MARKERS = [
    (one.at - 1, one.marker)
    for one in (
        HEADER_SIZE, LENGTH, FLAGS, NBYTES, CBYTES, TYPESIZE, BLOCKSIZE, CHUNKSIZE, *THREADS, EXTENSION,
    )
]  # fmt: skip
_VALUES = all_of(
    HEADER_SIZE, LENGTH, FLAGS, TYPE, CODEC_FLAGS, NBYTES, CBYTES, TYPESIZE, BLOCKSIZE, CHUNKSIZE,
    HAS_VLMETA, FILTER_NUMBERS, CODEC,
)  # fmt: skip


def _check_markers(start: bytes) -> None:
    for at, marker in _MARKERS:
        if start[at] != marker:
            raise CorruptError(f"byte {at} of the header is 0x{start[at]:02x}, not 0x{marker:02x}")
    if start[HAS_VLMETA.at] not in (_FALSE, _TRUE):
        raise CorruptError("the header's metadata flag is neither true nor false")


def _layers(header: bytes, header_size: int) -> dict[str, bytes]:
    entries, at = read_index(header, MIN_HEADER)
    layers = {}
    for name, place in entries:
        if name not in LAYERS:
            raise UnsupportedError(
                f"a Blosc2 frame with the metalayer {name!r} is not an image",
                hint="Write it anew without metalayers of its own (meta=): some are programs to Blosc2",
            )
        start, at = content_at(header, at, name, place)
        layers[name] = header[start:at]
    if at != header_size:
        raise CorruptError("the header's sections don't fill it")
    if "b2nd" not in layers:
        raise UnsupportedError("a Blosc2 frame without array shape is not an image")
    return layers


def _array(layers: dict[str, bytes]) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], str]:
    unpacker = Unpacker(layers["b2nd"])
    tag = unpacker.byte()
    if tag not in (0x95, 0x97) or unpacker.byte() != 0:
        raise UnsupportedError("this version of the array metalayer can't be read")
    ndim = unpacker.byte()
    if ndim > 16:
        raise CorruptError(f"the array claims {ndim} dimensions, at most 16 exist")
    sizes = []
    for marker, form in ((0xD3, "q"), (0xD2, "i"), (0xD2, "i")):
        unpacker.expect(0x90 + ndim)
        sizes.append(_sizes(unpacker, marker, form, ndim))
    dtype = ""
    if tag == 0x97:
        if unpacker.byte() != 0:
            raise UnsupportedError("the array's dtype is not one of NumPy's")
        unpacker.expect(0xDB)
        dtype = unpacker.take(unpacker.number(">I")).decode("utf-8", "replace")
        if not dtype or not dtype.isprintable():
            raise CorruptError(f"{dtype[:80]!r} is no dtype")
    return sizes[0], sizes[1], sizes[2], dtype


def _sizes(unpacker: Unpacker, marker: int, form: str, count: int) -> tuple[int, ...]:
    """Return `count` numbers, each behind its marker."""
    found = unpacker.numbers(">" + count * ("B" + form))
    if any(mark != marker for mark in found[::2]):
        raise CorruptError(f"a size of the array is not marked 0x{marker:02x}")
    return found[1::2]


def _tail(read: Read, length: int, header_size: int) -> tuple[int, int, bytes]:
    tail = read(length - TAIL, TAIL)
    if len(tail) < TAIL or any(tail[one.at - 1] != one.marker for one in (TRAILER_SIZE, FINGERPRINT_TYPE)):
        raise CorruptError("the frame has no trailer at its end", hint="The file was probably cut short")
    trailer_size = TRAILER_SIZE.of(tail)
    if not TAIL < trailer_size <= min(length - header_size, MAX_VLMETA):
        raise CorruptError("the trailer's size is impossible")
    return length - trailer_size, FINGERPRINT_TYPE.of(tail), FINGERPRINT.of(tail)


def _vlmeta(read: Read, trailer_at: int, length: int) -> dict[str, tuple[int, int]]:
    trailer = read(trailer_at, length - trailer_at)
    if trailer[0] != 0x94:
        raise CorruptError("the frame's trailer is marked as something else")
    if trailer[1] > 1:
        raise UnsupportedError("this version of the frame's trailer can't be read")
    entries, at = read_index(trailer, 2)
    found = {}
    for name, place in entries:
        start, at = content_at(trailer, at, name, place)
        found[name] = (trailer_at + start, at - start)
    if at != len(trailer) - TAIL:
        raise CorruptError("the trailer's sections don't fill it")
    return found


def _check(frame: Frame, *, has_vlmeta: bool) -> None:
    """Hold the numbers of a frame against one another."""
    if has_vlmeta != bool(frame.vlmeta):
        raise CorruptError("the header and the trailer disagree on whether there is metadata")
    if (
        not 0 < frame.typesize <= 1 << 20
        or min(frame.nbytes, frame.cbytes, frame.chunksize, frame.blocksize) < 0
    ):
        raise CorruptError("a size in the header is impossible")
    items = count = extended = block_items = 1
    for size, chunk, block in zip(frame.shape, frame.chunks, frame.blocks, strict=True):
        if (
            size < 0
            or not (block or size == 0) > 0
            or block < 0
            or block > chunk
            or (chunk > size and size > 0)
        ):
            raise CorruptError(f"shape {frame.shape}, chunks {frame.chunks}, blocks {frame.blocks} don't fit")
        items *= size
        if size and chunk:
            count *= -(-size // chunk)
            extended *= -(-chunk // block) * block
            block_items *= block
        elif size:
            raise CorruptError("an axis has voxels but no chunks")
    if items == 0:
        if frame.nbytes or frame.cbytes:
            raise CorruptError("an array without voxels has chunks")
        return
    if extended * frame.typesize > MAX_CHUNK:
        raise LimitError("a chunk is larger than Blosc2 allows")
    if extended * frame.typesize != frame.chunksize or block_items * frame.typesize != frame.blocksize:
        raise CorruptError("the chunk and block sizes of the header and the array disagree")
    if frame.nbytes != count * frame.chunksize:
        raise CorruptError("the number of chunks doesn't fit the shape")
    if frame.offsets_at + CHUNK_HEADER > frame.trailer_at:
        raise CorruptError("the chunks and their index don't fit before the trailer")


def patch_header(header: bytes, *, length: int, cbytes: int, has_vlmeta: bool) -> bytes:
    """Return `header` with the sizes that are known only when all chunks are written.

    Parameters
    ----------
    header
        With whatever sizes.
    length
        Bytes of the whole frame.
    cbytes
        Bytes of the stored chunks.
    has_vlmeta
        Whether the trailer holds variable-length metalayers.
    """
    patched = bytearray(header)
    LENGTH.put(patched, length)
    CBYTES.put(patched, cbytes)
    HAS_VLMETA.put(patched, _TRUE if has_vlmeta else _FALSE)
    return bytes(patched)


def without_sizes(header: bytes) -> bytes:
    """Return what an edit leaves of a header: all but the sizes and whether there are metalayers behind."""
    sizes = header[LENGTH.end : NBYTES.at] + header[CBYTES.end : HAS_VLMETA.at]
    return header[: LENGTH.at] + sizes + header[HAS_VLMETA.end :]


def claimed_header(content: bytes | mmap.mmap) -> int:
    """Return the size that a header gives itself, unchecked; 0 where there is none."""
    return int(HEADER_SIZE.of(content)) if len(content) >= HEADER_SIZE.end else 0


def claimed_length(head: bytes) -> int:
    """Return the length of the frame that a header claims, unchecked."""
    return int(LENGTH.of(head))
