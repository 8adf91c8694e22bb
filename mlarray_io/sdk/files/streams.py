"""Bytes of a plain or compressed file, read by offset. Compressed ones are read forwards, in small pieces."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Literal, Protocol, cast

from mlarray_core.errors import CorruptError, ReadError
from mlarray_io.sdk.files.deflate import GZIP, Inflated, deflate_errors
from mlarray_io.sdk.files.packings import MARK_BYTES, Unpacked, packing_of, unpack_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlarray_io.sdk.files.packings import Packing

Compression = Literal["none", "gzip", "zlib", "bzip2", "xz", "zstd"]

RATIO: dict[Compression, int] = {
    "none": 1, "gzip": 1032, "zlib": 1032, "bzip2": 1_400_000, "xz": 8_000, "zstd": 33_000,
}  # fmt: skip
"""The most that data can shrink: zlib's technical details; a bzip2 block of 46 MB can take 36 bytes; a match
of 273 bytes takes LZMA 2 to 3 bits at best; a Zstandard block of 128 kB 4 bytes (RFC 8878, 3.1.1.2)."""

_PIECE = 1 << 18
_SURPLUS = 1 << 26


class Bytes(Protocol):
    """The decompressed bytes of one file, or of several one after the other."""

    path: Path
    limit: int
    """No more bytes than this can be in the file; exact for a plain file."""
    forward: bool
    """Whether going back means to start again."""

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on, fewer at the end of the file."""

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `offset` on."""

    def finish(self) -> None:
        """Check what can only be checked at the end, such as a checksum."""

    def close(self) -> None:
        """Close the file; twice is harmless."""


def open_bytes(path: Path, compression: Compression | None = None, start: int = 0) -> Bytes:
    """Open a file; offset 0 of what is read is what stands, or is compressed, at `start` of the file.

    Parameters
    ----------
    path
        The file.
    compression
        How it is compressed from `start` on; None for what its content says, whatever its name, but zlib.
    start
        Where to begin.

    Raises
    ------
    ReadError
        The operating system refuses.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            mark = file.read(MARK_BYTES)
    except OSError as error:
        raise ReadError(error.strerror or str(error), path=path) from error
    if compression is None:
        compression = "gzip" if mark.startswith(GZIP) else packing_of(mark) or "none"
    elif compression == "zlib" and mark.startswith(GZIP):
        compression = "gzip"
    return PlainBytes(path, start) if compression == "none" else PackedBytes(path, compression, start)


