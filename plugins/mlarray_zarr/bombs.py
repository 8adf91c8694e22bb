"""How much a compressed chunk could become, found out before the library inflates it without a limit."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Callable

HARMLESS = 1 << 30
"""Bytes that are left to the library: what deflate can't exceed from this few bytes isn't counted."""
DEFLATE_BEST = 1032
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_BLOCK = 128 << 10
_STEP = 1 << 20


def weigh(content: bytes, codec: str, allowed: int) -> None:
    """Refuse a chunk that would become more than `allowed` bytes.

    Parameters
    ----------
    content
        The compressed chunk.
    codec
        Name of the codec that it is to be given to first.
    allowed
        Bytes.

    Raises
    ------
    CorruptError
        It says that it is larger, or turns out to be; or it was cut short, where the library would read on.
    """
    if codec == "blosc":
        size = int.from_bytes(content[4:8], "little")
    elif codec == "lz4" and len(content) >= 4:
        size = int.from_bytes(content[:4], "little")
    elif codec == "zstd":
        size = _zstd(content)
    elif codec in ("gzip", "zlib") and len(content) * DEFLATE_BEST > max(allowed, HARMLESS):
        size = _counted(lambda: zlib.decompressobj(47), content, allowed)
    elif codec in ("bz2", "lzma"):
        size = _counted(bz2.BZ2Decompressor if codec == "bz2" else lzma.LZMADecompressor, content, allowed)
    else:
        return
    if size > allowed:
        raise CorruptError(f"a chunk would become {size:,} bytes, {allowed:,} are the most that it can")
    # numcodecs reads as much as the header says is there (c-blosc, README_CHUNK_FORMAT.rst); z5 wrote more
    if codec == "blosc" and (len(content) < 16 or int.from_bytes(content[12:16], "little") > len(content)):
        raise CorruptError("a chunk was cut short: its header tells another length")


def _zstd(content: bytes) -> int:
    """Return what the frames say they become, or the most that their blocks can (RFC 8878, 3.1.1)."""
    at = total = 0
    while content[at : at + 4] == _ZSTD and at + 6 <= len(content):
        flags = content[at + 4]
        single, size_bytes = flags >> 5 & 1, (0, 2, 4, 8)[flags >> 6]
        size_bytes = size_bytes or single
        head = at + 5 + (1 - single) + (0, 1, 2, 4)[flags & 3]
        told = int.from_bytes(content[head : head + size_bytes], "little") + (256 if size_bytes == 2 else 0)
        at, most = _zstd_blocks(content, head + size_bytes)
        at += 4 if flags & 4 else 0
        total += max(told, 0) if size_bytes else most
    return total


def _zstd_blocks(content: bytes, at: int) -> tuple[int, int]:
    """Return where a frame's blocks end and the most that they become."""
    most = 0
    while at + 3 <= len(content):
        block = int.from_bytes(content[at : at + 3], "little")
        last, kind, size = block & 1, block >> 1 & 3, block >> 3
        at += 3 + (1 if kind == 1 else size)
        most += _ZSTD_BLOCK if kind == 2 else size
        if last:
            break
    return at, most


def _counted(make: Callable[[], Any], content: bytes, allowed: int) -> int:
    """Inflate in small steps and count, up to `allowed` and one step more; damage is left to the library."""
    total = 0
    try:
        while content and total <= allowed:  # one stream may follow another
            stream, waiting = make(), content
            while total <= allowed and not stream.eof:
                piece = stream.decompress(waiting, _STEP)
                waiting = getattr(stream, "unconsumed_tail", b"")
                total += len(piece)
                if not piece and not waiting:
                    break
            content = stream.unused_data
    except (zlib.error, OSError, lzma.LZMAError, EOFError):
        return total
    return total
