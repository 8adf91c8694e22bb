"""Where a file's arrays lie ("MAT-File Format", level 5). Read here: SciPy crashed on damaged files."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEADER = 128
DEFLATE_BEST = 1032
"""The most bytes that one byte of deflate can stand for."""
CLASSES = {
    6: ("double", "f8"), 7: ("single", "f4"), 8: ("int8", "i1"), 9: ("uint8", "u1"), 10: ("int16", "i2"),
    11: ("uint16", "u2"), 12: ("int32", "i4"), 13: ("uint32", "u4"), 14: ("int64", "i8"),
    15: ("uint64", "u8"),
}  # fmt: skip
"""MATLAB's numeric classes and NumPy's types for them."""
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Types that values are stored as, often smaller than their class."""
_MATRIX, _COMPRESSED = 14, 15
_OPAQUE = 17
"""Class of objects, which the format's description leaves out (SciPy, `mio5_params.py`, mxOPAQUE_CLASS)."""
_DIMENSIONS = (5, 6)
"""Types of the dimensions: int32 by the description, uint32 by some writers, which SciPy reads too."""
_HEAD = 4096
_MOST = 100_000


@dataclass(frozen=True)
class Part:
    """A run of numbers: its type and its place, in the file or in the decompressed element."""

    type: str
    at: int
    nbytes: int


@dataclass(frozen=True)
class Variable:
    """One array.

    Parameters
    ----------
    name
        MATLAB's.
    shape
        In MATLAB's order, the first axis fastest.
    kind
        MATLAB's class.
    type
        NumPy's type for it.
    parts
        Real and, if there is one, imaginary.
    packed
        Place and size of the compressed element; None when it isn't.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    type: str
    parts: tuple[Part, ...]
    packed: tuple[int, int] | None


def variables(file: IO[bytes], size: int, path: Path) -> Iterator[Variable | tuple[str, str]]:
    """Yield the arrays of a file; name and reason of what is no numeric array.

    Parameters
    ----------
    file
        The open file.
    size
        Bytes in the file.
    path
        The file, for errors.

    Raises
    ------
    CorruptError
        It is damaged or cut short.
    """
    mark = {b"IM": "<", b"MI": ">"}.get(_read(file, 126, 2), "")
    if not mark:
        raise CorruptError("its header names no byte order", path=path)
    at = HEADER
    for _ in range(_MOST):
        if at == size:
            return
        tag = _read(file, at, 8)
        kind, nbytes = struct.unpack(f"{mark}2I", tag) if len(tag) == 8 else (0, 0)
        if kind not in (_MATRIX, _COMPRESSED) or at + 8 + nbytes > size:
            raise CorruptError(f"is damaged or cut short at byte {at:,}", path=path)
        try:
            yield _variable(file, at, kind, nbytes, mark)
        except (struct.error, zlib.error, ValueError) as error:
            raise CorruptError(f"is damaged behind byte {at:,} ({error})", path=path) from error
        at += 8 + nbytes


def _read(file: IO[bytes], at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


def _variable(file: IO[bytes], at: int, kind: int, nbytes: int, mark: str) -> Variable | tuple[str, str]:
    if kind == _MATRIX:
        return _matrix(_read(file, at, min(_HEAD, nbytes + 8)), mark, at, nbytes + 8, None)
    head = zlib.decompressobj().decompress(_read(file, at + 8, min(nbytes, _HEAD)), _HEAD)
    inner, size = struct.unpack_from(f"{mark}2I", head)
    if inner != _MATRIX or size > nbytes * DEFLATE_BEST + 64:
        raise ValueError("what is compressed is no array, or claims more than deflate can hold")
    return _matrix(head, mark, 0, size + 8, (at + 8, nbytes))


def _matrix(
    head: bytes, mark: str, base: int, size: int, packed: tuple[int, int] | None
) -> Variable | tuple[str, str]:
    """Read flags, dimensions, name, and where the numbers are."""
    kind, at, count, after = _tag(head, 8, mark)
    (flags,) = struct.unpack_from(f"{mark}I", head, at)
    if flags & 0xFF == _OPAQUE:  # name, system and class take the place of dimensions
        names = []
        for _ in range(3):
            kind, at, count, after = _tag(head, after, mark)
            names.append(head[at : at + min(count, 255)].decode("latin-1"))
        return names[0] or "an object without a name", f"it is an object of class {names[2]}"
    kind, at, count, after = _tag(head, after, mark)
    if kind not in _DIMENSIONS or count % 4 or not 8 <= count <= 128:
        raise ValueError("dimensions are expected")
    shape = struct.unpack_from(f"{mark}{count // 4}i", head, at)
    kind, at, count, after = _tag(head, after, mark)
    name = head[at : at + min(count, 255)].decode("latin-1")
    if flags & 0xFF not in CLASSES or min(shape) <= 0:
        return name or "a part without a name", "it is no numeric array, or empty"
    title, code = CLASSES[flags & 0xFF]
    parts: list[Part] = []
    for _ in range(2 if flags & 0x800 else 1):
        if parts and after + 8 > len(head):  # the imaginary part's tag comes after the real numbers
            parts.append(Part(parts[0].type, -1, parts[0].nbytes))
            break
        kind, at, count, after = _tag(head, after, mark)
        stored = mark + STORED.get(kind, "")
        if kind not in STORED or count != math.prod(shape) * int(stored[2:]) or at + count > size:
            raise ValueError(f"the numbers of {name} don't fit its dimensions {shape}")
        parts.append(Part(stored, base + at, count))
    if flags & 0x200:
        title, code = "logical", "?"
    elif len(parts) == 2:
        code = "c8" if code == "f4" else "c16"
    return Variable(name, tuple(shape), title, code, tuple(parts), packed)


def _tag(head: bytes, at: int, mark: str) -> tuple[int, int, int, int]:
    """Return type, place and size of an element, and where the next begins; small ones fit in their tag."""
    kind, count = struct.unpack_from(f"{mark}2I", head, at)
    if kind >> 16:
        return kind & 0xFFFF, at + 4, kind >> 16, at + 8
    return kind, at + 8, count, at + 8 + (count + 7) // 8 * 8


def imaginary(real: Part, tag: bytes, base: int, size: int) -> Part:
    """Return the imaginary part, whose tag follows the real numbers.

    Parameters
    ----------
    real
        The real part.
    tag
        Of the imaginary part.
    base
        Where the array's content begins in the file.
    size
        Bytes of that content.

    Raises
    ------
    ValueError
        It doesn't fit the real one.
    """
    mark = real.type[0]
    kind, at, count, _ = _tag(tag, 0, mark)
    start = real.at + (real.nbytes + 7) // 8 * 8
    stored = mark + STORED.get(kind, "")
    if kind not in STORED or count * int(real.type[2:]) != real.nbytes * int(stored[2:]):
        raise ValueError("the imaginary numbers don't fit the real ones")
    if start + at + count > base + size:
        raise ValueError("the imaginary numbers are cut short")
    return Part(stored, start + at, count)
