"""What follows a frame when a file holds levels: a stored ZIP of frames and an index, found without Blosc2.

The index names the frame that the levels were made of, by its length and its seal, so that levels of another
frame are noticed. Other programs ignore what follows a frame, and cut it off when they write to the file.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlarray_core.container.frame import MIN_HEADER, claimed_length
from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from mlarray_core.container.frame import Frame, Read

INDEX = "levels.json"
VERSION = 1
MAX_LEVELS = 32
MAX_DIRECTORY = 1 << 16
_END = b"PK\x05\x06"
_END_SIZE = 22
_LOCAL, _CENTRAL, _END64, _LOCATOR = b"PK\x03\x04", b"PK\x01\x02", b"PK\x06\x06", b"PK\x06\x07"
_ENTRY, _END64_SIZE, _LOCATOR_SIZE = 46, 56, 20
_MEMBER, _LENGTHS = 30, 26
"""Bytes of a member's header, and where the lengths of name and extra field are (APPNOTE.TXT, 4.3.7)."""
_ZIP64, _PART, _SIZES = 1, 4, 16
"""The part of the extra field that holds sizes: its kind, the bytes of a part's head, and of both sizes."""
_IN_EXTRA = 0xFFFFFFFF
"""A size that stands in the extra field, for it takes more than four bytes."""


@dataclass(frozen=True)
class StoredLevel:
    """Where one level lies.

    Parameters
    ----------
    at, size
        Of its frame, in the file.
    factors
        Voxels of the full image along each axis that one voxel stands for.
    method
        How its values were made.
    """

    at: int
    size: int
    factors: tuple[int, ...]
    method: str


def index_of(frame: Frame, method: str, factors: list[tuple[int, ...]]) -> bytes:
    """Return the content of the index of levels that are made of `frame`.

    Parameters
    ----------
    frame
        Of the image.
    method
        How the values of the levels were made.
    factors
        Of each level, finest first: voxels of the image along each axis that one voxel stands for.
    """
    levels = [{"name": name_of(number), "factors": list(steps)} for number, steps in enumerate(factors, 1)]
    tie = {"length": frame.length, "fingerprint": frame.fingerprint.hex()}
    return json.dumps({"version": VERSION, "frame": tie, "method": method, "levels": levels}).encode()


def name_of(number: int) -> str:
    """Return the name of the ZIP's member for level `number`, counted from 1."""
    return f"{number}.b2nd"


def read_index(read: Read, size: int, frame: Frame) -> list[StoredLevel]:
    """Return the levels that follow a frame.

    Parameters
    ----------
    read
        Gives bytes of the file.
    size
        Bytes in the file.
    frame
        The one that the file begins with.

    Raises
    ------
    CorruptError
        What follows is no set of levels, or one that was made of another frame.
    """
    if size == frame.length:
        return []
    end = read(size - _END_SIZE, _END_SIZE)
    if not end.startswith(_END) or end[-2:] != b"\0\0":
        raise CorruptError("what follows the image is no set of levels")
    if struct.unpack_from("<I", end, 12)[0] > MAX_DIRECTORY:
        raise CorruptError("the directory of the levels is too large")
    try:
        with zipfile.ZipFile(_Window(read, size)) as archive:
            return _levels(read, size, frame, archive)
    except (
        zipfile.BadZipFile,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
        struct.error,
    ) as error:
        raise CorruptError("the levels behind the image are damaged") from error
    except NotImplementedError as error:
        raise CorruptError("the levels behind the image are stored in a way that isn't read") from error


def _levels(read: Read, size: int, frame: Frame, archive: zipfile.ZipFile) -> list[StoredLevel]:
    entry = archive.getinfo(INDEX)
    at, length = _place(read, size, frame, entry)
    if length > MAX_DIRECTORY:
        raise CorruptError("the index of the levels is too large")
    index = json.loads(read(at, length))
    tie = index["frame"]
    if (
        index["version"] != VERSION
        or not isinstance(index["levels"], list)
        or len(index["levels"]) > MAX_LEVELS
    ):
        raise CorruptError("the index of the levels is of an unknown kind")
    if (tie["length"], tie["fingerprint"]) != (frame.length, frame.fingerprint.hex()):
        raise CorruptError("the levels behind the image were made of another image")
    return [_level(read, size, frame, archive, index["method"], level) for level in index["levels"]]


def _level(
    read: Read, size: int, frame: Frame, archive: zipfile.ZipFile, method: object, level: Any
) -> StoredLevel:
    at, length = _place(read, size, frame, archive.getinfo(level["name"]))
    if length < MIN_HEADER or claimed_length(read(at, MIN_HEADER)) != length:
        raise CorruptError("a level is more, or less, than the frame of an image")
    factors = tuple(level["factors"])
    if len(factors) != len(frame.shape) or not all(isinstance(step, int) and step > 0 for step in factors):
        raise CorruptError("a level's factors don't fit the image")
    return StoredLevel(at, length, factors, str(method))


def _place(read: Read, size: int, frame: Frame, entry: zipfile.ZipInfo) -> tuple[int, int]:
    """Return where a member's content lies and how long it is, checked against the file."""
    head = read(entry.header_offset, _MEMBER)
    name, extra = struct.unpack_from("<HH", head, _LENGTHS)
    at = entry.header_offset + _MEMBER + name + extra
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        raise CorruptError("a level is compressed twice")
    if entry.header_offset < frame.length or at + entry.file_size > size:
        raise CorruptError("a level lies outside the file")
    return at, entry.file_size


def end_of_levels(read: Read, size: int, frame: Frame) -> int:
    """Return where the levels behind a frame end, by walking over them; the frame's end without any.

    What follows them, such as the half of an edit, is no part of them.

    Parameters
    ----------
    read
        Gives bytes of the file.
    size
        Bytes in the file.
    frame
        The one that the file begins with.
    """
    at = frame.length
    for _ in range(MAX_LEVELS + 1):
        head = read(at, _MEMBER)
        if not head.startswith(_LOCAL) or len(head) < _MEMBER:
            break
        stored, _, name, extra = struct.unpack_from("<IIHH", head, 18)
        if stored == _IN_EXTRA:
            stored = _size_in(read(at + _MEMBER + name, extra))
        at += _MEMBER + name + extra + stored
    for _ in range(MAX_LEVELS + 1):
        entry = read(at, _ENTRY)
        if not entry.startswith(_CENTRAL) or len(entry) < _ENTRY:
            break
        at += _ENTRY + sum(struct.unpack_from("<HHH", entry, 28))
    if read(at, 4) == _END64:
        at += _END64_SIZE
    if read(at, 4) == _LOCATOR:
        at += _LOCATOR_SIZE
    whole = read(at, 4) == _END and at + _END_SIZE <= size
    return at + _END_SIZE if whole else frame.length


def _size_in(extra: bytes) -> int:
    """Return the stored size that a member's extra field holds (APPNOTE.TXT, 4.5.3)."""
    at = 0
    while at + _PART <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        at += _PART
        if kind == _ZIP64 and length >= _SIZES and at + _SIZES <= len(extra):
            return int(struct.unpack_from("<QQ", extra, at)[1])
        at += length
    return 0


class _Window(io.RawIOBase):
    """A file to `zipfile`, read through a function."""

    def __init__(self, read: Read, size: int) -> None:
        self._read, self._size, self._at = read, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, count: int | None = -1) -> bytes:
        wanted = self._size - self._at if count is None or count < 0 else count
        piece = self._read(self._at, max(0, wanted))
        self._at += len(piece)
        return piece
