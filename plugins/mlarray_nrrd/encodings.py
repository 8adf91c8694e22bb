"""Types and encodings of voxels, and their text forms."""

from __future__ import annotations

import itertools
import math
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from pathlib import Path

_TYPES = {
    "i1": "signed char,int8,int8_t",
    "u1": "uchar,unsigned char,uint8,uint8_t",
    "i2": "short,short int,signed short,signed short int,int16,int16_t",
    "u2": "ushort,unsigned short,unsigned short int,uint16,uint16_t",
    "i4": "int,signed int,int32,int32_t",
    "u4": "uint,unsigned int,uint32,uint32_t",
    "i8": "longlong,long long,long long int,signed long long,signed long long int,int64,int64_t",
    "u8": "ulonglong,unsigned long long,unsigned long long int,uint64,uint64_t",
    "f4": "float",
    "f8": "double",
}
DTYPES = {name: np.dtype(code) for code, names in _TYPES.items() for name in names.split(",")}
"""NumPy types by the names of the definition, section 4."""

NAMES: dict[np.dtype[Any], str] = {
    np.dtype(code): name
    for code, name in {
        "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16", "i4": "int32", "u4": "uint32",
        "i8": "int64", "u8": "uint64", "f4": "float", "f8": "double",
    }.items()
}  # fmt: skip

ENCODINGS = {
    "raw": "raw", "txt": "ascii", "text": "ascii", "ascii": "ascii", "hex": "hex",
    "gz": "gzip", "gzip": "gzip", "bz2": "bzip2", "bzip2": "bzip2",
}  # fmt: skip

SUFFIXES = {"raw": ".raw", "gzip": ".raw.gz", "bzip2": ".raw.bz2", "ascii": ".ascii", "hex": ".hex"}
"""What the data file of a detached header is called after."""

_PIECE = 1 << 20
_HEX_LINE = 35


def decode_hex(file: IO[bytes], out: memoryview, path: Path) -> None:
    """Fill `out` with the bytes that pairs of hexadecimal digits spell; white space between them is ignored.

    Parameters
    ----------
    file
        The open file, at the first digit.
    out
        Bytes that are filled.
    path
        The file, for errors.

    Raises
    ------
    CorruptError
        There are too few, or something else than digits.
    """
    filled, rest = 0, b""
    while filled < len(out) and (piece := file.read(_PIECE)):
        digits = rest + b"".join(piece.split())
        whole = len(digits) // 2 * 2
        try:
            found = bytes.fromhex(digits[:whole].decode("ascii"))[: len(out) - filled]
        except ValueError as error:
            raise CorruptError("holds text that is not hexadecimal", path=path) from error
        out[filled : filled + len(found)] = found
        filled, rest = filled + len(found), digits[whole:]
    if filled < len(out):
        raise CorruptError(f"holds {filled:,} bytes, its header describes {len(out):,}", path=path)


def encode_text(voxels: np.ndarray[Any, Any]) -> bytes:
    """Return voxels as text, a line for each row of the fastest axis."""
    rows = voxels.reshape(-1, voxels.shape[-1]).tolist()
    return "".join(" ".join(map(repr, row)) + "\n" for row in rows).encode("ascii")


def encode_hex(voxels: np.ndarray[Any, Any]) -> bytes:
    """Return the bytes of voxels as lines of hexadecimal digits."""
    content = voxels.tobytes()
    starts = itertools.islice(itertools.count(0, _HEX_LINE), math.ceil(len(content) / _HEX_LINE))
    return "".join(content[at : at + _HEX_LINE].hex() + "\n" for at in starts).encode("ascii")
