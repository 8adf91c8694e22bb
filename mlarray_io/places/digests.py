"""Checksums of whole files and folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import xxhash

if TYPE_CHECKING:
    import os

PIECE = 1 << 20


def digest(path: str | os.PathLike[str]) -> str:
    """Return the xxh3_128 of a file in hexadecimal; of a folder, that of its files' names and contents."""
    total = xxhash.xxh3_128()
    whole = Path(path)
    if whole.is_dir():
        for one in sorted(part for part in whole.rglob("*") if part.is_file()):
            total.update(one.relative_to(whole).as_posix().encode())
            _add(total, one)
    else:
        _add(total, whole)
    return total.hexdigest()


def _add(total: xxhash.xxh3_128, path: Path) -> None:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            total.update(piece)
