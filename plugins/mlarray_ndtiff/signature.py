"""How an NDTiff data set is known: its index, in the folder, or in that of the finest resolution."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mlarray_core.errors import NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Source

INDEX = "NDTiff.index"
FULL = "Full resolution"
"""Where the index is of a pyramid, and of all data sets of version 2."""

_TIFF, _MARK = (b"II*\0", b"MM\0*"), 483729
"""What its TIFF files begin with, and the number at byte 8."""


def is_stack(head: bytes) -> bool:
    """Whether a file that begins so is a TIFF file of NDTiff 2 or 3."""
    if not head.startswith(_TIFF) or len(head) < 12:
        return False
    found: int = struct.unpack_from("<I" if head[:2] == b"II" else ">I", head, 8)[0]
    return found == _MARK


def folder_of(source: Source) -> Path | None:
    """Return the folder whose index says where the planes of a source are; None for others."""
    if source.is_dir:
        for folder in (source.path, source.path / FULL):
            if (folder / INDEX).is_file():
                return folder
        return None
    beside = source.path.parent
    belongs = source.name == INDEX or is_stack(source.head)
    return beside if belongs and (beside / INDEX).is_file() else None


def data_folder(source: Source) -> Path:
    """Return the folder with the index.

    Raises
    ------
    NotFoundError
        There is no index.
    """
    folder = folder_of(source)
    if folder is None:
        raise NotFoundError(f"has no {INDEX}, which says where the planes are", path=source.path)
    return folder
