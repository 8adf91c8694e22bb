"""Reads the extensions that stand between header and voxels (nifti1.h, "nifti1_extension")."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mlarray_core.errors import LimitError

if TYPE_CHECKING:
    from mlarray_io import Context
    from mlarray_io.sdk import Bytes
    from mlarray_nifti.header import Extension, Header

LARGEST = 1 << 28
"""Bytes of one extension. CIFTI-2 describes surfaces in some megabytes of XML."""


def read_extensions(file: Bytes, header: Header, context: Context) -> list[Extension]:
    """Return code and content of each extension; what follows a damaged one is left out, with a warning.

    Parameters
    ----------
    file
        The open file, behind the header.
    header
        The header, for byte order and the offset of the voxels.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.

    Raises
    ------
    LimitError
        One is larger than any that is meant.
    """
    if header.variant == "analyze" or file.read(header.size, 4)[:1] in (b"", b"\0"):
        return []
    at, found = header.size + 4, []
    end = int(header.get("vox_offset")) if header.single else file.limit
    while at + 8 <= end and len(start := file.read(at, 8)) == 8:
        size, code = struct.unpack("<2i" if header.byte_order == "little" else ">2i", start)
        content = _content(file, at, size) if 8 <= size <= end - at else b""
        if len(content) != size - 8:
            if size:
                context.warn(f"{file.path}: the header extension at byte {at} is damaged and left out")
            break
        found.append((code, content))
        at += size
    return found


def _content(file: Bytes, at: int, size: int) -> bytes:
    if size > LARGEST:
        raise LimitError(f"a header extension claims {size:,} of {LARGEST:,} bytes allowed", path=file.path)
    return file.read(at + 8, size - 8)
