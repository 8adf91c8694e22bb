"""Tells DICOM by its first bytes, preamble or not."""

from __future__ import annotations

import os
import re
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREAMBLE = 128
MAGIC = b"DICM"
HEAD = 4096
"""Bytes that `recognise` needs at most."""
LOOKED_AT = 200
"""How many files of a folder are tried before it is taken for something else."""

_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL".split()
    + b"UN UR US UT UV".split()
)
_UID = re.compile(rb"1\.2\.840\.10008\.[0-9.]{3,}")
_LONG_FIRST = 1 << 16


def recognise(head: bytes) -> bool:
    """Say whether a file that begins with `head` is DICOM.

    It is when "DICM" follows a preamble of 128 bytes (PS3.10, 7.1), or when, without a preamble, it begins
    with an element of group 2 or 8 and names a DICOM UID near its start.
    """
    if head[PREAMBLE : PREAMBLE + 4] == MAGIC:
        return len(head) > PREAMBLE + 4
    return _bare(head[:HEAD])


def _bare(head: bytes) -> bool:
    if len(head) < 16 or not _UID.search(head):
        return False
    for order in "<>":
        group, _, length = struct.unpack(f"{order}HHI", head[:8])
        if group not in (2, 8):
            continue
        if head[4:6] in _VRS or (order == "<" and length < _LONG_FIRST and length % 2 == 0):
            return True
    return False


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the regular files below a folder in a fixed order. Links to folders are not followed."""
    from pathlib import Path

    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root) / name
            if path.is_file():
                yield path


def holds_dicom(folder: Path) -> bool:
    """Say whether one of the first files below a folder is DICOM."""
    for count, path in enumerate(files_below(folder)):
        if count >= LOOKED_AT:
            return False
        try:
            with path.open("rb") as file:
                if recognise(file.read(HEAD)):
                    return True
        except OSError:
            continue
    return False
