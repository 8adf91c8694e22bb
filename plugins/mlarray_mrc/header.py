"""The header of a file (MRC2014: Cheng et al., J. Struct. Biol. 192, 146-150)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, UnsupportedError

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 1024
MODES = {0: "i1", 1: "i2", 2: "f4", 4: "c8", 6: "u2", 12: "f2"}
"""NumPy's types by mode; 3 (complex integers) and 101 (4 bits) are rare and refused."""
LITTLE = b"DD\0\0"


@dataclass(frozen=True)
class Header:
    """What the header says.

    Parameters
    ----------
    shape
        Sections, rows, columns.
    dtype
        As stored.
    offset
        Where the voxels begin.
    spacing
        In angstroms, by section, row, column; None where the cell has no size.
    origin
        x, y, z in angstroms.
    straight
        Whether columns, rows and sections are x, y and z, and the cell's angles right.
    source
        The fields, to be kept.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    spacing: tuple[float, ...] | None
    origin: tuple[float, ...]
    straight: bool
    source: dict[str, Any]

    @property
    def nbytes(self) -> int:
        """Bytes of all voxels."""
        return math.prod(self.shape) * self.dtype.itemsize


def parse(block: bytes, size: int, path: Path) -> Header:
    """Read the header of a file of `size` bytes.

    Raises
    ------
    CorruptError
        It makes no sense or describes more than the file holds.
    UnsupportedError
        Its mode is none that is read.
    """
    if len(block) < SIZE:
        raise CorruptError("is cut short: an MRC header has 1024 bytes", path=path)
    mark = ">" if block[212:214] == b"\x11\x11" else "<"
    whole = struct.unpack_from(f"{mark}10i", block, 0)
    cell = struct.unpack_from(f"{mark}6f", block, 40)
    order = struct.unpack_from(f"{mark}3i", block, 64)
    low, high, mean, group, extended = struct.unpack_from(f"{mark}3f2i", block, 76)
    origin = struct.unpack_from(f"{mark}3f", block, 196)
    (columns, rows, sections), mode, start, grid = whole[:3], whole[3], whole[4:7], whole[7:10]
    straight = order in ((1, 2, 3), (0, 0, 0)) and all(not a or abs(a - 90) < 1e-3 for a in cell[3:])
    if mode not in MODES:
        raise UnsupportedError(f"is of mode {mode}, which isn't read", path=path)
    header = Header(
        (sections, rows, columns),
        np.dtype(mark + MODES[mode]),
        SIZE + max(extended, 0),
        _spacing(cell, grid),
        tuple(value if math.isfinite(value) else 0.0 for value in origin),
        straight,
        {
            "mode": mode, "nstart": list(start), "grid": list(grid), "cell": _finite(cell),
            "map": list(order),
            "statistics": _finite((low, high, mean)), "ispg": group, "byte_order": mark,
            "exttyp": block[104:108].decode("latin-1").strip("\0 "), "labels": _labels(block),
        },
    )  # fmt: skip
    if min(header.shape) <= 0 or extended < 0:
        raise CorruptError(f"its header gives the shape {header.shape}", path=path)
    if header.offset + header.nbytes > size:
        room = size - header.offset
        raise CorruptError(
            f"its header describes {header.nbytes:,} bytes, the file holds {room:,}", path=path
        )
    return header


def _spacing(cell: tuple[float, ...], grid: tuple[int, ...]) -> tuple[float, ...] | None:
    """Return cell size by grid, slowest axis first; None where either has no size."""
    if any(not (0 < size < math.inf) for size in cell[:3]) or min(grid) <= 0:
        return None
    return tuple(size / count for size, count in zip(cell[:3], grid, strict=True))[::-1]


def _finite(values: tuple[float, ...]) -> list[float | str]:
    return [value if math.isfinite(value) else str(value) for value in values]


def _labels(block: bytes) -> list[str]:
    texts = [block[at : at + 80].decode("latin-1").strip("\0 ") for at in range(224, SIZE, 80)]
    return [text for text in texts if text]


def pack(
    shape: tuple[int, ...], mode: int, spacing: tuple[float, ...], origin: tuple[float, ...], *, volume: bool
) -> bytes:
    """Return a little-endian MRC2014 header without statistics (they are declared as not determined)."""
    sizes = shape[::-1]
    block = bytearray(SIZE)
    struct.pack_into("<10i", block, 0, *sizes, mode, 0, 0, 0, *sizes)
    lengths = [step * size for step, size in zip(spacing[::-1], sizes, strict=True)]
    struct.pack_into("<6f3i", block, 40, *lengths, 90, 90, 90, 1, 2, 3)
    struct.pack_into("<3f2i", block, 76, 0, -1, -2, int(volume), 0)
    struct.pack_into("<i", block, 108, 20141)
    struct.pack_into("<3f4s4sfi", block, 196, *origin, b"MAP ", LITTLE, -1, 0)
    return bytes(block)
