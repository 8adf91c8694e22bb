"""The header of a classic file: whether the file is as long as it says.

NetCDF's library hands back zeros for values behind the end of a file that was cut short. Only sizes are read
here ("The NetCDF Classic Format Specification"); everything else is the library's.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, BinaryIO

from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from pathlib import Path

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
"""Bytes of a value by the number of its type."""
_DIMENSIONS, _VARIABLES, _ATTRIBUTES = 10, 11, 12
_STREAMING = {4: 0xFFFFFFFF, 8: 0xFFFFFFFFFFFFFFFF}
"""A number of records that was never written."""
_MOST = 1 << 20


class _Header:
    """Reads numbers of the widths that a version has.

    Parameters
    ----------
    file
        Open at its start.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        version = file.read(4)[3]
        self.count_size, self.offset_size = (8, 8) if version == 5 else (4, 8 if version == 2 else 4)

    def number(self, size: int) -> int:
        found = self._file.read(size)
        if len(found) < size:
            raise CorruptError("ends within its header")
        return int.from_bytes(found, "big")

    def count(self) -> int:
        return self.number(self.count_size)

    def skip(self, size: int) -> None:
        self._file.seek(-(-size // 4) * 4, 1)

    def entries(self, tag: int) -> range:
        """Return the entries of a list, which begins with its tag, or with zeros when it is empty."""
        found, count = self.number(4), self.count()
        if (found != tag and (found or count)) or count > _MOST:
            raise CorruptError("has a damaged header")
        return range(count)

    def attributes(self) -> None:
        for _ in self.entries(_ATTRIBUTES):
            self.skip(self.count())
            kind, count = self.number(4), self.count()
            self.skip(_size(kind) * count)


def _size(kind: int) -> int:
    if kind not in _SIZES:
        raise CorruptError(f"has values of an unknown type, {kind}")
    return _SIZES[kind]


def check_classic(path: Path) -> None:
    """Refuse a classic file that is shorter than its variables.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    CorruptError
        It is cut short, or its header makes no sense.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            end = _end(_Header(file))
        except (struct.error, OSError, OverflowError, ValueError) as error:
            raise CorruptError("has a damaged header", path=path) from error
    if end > size:
        raise CorruptError(
            f"its header describes {end:,} bytes, the file holds {size:,}",
            path=path,
            hint="Was it copied whole?",
        )


def _end(header: _Header) -> int:
    """Return where the last value ends."""
    records = header.count()
    lengths = []
    for _ in header.entries(_DIMENSIONS):
        header.skip(header.count())
        lengths.append(header.count())
    header.attributes()
    fixed, recorded = 0, []
    for _ in header.entries(_VARIABLES):
        header.skip(header.count())
        count = header.count()
        if count > _MOST:
            raise CorruptError("has a damaged header")
        numbers = [header.count() for _ in range(count)]
        if any(number >= len(lengths) for number in numbers):
            raise CorruptError("has a variable of a dimension that it doesn't have")
        header.attributes()
        kind, _, start = header.number(4), header.count(), header.number(header.offset_size)
        shape = [lengths[number] for number in numbers]
        if shape and shape[0] == 0:
            recorded.append((start, math.prod(shape[1:]) * _size(kind)))
        else:
            fixed = max(fixed, start + math.prod(shape) * _size(kind))
    if not recorded or records in (0, _STREAMING[header.count_size]):
        return fixed
    # one variable of records alone is not padded (the specification's "Note on padding")
    step = sum(-(-one // 4) * 4 for _, one in recorded) if len(recorded) > 1 else recorded[0][1]
    return max(fixed, *(start + (records - 1) * step + one for start, one in recorded))
