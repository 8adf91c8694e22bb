"""Values of a binary header, one after the other."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from mlarray_io.sdk import Bytes

_LONGEST = 4096


class Cursor:
    """A place in a file, which moves on.

    Parameters
    ----------
    file
        The file, open.
    at
        Where to begin.
    """

    def __init__(self, file: Bytes, at: int = 0) -> None:
        self._file, self.at = file, at

    def values(self, form: str) -> tuple[int | float, ...]:
        """Return numbers, little-endian, in `struct`'s letters.

        Raises
        ------
        CorruptError
            The file ends.
        """
        record = struct.Struct(f"<{form}")
        return record.unpack(self._take(record.size))

    def whole(self, form: str) -> int:
        """Return one whole number."""
        return int(self.values(form)[0])

    def text(self) -> str:
        """Return a text that ends in a zero.

        Raises
        ------
        CorruptError
            It doesn't end.
        """
        block = self._file.read(self.at, _LONGEST)
        end = block.find(b"\0")
        if end < 0:
            raise CorruptError("a text in its header has no end", path=self._file.path)
        self.at += end + 1
        return block[:end].decode("utf-8", "replace")

    def _take(self, count: int) -> bytes:
        block = self._file.read(self.at, count)
        if len(block) < count:
            raise CorruptError("its header is cut short", path=self._file.path, hint="Was it copied whole?")
        self.at += count
        return block
