"""The index of an NDTiff data set: where each plane is, and at which place along which axes.

NDTiff 3.3 specification (micro-manager/NDStorage, README): little-endian, one entry after the other.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, LimitError, UnsafeError, UnsupportedError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 256 << 20
"""Bytes of an index: two million planes."""

RGB = 2
_TYPES = {0: "u1", 1: "u2", RGB: "u1", 3: "u2", 4: "u2", 5: "u2", 6: "u2"}
"""By pixel type: 8 and 16 bits, colours of 8 bits, and 10, 12, 14 and 11 bits in 16."""
_LENGTH, _FIELDS = struct.Struct("<I"), struct.Struct("<IiiiiIii")

Place = dict[str, int | str]
"""Where a plane lies along each axis: numbers, which may be below 0, or names."""


@dataclass(frozen=True)
class Entry:
    """One plane.

    Parameters
    ----------
    place
        Where it lies along each axis.
    name
        Of the file that holds it.
    at
        Where its voxels begin there.
    shape
        Its rows and columns, and 3 if it has colours.
    dtype
        Of its voxels, without a byte order.
    told_at, told
        Where its metadata begin, and how many bytes they are.
    """

    place: Place
    name: str
    at: int
    shape: tuple[int, ...]
    dtype: str
    told_at: int
    told: int

    @property
    def nbytes(self) -> int:
        """Bytes of its voxels."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


def read_index(path: Path) -> list[Entry]:
    """Return all planes; of two at the same place the later one, which took it over.

    Raises
    ------
    CorruptError
        It ends within an entry, or an entry makes no sense.
    LimitError
        It is larger than an index ever is.
    """
    size = path.stat().st_size
    if size > LARGEST:
        raise LimitError(f"is an index of {size:,} bytes", path=path)
    content, at = path.read_bytes(), 0
    found: dict[frozenset[tuple[str, int | str]], Entry] = {}
    while at < len(content):
        try:
            entry, at = _entry(content, at, path)
        except (struct.error, ValueError, RecursionError) as error:
            raise CorruptError(
                f"entry {len(found)}, at byte {at:,}, makes no sense", path=path, hint="Was it copied whole?"
            ) from error
        found[frozenset(entry.place.items())] = entry
    if not found:
        raise CorruptError("names no planes", path=path)
    return list(found.values())


def _entry(content: bytes, at: int, path: Path) -> tuple[Entry, int]:
    text, at = _text(content, at)
    name, at = _text(content, at)
    pixels, width, height, kind, packed, told_at, told, told_packed = _FIELDS.unpack_from(content, at)
    if packed or told_packed or kind not in _TYPES:
        raise UnsupportedError(
            f"names a plane of pixel type {kind} and compression {packed}, which NDTiff 3.3 doesn't have",
            path=path,
        )
    if name in ("", ".", "..") or any(mark in name for mark in "/\\:\0"):
        raise UnsafeError(f"names the file {name[:60]!r}, which leads out of its folder", path=path)
    if min(width, height) < 1 or told < 0:
        raise ValueError(width, height, told)
    shape = (height, width, 3) if kind == RGB else (height, width)
    return Entry(_place(text), name, pixels, shape, _TYPES[kind], told_at, told), at + _FIELDS.size


def _text(content: bytes, at: int) -> tuple[str, int]:
    (length,) = _LENGTH.unpack_from(content, at)
    start, stop = at + _LENGTH.size, at + _LENGTH.size + length
    if stop > len(content):
        raise ValueError(stop)
    return content[start:stop].decode("utf-8"), stop


def _place(text: str) -> Place:
    place: Any = json.loads(text)
    if not isinstance(place, dict) or any(type(value) not in (int, str) for value in place.values()):
        raise ValueError(text)
    if any(type(value) is int and abs(value) >= 1 << 31 for value in place.values()):
        raise ValueError(text)
    return place
