"""Opens VTK's legacy structured points: lines of header, then an array, big-endian or as text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mlarray_core import Meta
from mlarray_core.errors import CorruptError
from mlarray_core.headers import plain
from mlarray_io.sdk import (
    MemoryBytes,
    RawData,
    RawReader,
    check_size,
    decode_text,
    open_bytes,
    placed,
    spatial_labels,
)
from mlarray_vtk.header import VtkHeader, parse

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Buffer

    from mlarray_io import Context
    from mlarray_io.sdk import Bytes

LONGEST = 1 << 16
"""Bytes that a header may have."""


def open_vtk(path: Path, context: Context) -> RawReader:
    """Open an image. Binary voxels are read where they are asked for; text is decoded whole.

    Raises
    ------
    CorruptError
        The header makes no sense, or describes more than the file holds.
    UnsupportedError
        What the file holds isn't read.
    LimitError
        It is larger than the host allows.
    """
    file = open_bytes(path, "none")
    try:
        header = parse(file.read(0, LONGEST), path)
        space = 3 if header.sizes[2] > 1 else 2
        shape = (*header.sizes[:space][::-1], *((header.components,) if header.components > 1 else ()))
        raw = RawData(shape, np.dtype(header.dtype).newbyteorder(">"), header.start)
        meta = _meta(header, space, path)
        if header.text:
            return RawReader(*_decoded(file, raw, context), meta)
        check_size(raw, file, context)
        _tell_rest(file.read(raw.offset + raw.nbytes, 80), path, context)
        return RawReader(file, raw, meta)
    except BaseException:
        file.close()
        raise


def _meta(header: VtkHeader, space: int, path: Path) -> Meta:
    labels = [*spatial_labels(space), *(["components"] if header.components > 1 else [])]
    columns, origin = np.diag(header.spacing[:space]), np.array(header.origin[:space])
    return Meta(source=plain(header.source), spatial=placed(columns, origin, labels, path))


def _decoded(file: Bytes, raw: RawData, context: Context) -> tuple[Bytes, RawData]:
    """Return voxels that are written as numbers, and how they lie in memory."""
    count = math.prod(raw.shape)
    if 2 * count - 1 > file.limit - raw.offset:
        raise CorruptError(
            f"is too small for the {count:,} numbers of its header",
            path=file.path,
            hint="Was it copied whole?",
        )
    context.allow(raw.nbytes, file.path)
    content = np.empty(count, raw.dtype.newbyteorder("="))
    file.close()
    with file.path.open("rb") as text:
        text.seek(raw.offset)
        # VTK's and ITK's readers stop at an integer's decimal point, and leave the rest as it was
        decode_text(text, content, file.path, plain_integers=True)
    memory = MemoryBytes(file.path, memoryview(cast("Buffer", content.view(np.uint8))))
    return memory, RawData(raw.shape, content.dtype)


def _tell_rest(rest: bytes, path: Path, context: Context) -> None:
    """Say that a file goes on after the array, but not when it does as VTK ends every file."""
    text: Any = rest.strip()
    if text and not text.startswith(b"METADATA"):
        context.warn(f"{path}: holds more than its first array, which alone is read")
