"""A bounded reader for the part of MessagePack that `.mla` files use: plain values, no extension types.

Blosc2 stores variable-length metadata as MessagePack. Its own decoder is not used on files, because the
extension types that it knows rebuild objects.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

from mlarray_core.errors import CorruptError, LimitError, UnsafeError

MAX_DEPTH = 200
MAX_ITEMS = 1_000_000

_NUMBERS = {
    0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
    0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
}  # fmt: skip
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
_BYTES = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I"}
_TEXT = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
_LISTS = {0xDC: ">H", 0xDD: ">I"}
_MAPS = {0xDE: ">H", 0xDF: ">I"}


def unpack(data: bytes | memoryview) -> object:
    """Return the one value that `data` holds.

    Raises
    ------
    CorruptError
        `data` ends early, goes on after the value, or is no MessagePack.
    UnsafeError
        It holds an extension type.
    LimitError
        It is nested too deeply or holds too many items.
    """
    unpacker = Unpacker(data)
    value = unpacker.value()
    if unpacker.at != len(data):
        raise CorruptError("bytes follow the metadata value")
    return value


def pack_bytes(data: bytes) -> bytes:
    """Return `data` as a MessagePack byte string."""
    return b"\xc6" + struct.pack(">I", len(data)) + data


@cache
def _packed(form: str) -> struct.Struct:
    return struct.Struct(form)


class Unpacker:
    """A position in MessagePack data.

    Parameters
    ----------
    data
        The packed bytes.
    at
        Where to begin.
    """

    def __init__(self, data: bytes | memoryview, at: int = 0) -> None:
        self.data = memoryview(data)
        self.at = at
        self.size = len(data)
        self.items = 0

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes.

        Raises
        ------
        CorruptError
            There are fewer.
        """
        end = self.at + count
        if count < 0 or end > self.size:
            raise CorruptError("metadata ends early")
        piece = bytes(self.data[self.at : end])
        self.at = end
        return piece

    def byte(self) -> int:
        """Return the next byte.

        Raises
        ------
        CorruptError
            There is none.
        """
        at = self.at
        if at >= self.size:
            raise CorruptError("metadata ends early")
        self.at = at + 1
        return self.data[at]

    def number(self, form: str) -> Any:
        """Return the next number, packed as `form` says."""
        return self.numbers(form)[0]

    def numbers(self, form: str) -> tuple[Any, ...]:
        """Return the next numbers, packed as `form` says.

        Raises
        ------
        CorruptError
            There are fewer.
        """
        packed = _packed(form)
        end = self.at + packed.size
        if end > self.size:
            raise CorruptError("metadata ends early")
        found = packed.unpack_from(self.data, self.at)
        self.at = end
        return found

    def expect(self, marker: int) -> None:
        """Read one marker byte, which must be `marker`.

        Raises
        ------
        CorruptError
            Another byte is there.
        """
        found = self.byte()
        if found != marker:
            raise CorruptError(f"marker 0x{found:02x} where 0x{marker:02x} belongs")

    def value(self, depth: int = 0) -> object:
        """Return the next value, whatever it is.

        Raises
        ------
        CorruptError, UnsafeError, LimitError
            As `unpack`.
        """
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise LimitError("metadata is nested too deeply or holds too many items")
        tag = self.byte()
        if tag < 0x80:
            return tag
        if tag >= 0xE0:
            return tag - 0x100
        if tag in _CONSTANTS:
            return _CONSTANTS[tag]
        if tag in _NUMBERS:
            return self.number(_NUMBERS[tag])
        return self._sized(tag, depth)

    def _sized(self, tag: int, depth: int) -> object:
        if tag in _BYTES:
            return self.take(self.number(_BYTES[tag]))
        if 0xA0 <= tag <= 0xBF or tag in _TEXT:
            return self._text(tag - 0xA0 if tag <= 0xBF else self.number(_TEXT[tag]))
        if 0x90 <= tag <= 0x9F or tag in _LISTS:
            count = tag - 0x90 if tag <= 0x9F else self.number(_LISTS[tag])
            return [self.value(depth + 1) for _ in range(count)]
        if tag <= 0x8F or tag in _MAPS:
            count = tag - 0x80 if tag <= 0x8F else self.number(_MAPS[tag])
            return {self._key(depth): self.value(depth + 1) for _ in range(count)}
        raise UnsafeError(f"metadata holds MessagePack type 0x{tag:02x}, which is not read")

    def _text(self, count: int) -> str:
        try:
            return self.take(count).decode()
        except UnicodeDecodeError as error:
            raise CorruptError("metadata text is not UTF-8") from error

    def _key(self, depth: int) -> object:
        key = self.value(depth + 1)
        if isinstance(key, (list, dict)):
            raise CorruptError("a metadata key is a list or a mapping")
        return key
