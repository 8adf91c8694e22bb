"""The header of a file (MRC2014: Cheng et al., J. Struct. Biol. 192, 146-150; ccpem.ac.uk/mrc_format)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_core.headers import plain, restore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SIZE = 1024
MODES = {0: "i1", 1: "i2", 2: "f4", 4: "c8", 6: "u2", 12: "f2"}
"""NumPy's types by mode; 3 (complex integers) and 101 (4 bits) are rare and refused."""
LITTLE = b"DD\0\0"

IMOD = 1146047817
"""At byte 152 of files by IMOD: bytes are unsigned unless bit 0 of byte 156 is set (IMOD, mrc_format)."""

STACK_OF_VOLUMES, STACK_OF_IMAGES = 401, 0
"""Space groups: 401 and above, of mz sections a volume, and 0, of images where mz is 1 (MRC2014, note 6)."""

UNKNOWN = (0.0, -1.0, -2.0)
"""Statistics that are not determined: maximum below minimum, mean below both (MRC2014, note 5)."""

LARGEST_EXTENSION = 16 << 20
"""Bytes of extended header that are kept. Those of tilt series have some hundreds a section."""


@dataclass(frozen=True)
class Header:
    """What the header says.

    Parameters
    ----------
    shape
        Volumes of a stack of them, then sections, rows, columns.
    dtype
        As stored.
    offset
        Where the voxels begin.
    cell
        Distance of grid points in angstroms along x, y and z; None where the cell has no size.
    order
        Which of x, y, z (0, 1, 2) sections, rows and columns go along; None where that isn't said.
    origin
        x, y, z in angstroms of the first voxel.
    right
        Whether the cell's angles are right.
    images
        Whether sections are images of a stack and no axis of space.
    source
        The fields, to be kept.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    cell: tuple[float, float, float] | None
    order: tuple[int, ...] | None
    origin: tuple[float, ...]
    right: bool
    images: bool
    source: dict[str, Any]

    @property
    def nbytes(self) -> int:
        """Bytes of all voxels."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def spacing(self) -> tuple[float, ...] | None:
        """Distances along sections, rows and columns, None where they aren't known."""
        if self.cell is None or self.order is None:
            return None
        return tuple(self.cell[axis] for axis in self.order)


def parse(block: bytes, size: int, path: Path) -> Header:
    """Read a header.

    Parameters
    ----------
    block
        The first bytes of the file.
    size
        Of the file.
    path
        The file, for messages.

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
    *shape, mode = struct.unpack_from(f"{mark}4i", block, 0)
    start, grid = (struct.unpack_from(f"{mark}3i", block, at) for at in (16, 28))
    cell = struct.unpack_from(f"{mark}6f", block, 40)
    map_order = struct.unpack_from(f"{mark}3i", block, 64)
    *statistics, group, extended = struct.unpack_from(f"{mark}3f2i", block, 76)
    origin = struct.unpack_from(f"{mark}3f", block, 196)
    if mode not in MODES:
        raise UnsupportedError(f"is of mode {mode}, which isn't read", path=path)
    code = "u1" if mode == 0 and is_unsigned(block, mark) else MODES[mode]
    order = _order(map_order)
    steps = _cell(cell, grid)
    header = Header(
        _shape(shape, grid[2], group),
        np.dtype(mark + code),
        SIZE + max(extended, 0),
        steps,
        order,
        _origin(origin, start, steps, order),
        all(not angle or abs(angle - 90) < 1e-3 for angle in cell[3:]),
        group == STACK_OF_IMAGES and grid[2] == 1 and shape[2] > 1,
        {
            "mode": mode, "nstart": list(start), "grid": list(grid), "cell": _finite(cell),
            "map": list(map_order), "statistics": _finite(statistics), "ispg": group, "byte_order": mark,
            "exttyp": block[104:108].decode("latin-1").strip("\0 "), "labels": _labels(block),
            "origin": _finite(origin), "block": plain(bytes(block[:SIZE])),
        },
    )  # fmt: skip
    if min(shape) <= 0 or extended < 0:
        raise CorruptError(f"its header gives the shape {tuple(reversed(shape))}", path=path)
    if header.offset + header.nbytes > size:
        room = size - header.offset
        raise CorruptError(
            f"its header describes {header.nbytes:,} bytes, the file holds {room:,}", path=path
        )
    return header


def is_unsigned(block: bytes, mark: str) -> bool:
    """Say whether bytes (mode 0) are unsigned: MRC2014 has them signed, IMOD did not."""
    stamp, flags = struct.unpack_from(f"{mark}2i", block, 152)
    return stamp == IMOD and not flags & 1


def _shape(columns_first: list[int], of_volume: int, group: int) -> tuple[int, ...]:
    columns, rows, sections = columns_first
    if group >= STACK_OF_VOLUMES and 0 < of_volume <= sections and sections % of_volume == 0:
        return (sections // of_volume, of_volume, rows, columns)
    return (sections, rows, columns)


def _order(columns_first: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the axes of sections, rows and columns; old programs left 0 for x, y, z."""
    if columns_first == (0, 0, 0):
        return (2, 1, 0)
    return tuple(axis - 1 for axis in reversed(columns_first)) if sorted(columns_first) == [1, 2, 3] else None


