"""The trailer of a frame: the metadata behind the chunks, and the place of the fingerprint."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mlarray_core.chunks.header import ChunkHead, plain_chunk, plain_content
from mlarray_core.container.frame import FINGERPRINT_TYPE, MAX_VLMETA, TAIL, TRAILER_SIZE
from mlarray_core.errors import CorruptError, LimitError

if TYPE_CHECKING:
    from mlarray_core.container.frame import Frame, Read


def vlmeta_content(read: Read, frame: Frame, name: str, limit: int = MAX_VLMETA) -> bytes:
    """Return the packed content of one variable-length metalayer, of at most `limit` bytes.

    A content that Blosc2 could not shrink is stored as it is, which holds for every compressed `.mla` header,
    and is taken without Blosc2.

    Parameters
    ----------
    read, frame
        The file.
    name
        Of the metalayer.
    limit
        Bytes that are unpacked at most.

    Raises
    ------
    CorruptError
        Its size disagrees with the trailer's, or it can't be unpacked.
    LimitError
        It claims more than `limit`.
    """
    at, size = frame.vlmeta[name]
    chunk = read(at, size)
    head = ChunkHead.of(chunk)
    if head.cbytes != size:
        raise CorruptError(f"the metadata {name!r} lies about its size")
    if head.nbytes > limit:
        raise LimitError(f"the metadata {name!r} claims {head.nbytes:,} bytes, the limit is {limit:,}")
    plain = plain_content(chunk, head.nbytes)
    if plain is not None:
        return plain
    from mlarray_core.chunks.codec import decompress

    return decompress(chunk, head.nbytes)


def trailer_of(vlmeta: dict[str, bytes]) -> bytes:
    """Return the trailer that holds `vlmeta`, name to packed content, without a fingerprint."""
    names = b""
    body = b""
    chunks = {name: plain_chunk(content) for name, content in vlmeta.items()}
    index_size = 6 + sum(1 + len(name) + 5 for name in chunks)
    at = 3 + index_size + 3
    for name, chunk in chunks.items():
        names += bytes([0xA0 + len(name)]) + name.encode() + b"\xd2" + struct.pack(">i", at + len(body))
        body += b"\xc6" + struct.pack(">I", len(chunk)) + chunk
    index = b"\x93\xcd" + struct.pack(">H", index_size) + b"\xde" + struct.pack(">H", len(chunks)) + names
    start = b"\x94\x01" + index + b"\xdc" + struct.pack(">H", len(chunks)) + body
    tail = bytearray(TAIL)
    for field in (TRAILER_SIZE, FINGERPRINT_TYPE):
        tail[field.at - 1] = field.marker or 0
    TRAILER_SIZE.put(tail, len(start) + TAIL)
    return start + bytes(tail)


def with_fingerprint(trailer: bytes, kind: int, fingerprint: bytes) -> bytes:
    """Return a trailer with a fingerprint of some kind.

    Parameters
    ----------
    trailer
        With whatever fingerprint.
    kind
        Number of the kind, as c-blosc2 numbers them.
    fingerprint
        16 bytes.
    """
    return without_fingerprint(trailer) + bytes([kind]) + fingerprint


def without_fingerprint(trailer: bytes) -> bytes:
    """Return a trailer up to the kind of its fingerprint."""
    return trailer[: FINGERPRINT_TYPE.at - TAIL]
