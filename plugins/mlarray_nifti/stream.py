"""Bytes of a plain or a gzipped file, read by offset. A gzipped one is read forwards, in small pieces."""

from __future__ import annotations

import gzip
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Protocol, cast

from mlarray_core.errors import CorruptError, ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GZIP_RATIO = 1032
"""The most that deflate can shrink data (zlib's technical details: 1032 to 1)."""

_PIECE = 1 << 18
_SURPLUS = 1 << 26


class Bytes(Protocol):
    """The decompressed bytes of one file."""

    path: Path
    limit: int
    """No more bytes than this can be in the file; exact for a plain file."""

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on, fewer at the end of the file."""

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `offset` on."""

    def finish(self) -> None:
        """Check what can only be checked at the end, such as a checksum."""

    def close(self) -> None:
        """Close the file; twice is harmless."""


def open_bytes(path: Path) -> Bytes:
    """Open a file, gunzipping it when its content says gzip, whatever its name.

    Raises
    ------
    ReadError
        The operating system refuses.
    """
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
    except OSError as error:
        raise ReadError(error.strerror or str(error), path=path) from error
    return GzipBytes(path) if zipped else PlainBytes(path)


class PlainBytes:
    """A file read by offset, without mapping it, since a map dies when the file is cut short under it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.limit = path.stat().st_size
        self._file = path.open("rb", buffering=0)

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on, fewer at the end of the file."""
        self._file.seek(offset)
        return _read(self._file, min(count, max(self.limit - offset, 0)))

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `offset` on."""
        self._file.seek(offset)
        _fill(self._file, target, self.path)

    def finish(self) -> None:
        """Do nothing: a plain file has no checksum."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class GzipBytes:
    """A gzipped file, decompressed forwards; going back starts again from the beginning."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.limit = path.stat().st_size * GZIP_RATIO
        self._file = _gunzip(path)
        self._position = 0

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on, fewer at the end of the file."""
        with _damage(self.path):
            self._seek(offset)
            found = _read(self._file, count)
            self._position += len(found)
        return found

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `offset` on."""
        with _damage(self.path):
            self._seek(offset)
            _fill(self._file, target, self.path)
            self._position += len(target)

    def finish(self) -> None:
        """Read on to the end, where the checksum is.

        Raises
        ------
        CorruptError
            The checksum is wrong, or far more data follows than anything explains.
        """
        surplus = 0
        with _damage(self.path):
            while piece := self._file.read(_PIECE):
                surplus += len(piece)
                self._position += len(piece)
                if surplus > _SURPLUS:
                    raise CorruptError("holds far more data than its header describes", path=self.path)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _seek(self, offset: int) -> None:
        if offset < self._position:
            self._file.close()
            self._file = _gunzip(self.path)
            self._position = 0
        while self._position < offset:
            piece = self._file.read(min(offset - self._position, _PIECE))
            if not piece:
                raise _short(offset - self._position, self.path)
            self._position += len(piece)


def _gunzip(path: Path) -> IO[bytes]:
    try:
        from isal import igzip
    except ImportError:  # built for most platforms, not for all
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return cast("IO[bytes]", igzip.open(path, "rb"))


def _fill(file: IO[bytes], target: memoryview, path: Path) -> None:
    filled = 0
    while filled < len(target):
        count: int = file.readinto(target[filled : filled + _PIECE])  # type: ignore[attr-defined]
        if not count:
            raise _short(len(target) - filled, path)
        filled += count


def _read(file: IO[bytes], count: int) -> bytes:
    """Read up to `count` bytes, taking memory only for what is there."""
    pieces = []
    while count > 0 and (piece := file.read(min(count, _PIECE))):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


def _short(missing: int, path: Path) -> CorruptError:
    return CorruptError(
        f"ends {missing:,} or more bytes before the voxels that its header describes",
        path=path,
        hint="Was it copied whole?",
    )


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Say in plain words what gzip raises about damaged data."""
    try:
        yield
    except EOFError as error:
        raise CorruptError("the gzip data ends early", path=path, hint="Was it copied whole?") from error
    except gzip.BadGzipFile as error:
        raise CorruptError(f"damaged gzip data: {error}", path=path) from error
    except OSError as error:
        raise ReadError(error.strerror or str(error), path=path) from error
    except Exception as error:
        if not isinstance(error, _gzip_errors()):
            raise
        raise CorruptError(f"damaged gzip data: {error}", path=path) from error


def _gzip_errors() -> tuple[type[Exception], ...]:
    try:
        from isal import isal_zlib
    except ImportError:
        return (zlib.error,)
    return (zlib.error, cast("type[Exception]", isal_zlib.error))