def _cell(cell: tuple[float, ...], grid: tuple[int, ...]) -> tuple[float, float, float] | None:
    """Return cell size by grid, both of which are along x, y, z; None where either has no size."""
    if any(not (0 < size < math.inf) for size in cell[:3]) or min(grid) <= 0:
        return None
    x, y, z = (size / count for size, count in zip(cell[:3], grid, strict=True))
    return x, y, z


def _origin(
    origin: tuple[float, ...],
    start: tuple[int, ...],
    cell: tuple[float, float, float] | None,
    order: tuple[int, ...] | None,
) -> tuple[float, ...]:
    """Return where the first voxel is: the origin, else the start of columns, rows, sections in the cell."""
    known = tuple(value if math.isfinite(value) else 0.0 for value in origin)
    if any(known) or cell is None or order is None:
        return known
    place = [0.0, 0.0, 0.0]
    for axis, first in zip(reversed(order), start, strict=True):
        place[axis] = first * cell[axis]
    return tuple(place)


_TEXTS = ((92, 108), (112, 152), (160, 196), (220, 1024))
"""Bytes of the length and the kind of the extended header, of programs' own, and of labels with their count
(MRC2014); IMOD's mark and flags at 152 stay, as they say what bytes are."""


def _finite(values: tuple[float, ...] | list[float]) -> list[float | str]:
    return [value if math.isfinite(value) else str(value) for value in values]


def _labels(block: bytes) -> list[str]:
    texts = [block[at : at + 80].decode("latin-1").strip("\0 ") for at in range(224, SIZE, 80)]
    return [text for text in texts if text]


def kept_block(source: Mapping[str, Any]) -> tuple[bytes, bytes] | None:
    """Return header and extended header that `meta.source` holds, None where it holds none to build on.

    Those of big-endian files have parts whose meaning, and so whose byte order, only their program knows.
    """
    if "block" not in source or source.get("byte_order") != "<":
        return None
    block, extended = (restore(source.get(name, {"base64": ""})) for name in ("block", "extended"))
    whole = isinstance(block, bytes) and isinstance(extended, bytes) and len(block) == SIZE
    return (block, extended) if whole else None


def deidentified(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a header without labels, the extended header and the bytes that are left to programs."""
    clean = {name: value for name, value in source.items() if name not in ("extended", "labels", "exttyp")}
    kept = kept_block(source)
    clean.pop("block", None)
    if kept is not None:
        block = bytearray(kept[0])
        for first, last in _TEXTS:
            block[first:last] = bytes(last - first)
        clean["block"] = plain(bytes(block))
    return clean


@dataclass(frozen=True)
class Placement:
    """Where voxels are, as a header has it.

    Parameters
    ----------
    cell
        Distances along x, y and z in angstroms.
    order
        Which of x, y, z (0, 1, 2) sections, rows and columns go along.
    origin
        x, y, z of the first voxel in angstroms.
    """

    cell: tuple[float, ...] = (1.0, 1.0, 1.0)
    order: tuple[int, ...] = (2, 1, 0)
    origin: tuple[float, ...] = (0.0, 0.0, 0.0)


def pack(
    sections: tuple[int, ...],
    mode: int,
    placement: Placement | None,
    of_volume: int,
    group: int,
    kept: bytes,
) -> bytes:
    """Return a little-endian MRC2014 header; statistics are declared as not determined.

    Parameters
    ----------
    sections
        Number of sections, rows, columns.
    mode
        Of the voxels.
    placement
        Where they are; None to leave it as it is in `kept`.
    of_volume
        Sections of one volume: mz of a stack of volumes or images.
    group
        Space group.
    kept
        A header to build on; empty for none.
    """
    block = bytearray(kept or SIZE)
    struct.pack_into("<4i", block, 0, *reversed(sections), mode)
    if placement is not None:
        grid = [0, 0, 0]
        for axis, count in zip(placement.order, (of_volume, *sections[1:]), strict=True):
            grid[axis] = count
        lengths = [step * count for step, count in zip(placement.cell, grid, strict=True)]
        struct.pack_into("<6i", block, 16, 0, 0, 0, *grid)
        columns_first = [axis + 1 for axis in reversed(placement.order)]
        struct.pack_into("<6f3i", block, 40, *lengths, 90, 90, 90, *columns_first)
        struct.pack_into("<3f", block, 196, *placement.origin)
    struct.pack_into("<3fi", block, 76, *UNKNOWN, group)
    struct.pack_into("<f", block, 216, -1)
    if not kept:
        struct.pack_into("<i", block, 108, 20141)
    struct.pack_into("<4s4s", block, 208, b"MAP ", LITTLE)
    return bytes(block)
