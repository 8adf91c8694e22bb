"""The header of an AIM: lengths, a structure, a log in text, then voxels, little-endian.

Version 020 has integers of 4 bytes and sizes of voxels as floats of VAX; 030 has 8 bytes and nanometres.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core.errors import CorruptError, LimitError, UnsupportedError
from mlarray_io.sdk import RawData
from mlarray_scanco.floats import from_vax
from mlarray_scanco.image import Packing, ScancoImage, checked_sizes

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io.sdk import Bytes

LONGEST_LOG = 4 << 20
DTYPES = {
    0x00010001: "<i1", 0x00160001: "<u1", 0x000D0001: "<u1", 0x00020002: "<i2", 0x00170002: "<u2",
    0x00030004: "<i4", 0x001A0004: "<f4", 0x00040004: "<f4",
}  # fmt: skip
"""Types of voxels that lie there as in memory, but that floats of `VAX` have to be turned."""
VAX = 0x00040004
PACKED: dict[int, Packing] = {
    0x00150001: "runs of two values", 0x00080002: "runs of bytes", 0x00060001: "cells",
}  # fmt: skip
"""Types of voxels of one byte that are packed."""
_HINT = "Convert it to MetaImage or NRRD first, such as with itk-ioscanco or Scanco's own program"
_MAGIC = 16


def parse(file: Bytes, path: Path, *, long: bool) -> ScancoImage:
    """Return what the header says.

    Parameters
    ----------
    file
        Open, from its beginning.
    path
        The file, for errors.
    long
        Whether it is of version 030.

    Raises
    ------
    CorruptError
        It makes no sense.
    UnsupportedError
        The voxels are of a type that isn't read.
    LimitError
        Its log is longer than any that is meant.
    """
    start, integer = (_MAGIC, "q") if long else (0, "i")
    lengths = struct.Struct(f"<5{integer}")
    block = file.read(start, lengths.size)
    if len(block) < lengths.size:
        raise CorruptError("its header is cut short", path=path, hint="Was it copied whole?")
    own, structure, log, _, _ = lengths.unpack(block)
    numbers = struct.Struct(f"<{'4i' if long else '6i'}24{integer}")
    if own != lengths.size or not numbers.size <= structure < 4096 or log < 0:
        raise CorruptError(f"its parts have lengths of {own}, {structure} and {log}", path=path)
    if log > LONGEST_LOG:
        raise LimitError(f"its log is over {LONGEST_LOG:,} bytes long", path=path)
    content = file.read(start + own, structure)
    if len(content) < structure:
        raise CorruptError("its header is cut short", path=path, hint="Was it copied whole?")
    values = numbers.unpack_from(content)
    kind, triples = values[-25], np.array(values[-24:], np.int64).reshape(8, 3).tolist()
    position, sizes = triples[0], checked_sizes(triples[1], path)
    if long:
        spacing = [nanometres / 1e6 for nanometres in triples[7]]
    else:
        spacing = [_vax(content[numbers.size - 12 + 4 * axis :][:4]) for axis in range(3)]
    if not all(0 < step < 1e6 for step in spacing):
        raise CorruptError(f"expected sizes of voxels, got {spacing}", path=path, field="element size")
    if kind not in DTYPES and kind not in PACKED:
        raise UnsupportedError(
            f"its voxels are of type {kind:#010x}, which isn't known", path=path, hint=_HINT
        )
    raw = RawData(sizes[::-1], np.dtype(DTYPES.get(kind, "<i1")), start + own + structure + log)
    text = file.read(start + own + structure, log).decode("latin-1").rstrip("\0")
    origin = [step * at for step, at in zip(spacing, position, strict=True)]
    fields = {"version": 30 if long else 20, "type": kind, "position": position, "offset": triples[2]}
    image = ScancoImage(raw, spacing, origin, {**fields, "processing_log": text}, PACKED.get(kind, ""))
    return _with_runs(image, file, triples[2], path) if image.packing.startswith("runs") else image


def _with_runs(image: ScancoImage, file: Bytes, offset: list[int], path: Path) -> ScancoImage:
    """Return an image with what is known of its runs: their length, which counts itself too, and a border.

    Raises
    ------
    CorruptError
        There are no runs, or nothing is left within the border.
    """
    raw, sizes = image.raw, image.raw.shape
    number = struct.Struct("<q" if image.fields["version"] == 30 else "<i")
    content = file.read(raw.offset, number.size)
    stored = number.unpack(content)[0] - number.size if len(content) == number.size else 0
    if stored <= 0:
        raise CorruptError("its voxels are cut short", path=path, hint="Was it copied whole?")
    border = tuple(offset[::-1])
    if not all(width >= 0 and 2 * width < size for width, size in zip(border, sizes, strict=True)):
        text = f"expected a border that fits {list(sizes)}, got {list(border)}"
        raise CorruptError(text, path=path, field="offset")
    raw = RawData(sizes, raw.dtype, raw.offset + number.size)
    return replace(image, raw=raw, stored=stored, border=border)


def _vax(content: bytes) -> float:
    """Return a float of VAX."""
    return float(from_vax(np.frombuffer(content, "<f4"))[0])
