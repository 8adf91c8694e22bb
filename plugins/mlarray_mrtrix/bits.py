"""Voxels of one bit, eight to a byte, the first one in the highest bit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_io.sdk import RawData

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlarray_io import Box
    from mlarray_io.sdk import Bytes


def packed(raw: RawData) -> RawData:
    """Return the bytes that the bits of an image take."""
    return RawData((-(-math.prod(raw.shape) // 8),), np.dtype("u1"), raw.offset)


def unpacked(file: Bytes, raw: RawData, box: Box) -> np.ndarray[Any, Any]:
    """Read a box of bits as bool. Reaching the last one checks the checksum.

    Parameters
    ----------
    file
        Where they are.
    raw
        How they would lie there if each took a byte.
    box
        Which ones.
    """
    out = np.empty([part.stop - part.start for part in box], np.bool_)
    if not out.size:
        return out
    for at, run in RawData(raw.shape, np.dtype("u1")).runs(box):
        count = math.prod(out[run].shape)
        start, stop = at // 8, -(-(at + count) // 8)
        block = bytearray(stop - start)
        file.read_into(raw.offset + start, memoryview(block))
        bits = np.unpackbits(np.frombuffer(block, np.uint8))
        out[run] = bits[at - start * 8 : at - start * 8 + count].reshape(out[run].shape)
    if all(part.stop == size for part, size in zip(box, raw.shape, strict=True)):
        file.finish()
    return out


def packing(pieces: Iterable[np.ndarray[Any, Any]]) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the bytes of bits that come in pieces of any length; the last byte is filled with zeros."""
    rest = np.empty(0, np.bool_)
    for piece in pieces:
        bits = np.concatenate([rest, piece.reshape(-1).astype(np.bool_)])
        whole = len(bits) // 8 * 8
        rest = bits[whole:]
        yield np.packbits(bits[:whole])
    yield np.packbits(rest)