class PlainBytes:
    """A file read by offset, without mapping it, since a map dies when the file is cut short under it."""

    forward = False

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path, self._start = path, start
        self.limit = max(path.stat().st_size - start, 0)
        self._file = path.open("rb", buffering=0)

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on, fewer at the end of the file."""
        self._file.seek(self._start + offset)
        return _read(self._file, min(count, max(self.limit - offset, 0)))

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `offset` on."""
        self._file.seek(self._start + offset)
        _fill(self._file, target, self.path)

    def finish(self) -> None:
        """Do nothing: a plain file has no checksum."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class PackedBytes:
    """A compressed file, decompressed forwards; going back starts again from the beginning.

    Parameters
    ----------
    path
        The file.
    compression
        How it is packed.
    start
        Where the packed bytes begin in it.
    """

    forward = True

    def __init__(self, path: Path, compression: Compression = "gzip", start: int = 0) -> None:
        self.path, self._compression, self._start = path, compression, start
        self.limit = max(path.stat().st_size - start, 0) * RATIO[compression]
        self._open()

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on, fewer at the end of the file."""
        with self._damage():
            self._seek(offset)
            found = _read(self._file, count)
            self._position += len(found)
        return found

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `offset` on."""
        with self._damage():
            self._seek(offset)
            _fill(self._file, target, self.path)
            self._position += len(target)

    def finish(self) -> None:
        """Read on to the end, where the checksum is. Bytes after it that aren't compressed don't matter.

        Raises
        ------
        CorruptError
            The checksum is wrong, or far more data follows than anything explains.
        """
        surplus = 0
        with self._damage():
            while piece := self._file.read(_PIECE):
                surplus += len(piece)
                self._position += len(piece)
                if surplus > _SURPLUS:
                    raise CorruptError("holds far more data than its header describes", path=self.path)

    def length(self, most: int) -> int:
        """Return how many bytes there are, after reading them all.

        Raises
        ------
        CorruptError
            There are many more than `most`.
        """
        self._restart()
        with self._damage():
            while piece := self._file.read(_PIECE):
                self._position += len(piece)
                if self._position > most + _SURPLUS:
                    raise CorruptError("holds far more data than its header describes", path=self.path)
        return self._position

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._raw.close()

    def _open(self) -> None:
        self._raw = self.path.open("rb")
        try:
            self._raw.seek(self._start)
            self._file = _unpacked(self._raw, self._compression, self.path)
        except BaseException:  # a library that isn't installed
            self._raw.close()
            raise
        self._position = 0

    def _restart(self) -> None:
        self.close()
        self._open()

    def _seek(self, offset: int) -> None:
        if offset < self._position:
            self._restart()
        while self._position < offset:
            piece = self._file.read(min(offset - self._position, _PIECE))
            if not piece:
                raise _short(offset - self._position, self.path)
            self._position += len(piece)

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """Say in plain words what the decompressor raises about damaged data."""
        path, name = self.path, self._compression
        try:
            yield
        except EOFError as error:
            raise CorruptError(
                f"the {name} data ends early", path=path, hint="Was it copied whole?"
            ) from error
        except OSError as error:
            if error.errno is None:  # bz2
                raise CorruptError(f"damaged {name} data: {error}", path=path) from error
            raise ReadError(error.strerror or str(error), path=path) from error
        except Exception as error:
            if not isinstance(error, (*deflate_errors(), *unpack_errors())):
                raise
            raise CorruptError(f"damaged {name} data: {error}", path=path) from error


class JoinedBytes:
    """Several files that each hold an equal share of the bytes, one after the other. One is open at a time.

    Parameters
    ----------
    files
        Path, compression, start in the file, and offset of the share in what is read from there.
    share
        Bytes of each share.
    """

    def __init__(self, files: Sequence[tuple[Path, Compression, int, int]], share: int) -> None:
        self._files, self._share = files, share
        self.path = files[0][0]
        self.limit = share * len(files)
        self.forward = any(file[1] != "none" for file in files)
        self._number, self._part = -1, cast("Bytes | None", None)

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on, fewer at the end of the last file."""
        out = bytearray(max(min(count, self.limit - offset), 0))
        self.read_into(offset, memoryview(out))
        return bytes(out)

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `offset` on."""
        while len(target):
            number, at = divmod(offset, self._share)
            step = min(self._share - at, len(target))
            part = self._opened(number)
            part.read_into(self._files[number][3] + at, target[:step])
            if at + step == self._share:
                part.finish()
            target, offset = target[step:], offset + step

    def finish(self) -> None:
        """Do nothing: each file is checked when its end is reached."""

    def close(self) -> None:
        """Close the file that is open."""
        if self._part is not None:
            self._part.close()
        self._number, self._part = -1, None

    def _opened(self, number: int) -> Bytes:
        if self._part is None or number != self._number:
            self.close()
            path, compression, start, _ = self._files[number]
            self._part, self._number = open_bytes(path, compression, start), number
        return self._part


class MemoryBytes:
    """Bytes that had to be decoded as a whole, such as those of a text file."""

    forward = False

    def __init__(self, path: Path, content: memoryview) -> None:
        self.path, self.limit, self._content = path, len(content), content

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on."""
        return bytes(self._content[offset : offset + count])

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `offset` on."""
        target[:] = self._content[offset : offset + len(target)]

    def finish(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Forget the bytes."""
        self._content = memoryview(b"")


def _unpacked(file: IO[bytes], compression: Compression, path: Path) -> IO[bytes]:
    raw: io.RawIOBase
    if compression in ("gzip", "zlib"):
        raw = Inflated(file, 31 if compression == "gzip" else 15)
    else:
        raw = Unpacked(file, cast("Packing", compression), path)
    return cast("IO[bytes]", io.BufferedReader(raw, _PIECE))


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
