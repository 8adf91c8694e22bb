"""Files that are packed with bzip2, xz or Zstandard, unpacked a piece at a time, and packed."""

from __future__ import annotations

import bz2
from importlib import import_module
from typing import IO, TYPE_CHECKING, Literal, Protocol, cast

from mlarray_core.errors import MissingDependencyError
from mlarray_io.sdk.files.deflate import PieceReader

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

Packing = Literal["bzip2", "xz", "zstd"]

PACKINGS: dict[str, Packing] = {".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
"""What names of packed files end in."""
MARK_BYTES = 10
"""As many bytes as tell a packing."""
MOST_MEMORY = 512 << 20
"""Bytes that a packed file may ask the library of xz for: ``xz -9`` needs 65 MB."""

_PIECE = 1 << 16


class Unpacker(Protocol):
    """What unpacks one stream: all three libraries have the same."""

    @property
    def eof(self) -> bool:
        """Whether the end mark was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether more bytes are needed before more can come out."""

    @property
    def unused_data(self) -> bytes:
        """What was given and stands behind the end mark."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Return up to `max_length` bytes."""


def packing_of(start: bytes) -> Packing | None:
    """Return what a file is packed with, by its first bytes; None for none of the three."""
    if start[:3] == b"BZh" and start[4:10] == b"1AY&SY":  # bzip2's file format: the mark of its first block
        return "bzip2"
    if start[:6] == b"\xfd7zXZ\0":  # the .xz file format, 2.1.1.1
        return "xz"
    return "zstd" if start[:4] == b"\x28\xb5\x2f\xfd" else None  # RFC 8878, 3.1.1


def unpack_errors() -> tuple[type[Exception], ...]:
    """Return what the libraries raise for damaged streams, besides the OSError of bzip2's."""
    import lzma

    zstd = _found_zstd()
    return (lzma.LZMAError, *(() if zstd is None else (cast("type[Exception]", zstd.ZstdError),)))


class Unpacked(PieceReader):
    """The streams of a packed file, one after the other; what follows them and is none is passed over.

    Parameters
    ----------
    file
        Open for reading, at the start of the first one.
    packing
        What they are packed with.
    path
        The file, for errors.
    """

    def __init__(self, file: IO[bytes], packing: Packing, path: Path) -> None:
        self._file, self._packing, self._path = file, packing, path
        self._stream = _unpacker(packing, path)

    def _piece(self, most: int) -> bytes | None:
        packed = b""
        if self._stream.eof:
            packed = self._next_stream()
            if not packed:
                return None
        elif self._stream.needs_input and not (packed := self._file.read(_PIECE)):
            raise EOFError("the end of the compressed data is missing")
        return self._stream.decompress(packed, most)

    def _next_stream(self) -> bytes:
        """Start the next stream, if there is one, and return its first bytes."""
        rest = self._stream.unused_data
        rest = rest or self._file.read(_PIECE)
        rest = rest.lstrip(b"\0") if self._packing == "xz" else rest  # stream padding
        if len(rest) < MARK_BYTES:
            rest += self._file.read(_PIECE)
        if packing_of(rest) != self._packing:
            return b""
        self._stream = _unpacker(self._packing, self._path)
        return rest


def open_packed(raw: IO[bytes], packing: Packing, path: Path) -> IO[bytes]:
    """Return a file that packs what is written into `raw`, which stays open when it is closed.

    Parameters
    ----------
    raw
        A file that is open for writing.
    packing
        What to pack with, at the effort that its own program takes unless told.
    path
        The file, for errors.

    Raises
    ------
    MissingDependencyError
        The library isn't installed.
    """
    if packing == "bzip2":
        return cast("IO[bytes]", bz2.BZ2File(raw, "wb"))
    if packing == "xz":
        import lzma

        return cast("IO[bytes]", lzma.LZMAFile(raw, "wb"))
    return cast("IO[bytes]", _zstd(path).ZstdFile(raw, "wb"))


def _unpacker(packing: Packing, path: Path) -> Unpacker:
    if packing == "bzip2":
        return bz2.BZ2Decompressor()
    if packing == "xz":
        import lzma

        return lzma.LZMADecompressor(lzma.FORMAT_XZ, MOST_MEMORY)
    return cast("Unpacker", _zstd(path).ZstdDecompressor())


def _zstd(path: Path) -> ModuleType:
    found = _found_zstd()
    if found is None:
        raise MissingDependencyError(
            "is packed with Zstandard, which needs the library backports.zstd",
            path=path,
            hint="Install it with: pip install 'mlarray[zstd]'",
        )
    return found


def _found_zstd() -> ModuleType | None:
    """Return Python's own library, which it has from 3.14 on, or the same one of older versions."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name)
        except ImportError:
            continue
    return None
