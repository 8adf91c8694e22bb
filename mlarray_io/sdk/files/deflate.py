"""Gzip and zlib with ISA-L where it is installed, which is several times as fast at the same level."""

from __future__ import annotations

import gzip
import io
import zlib
from contextlib import contextmanager
from importlib import import_module
from typing import IO, TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from typing_extensions import Buffer

GZIP = b"\x1f\x8b"
"""The first bytes of a gzip file (RFC 1952, 2.3.1)."""

PACKED = 1 << 16
"""Compressed bytes that are read at once: a read costs little against inflating them."""

FAST_LEVELS = range(1, 4)
"""Levels that ISA-L takes over: it has 0 to 3, and its 0 compresses where gzip's stores."""


class Compressor(Protocol):
    """A zlib stream that is being made."""

    def compress(self, data: Buffer, /) -> bytes:
        """Take bytes, and return what is ready."""

    def flush(self) -> bytes:
        """Return the rest."""


class Decompressor(Protocol):
    """A deflated stream that is being read."""

    eof: bool
    unused_data: bytes
    unconsumed_tail: bytes

    def decompress(self, data: Buffer, max_length: int = 0, /) -> bytes:
        """Return up to `max_length` bytes, all that there are for 0."""


def open_gzip(raw: IO[bytes], level: int) -> IO[bytes]:
    """Return a file that gzips what is written into `raw`, which stays open when it is closed.

    The same bytes give the same file: no name and no time is stored.

    Parameters
    ----------
    raw
        A file that is open for writing.
    level
        Effort from 0 (none) to 9 (most).

    Returns
    -------
    IO[bytes]
        To be closed, which writes the checksum.
    """
    library = _isal("igzip") if level in FAST_LEVELS else None
    if library is not None:
        return cast("IO[bytes]", library.IGzipFile("", "wb", level, raw, mtime=0))
    return cast("IO[bytes]", gzip.GzipFile("", "wb", level, raw, mtime=0))


@contextmanager
def open_written(path: Path, level: int | None) -> Iterator[IO[bytes]]:
    """Lend a new file that is written to; the same bytes give the same file.

    Parameters
    ----------
    path
        Of the file.
    level
        Effort from 0 (none) to 9 (most) with which it is gzipped; None to leave it plain.
    """
    with path.open("wb") as raw:
        if level is None:
            yield raw
            return
        with open_gzip(raw, level) as zipped:
            yield zipped


def zlib_compressor(level: int) -> Compressor:
    """Return what makes a zlib stream with an effort from 0 (none) to 9 (most)."""
    library = _isal("isal_zlib") if level in FAST_LEVELS else None
    return zlib.compressobj(level) if library is None else cast("Compressor", library.compressobj(level))


def decompressor(wbits: int) -> Decompressor:
    """Return what reads a stream of the container that `wbits` means, as for `zlib.decompressobj`."""
    library = _isal("isal_zlib")
    made = zlib.decompressobj(wbits) if library is None else library.decompressobj(wbits)
    return cast("Decompressor", made)


def deflate_errors() -> tuple[type[Exception], ...]:
    """Return what is raised for a damaged stream."""
    library = _isal("isal_zlib")
    return (zlib.error,) if library is None else (zlib.error, cast("type[Exception]", library.error))


class PieceReader(io.RawIOBase):
    """A file for reading whose bytes come in pieces."""

    def readable(self) -> bool:
        """Return True: it is a file for reading."""
        return True

    def readinto(self, target: Buffer) -> int:
        """Fill the start of `target`; return how many bytes, 0 at the end.

        Raises
        ------
        EOFError
            The stream ends before its end mark.
        """
        room = memoryview(target).cast("B")
        piece: bytes | None = b""
        while piece == b"":
            piece = self._piece(len(room))
        if piece is None:
            return 0
        room[: len(piece)] = piece
        return len(piece)

    def _piece(self, most: int) -> bytes | None:
        """Return the next bytes, up to `most`, or none of them yet; None at the end.

        Raises
        ------
        NotImplementedError
            The method isn't overridden.
        """
        raise NotImplementedError


class Inflated(PieceReader):
    """A zlib stream or the members of a gzip file, decompressed a piece at a time.

    Python's gzip reader raises at bytes after the last member; gunzip and zlib ignore them, and so does this.

    Parameters
    ----------
    file
        Open for reading, at the start of the stream.
    wbits
        31 for gzip, 15 for zlib, as for `zlib.decompressobj`.
    """

    def __init__(self, file: IO[bytes], wbits: int) -> None:
        self._file, self._wbits = file, wbits
        self._member = decompressor(self._wbits)

    def _piece(self, most: int) -> bytes | None:
        if self._member.eof and not self._next_member():
            return None
        packed = self._member.unconsumed_tail or self._file.read(PACKED)
        if not packed:
            raise EOFError("the end of the compressed data is missing")
        return self._member.decompress(packed, most)

    def _next_member(self) -> bool:
        """Start the next member of a gzip file, if there is one."""
        rest = self._member.unused_data
        rest += self._file.read(2 - len(rest)) if len(rest) < 2 else b""
        if self._wbits != 31 or rest[:2] != GZIP:
            return False
        self._member = decompressor(self._wbits)
        self._file.seek(-len(rest), io.SEEK_CUR)
        return True


def _isal(name: str) -> ModuleType | None:
    """Return a module of ISA-L, which is built for most platforms and not for all."""
    try:
        return import_module(f"isal.{name}")
    except ImportError:
        return None
