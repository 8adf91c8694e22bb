"""Which file is a header of which format, and which header describes a file."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = 8192
_INTERFILE = re.compile(rb"[\s!]*INTERFILE\s*:=", re.IGNORECASE)
_VGI = re.compile(rb"\{volume\d*\}|\[representation\]", re.IGNORECASE)
_SHARED = ".hdr"
"""What headers of several formats end in: those of NIfTI and Analyze too."""


def is_header(format: str, head: bytes) -> bool:
    """Say whether a file that begins so is a header of a format."""
    head = head[:_HEAD]
    if format == "interfile":
        return bool(_INTERFILE.match(head))
    if format == "envi":
        return head.startswith(b"ENVI") and b"samples" in head
    if format == "vgi":
        return bool(_VGI.search(head)) and b"=" in head
    words = head.upper().split()
    return {b"NROWS", b"NCOLS"} <= set(words) and bool({b"LAYOUT", b"NBITS", b"NBANDS"} & set(words))


def header_beside(format: str, path: Path, suffixes: tuple[str, ...], data: tuple[str, ...]) -> Path | None:
    """Return the header of a format that describes a data file, by their names; None where there is none.

    Parameters
    ----------
    format
        The format.
    path
        The data file.
    suffixes
        Of headers.
    data
        Of data files that share their stem with a header.
    """
    shared = path.suffix.lower() in data
    ends = [spelt for end in suffixes for spelt in (end, end.upper())] if shared else []
    for candidate in [*(path.with_suffix(end) for end in ends), path.with_name(path.name + _SHARED)]:
        if candidate == path:
            continue
        with suppress(OSError, ValueError), candidate.open("rb") as file:
            if is_header(format, file.read(_HEAD)):
                return candidate
    return None


def data_beside(header: Path, suffixes: tuple[str, ...]) -> Path | None:
    """Return the data file that is called as a header is; None where there is none.

    Parameters
    ----------
    header
        The header.
    suffixes
        Of data files, in any case.
    """
    stem = header.with_suffix("")
    for end in suffixes:
        for candidate in (header.with_suffix(end), header.with_suffix(end.upper()), stem):
            if candidate != header and candidate.is_file():
                return candidate
    return None
