"""How the axes of an MRtrix image lie in its file: symbolic strides, types, and where the voxels are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, UnsupportedError

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_mrtrix.header import MrtrixHeader

MOST_AXES = 16
"""MRtrix's limit (write_mrtrix.m)."""
BIT = "Bit"
_TYPES = {
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "int64": "i8", "uint64": "u8", "float32": "f4", "float64": "f8", "cfloat32": "c8", "cfloat64": "c16",
}  # fmt: skip
NAMES: dict[np.dtype[Any], str] = {
    np.dtype("i1"): "Int8", np.dtype("u1"): "UInt8", np.dtype("i2"): "Int16LE", np.dtype("u2"): "UInt16LE",
    np.dtype("i4"): "Int32LE", np.dtype("u4"): "UInt32LE", np.dtype("i8"): "Int64LE",
    np.dtype("u8"): "UInt64LE", np.dtype("f4"): "Float32LE", np.dtype("f8"): "Float64LE",
    np.dtype("c8"): "CFloat32LE", np.dtype("c16"): "CFloat64LE", np.dtype("?"): BIT,
}  # fmt: skip
"""Of the types that are written."""

_TYPE = re.compile(r"(c?float(?:32|64)|u?int(?:8|16|32|64))(le|be)?")


@dataclass(frozen=True)
class Layout:
    """Sizes and strides.

    Parameters
    ----------
    sizes
        Of the header's axes, x first.
    ranks
        Place of each of them in the file, 0 the fastest.
    backwards
        Whether each of them runs from its last voxel to its first.
    """

    sizes: tuple[int, ...]
    ranks: tuple[int, ...]
    backwards: tuple[bool, ...]

    @property
    def order(self) -> tuple[int, ...]:
        """The header's axes as they lie in the file, slowest first."""
        return tuple(sorted(range(len(self.ranks)), key=lambda axis: -self.ranks[axis]))

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes as they lie in the file, slowest first."""
        return tuple(self.sizes[axis] for axis in self.order)


def layout_of(header: MrtrixHeader, path: Path) -> Layout:
    """Return sizes and strides of a header.

    Raises
    ------
    CorruptError
        They make no sense.
    """
    text = header.last("dim", path)
    words = [word.strip() for word in text.split(",")]
    if not all(re.fullmatch(r"[1-9]\d{0,17}", word) for word in words) or len(words) > MOST_AXES:
        raise CorruptError(f"expected 1 to {MOST_AXES} sizes, got {text[:60]!r}", path=path, field="dim")
    sizes = tuple(map(int, words))
    text = header.last("layout", path)
    found = [re.fullmatch(r"([+-]?)(\d{1,4})", word.strip()) for word in text.split(",")]
    ranks = tuple(int(one[2]) for one in found if one)
    if sorted(ranks) != list(range(len(sizes))) or len(found) != len(ranks):
        raise CorruptError(
            f"expected a sign and a place for each of {len(sizes)} axes, got {text[:60]!r}",
            path=path,
            field="layout",
        )
    return Layout(sizes, ranks, tuple(one[1] == "-" for one in found if one))


def dtype_of(header: MrtrixHeader, path: Path) -> np.dtype[Any]:
    """Return the type of the voxels in the file, bool for packed bits.

    Raises
    ------
    UnsupportedError
        It isn't known.
    """
    name = header.last("datatype", path)
    if name.lower() == BIT.lower():
        return np.dtype("?")
    found = _TYPE.fullmatch(name.lower())
    if found is None:
        raise UnsupportedError(f"the type {name[:40]!r} isn't known", path=path, field="datatype")
    order = {"le": "<", "be": ">"}.get(found[2], "=")  # without one it is that of the machine that reads
    return np.dtype(order + _TYPES[found[1]])
