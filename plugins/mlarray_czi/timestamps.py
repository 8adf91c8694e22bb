"""When time points were acquired: the attachment ``TimeStamps``, which Zeiss's library doesn't hand out.

Offsets are those of the "ZISRAW (CZI) File Format" 1.2.2: file header, attachment directory, CZTIMS.
"""

from __future__ import annotations

import math
import struct
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SEGMENT = struct.Struct("<16sqq")
_DIRECTORY_AT = 32 + 72
"""Where the header of the file says where the directory of attachments is."""
_ENTRIES_AT, _ENTRY = 32 + 256, 128
_DATA_AT = 32 + 256
_MOST = 100_000


def read_timestamps(path: Path, count: int) -> list[float] | None:
    """Return seconds of each time point, None when the file doesn't say them for just so many.

    Parameters
    ----------
    path
        The file.
    count
        How many time points the image has.
    """
    with path.open("rb") as file:
        try:
            at = _attachment(file)
            values = None if at is None else _values(file, at)
        except (struct.error, OSError, ValueError):
            return None
    if values is None or len(values) != count or not all(map(math.isfinite, values)):
        return None
    return values if values == sorted(values) else None


def _attachment(file: IO[bytes]) -> int | None:
    file.seek(_DIRECTORY_AT)
    (directory,) = struct.unpack("<q", file.read(8))
    if directory <= 0:
        return None
    file.seek(directory)
    if not _SEGMENT.unpack(file.read(32))[0].startswith(b"ZISRAWATTDIR"):
        return None
    (count,) = struct.unpack("<i", file.read(4))
    for number in range(min(count, _MOST)):
        file.seek(directory + _ENTRIES_AT + _ENTRY * number)
        entry = file.read(_ENTRY)
        if entry[40:48].startswith(b"CZTIMS"):
            return int(struct.unpack_from("<q", entry, 12)[0])
    return None


def _values(file: IO[bytes], at: int) -> list[float]:
    file.seek(at + _DATA_AT)
    _, count = struct.unpack("<ii", file.read(8))
    if not 0 < count <= _MOST:
        raise ValueError(count)
    return list(struct.unpack(f"<{count}d", file.read(8 * count)))
