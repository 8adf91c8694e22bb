"""Values of a binary header, one after the other."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from mlarray_io.sdk import Bytes

_LONGEST = 4096
_PIECE = 1 << 16
"""Bytes that are read ahead: to go back in a packed file is to unpack it again."""


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
        self._file, self.at, self._ahead = file, at, b""

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
        self._fill(_LONGEST)
        end = self._ahead.find(b"\0", 0, _LONGEST)
        if end < 0:
            raise CorruptError("a text in its header has no end", path=self._file.path)
        return self._take(end + 1)[:end].decode("utf-8", "replace")

    def ended(self) -> bool:
        """Say whether the file ends here."""
        self._fill(1)
        return not self._ahead

    def skip(self, count: int) -> None:
        """Go past bytes; that the file has them shows where something is read behind them."""
        self._ahead, self.at = self._ahead[count:], self.at + count

    def _fill(self, count: int) -> None:
        """Have so many bytes at hand, unless the file ends."""
        if (known := len(self._ahead)) < count:
            self._ahead += self._file.read(self.at + known, max(count, _PIECE) - known)

    def _take(self, count: int) -> bytes:
        self._fill(count)
        block = self._ahead[:count]
        if len(block) < count:
            raise CorruptError("its header is cut short", path=self._file.path, hint="Was it copied whole?")
        self.skip(count)
        return block
