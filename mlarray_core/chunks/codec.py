"""Chunks to bytes and back: the only module that calls Blosc2.

A chunk of an array is stored as its blocks one after another, each block in C order, edges padded to whole
blocks (c-blosc2's b2nd). Chunks are encoded here rather than through Blosc2's array type, because that holds
the interpreter lock: this way as many cores compress as there are threads, and Blosc2's own threads, which a
fork can't survive, stay off.
"""

from __future__ import annotations

import ast
import os
from threading import Event
from typing import TYPE_CHECKING, Any

import blosc2
import numpy as np

from mlarray_core.chunks import header
from mlarray_core.chunks.header import ZERO, is_zeros
from mlarray_core.errors import CorruptError, UnsafeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlarray_core.chunks.grid import Grid

Array = np.ndarray[Any, Any]


def decompress(chunk: bytes, nbytes: int) -> bytes:
    """Return the plain bytes of one Blosc2 chunk.

    Raises
    ------
    CorruptError
        It can't be decoded, or not to `nbytes`.
    """
    try:
        plain = blosc2.decompress2(chunk, nthreads=1)
    except (RuntimeError, ValueError, TypeError, MemoryError) as error:
        raise CorruptError("a chunk can't be decompressed") from error
    if not isinstance(plain, bytes) or len(plain) != nbytes:
        raise CorruptError("a chunk holds another number of bytes than it says")
    return plain


def encode(data: Array, grid: Grid, cparams: Mapping[str, object]) -> bytes:
    """Return the stored bytes of one chunk.

    Parameters
    ----------
    data
        The chunk's voxels; smaller than a chunk at the array's end.
    grid
        The array's.
    cparams
        As `params.blosc2_params` returns them.
    """
    if data.shape != grid.extended:
        whole = np.zeros(grid.extended, grid.dtype)
        whole[tuple(slice(0, size) for size in data.shape)] = data
        data = whole
    ordered = np.ascontiguousarray(_as_blocks(data, grid))
    if not _bits(ordered).any():
        return special_chunk(grid)
    plain = ordered.reshape(-1).view(np.uint8) if ordered.size else ordered
    return bytes(blosc2.compress2(plain, typesize=grid.dtype.itemsize, blocksize=grid.blocksize, **cparams))


def _bits(data: Array) -> Array:
    """Return what is stored as whole numbers: -0.0 isn't nothing, and looking at a NaN must not warn."""
    width = next(width for width in (8, 4, 2, 1) if data.dtype.itemsize % width == 0)
    return data.reshape(-1).view(f"u{width}") if data.size and data.dtype.itemsize else np.empty(0, np.uint8)


def special_chunk(grid: Grid, kind: int = ZERO) -> bytes:
    """Return what stands for a chunk of one special value."""
    return header.special_chunk(grid.chunksize, grid.blocksize, grid.dtype.itemsize, kind)


def decode(chunk: bytes, grid: Grid) -> Array:
    """Return the voxels of one stored chunk, padded to whole blocks."""
    if is_zeros(chunk):
        return np.zeros(grid.extended, grid.dtype)
    plain = np.frombuffer(bytearray(decompress(chunk, grid.chunksize)), grid.dtype)
    split = [n for e, b in zip(grid.extended, grid.blocks, strict=True) for n in (e // b,)] + list(
        grid.blocks
    )
    ndim = len(grid.shape)
    order = [axis for pair in zip(range(ndim), range(ndim, 2 * ndim), strict=True) for axis in pair]
    return plain.reshape(split).transpose(order).reshape(grid.extended)


def _as_blocks(data: Array, grid: Grid) -> Array:
    """Return a view of a whole chunk with its block axes first."""
    split = [n for e, b in zip(grid.extended, grid.blocks, strict=True) for n in (e // b, b)]
    ndim = len(grid.shape)
    return data.reshape(split).transpose([*range(0, 2 * ndim, 2), *range(1, 2 * ndim, 2)])


def empty_frame(grid: Grid, cparams: Mapping[str, object]) -> bytes:
    """Return a whole frame without any stored chunk: the header of the file to be."""
    array = blosc2.empty(
        grid.shape, dtype=grid.dtype, chunks=grid.chunks, blocks=grid.blocks, cparams=dict(cparams),
        dparams={"nthreads": 1}, contiguous=True,
    )  # fmt: skip
    return bytes(array.to_cframe())


def pack_offsets(offsets: Array) -> bytes:
    """Return the chunk that holds the offsets of all chunks (int64)."""
    return bytes(
        blosc2.compress2(
            offsets.view(np.uint8), typesize=8, codec=blosc2.Codec.BLOSCLZ, clevel=5, nthreads=1,
            filters=[blosc2.Filter.SHUFFLE], filters_meta=[0],
        )
    )  # fmt: skip


def share_lock() -> None:
    """Let other threads run while Blosc2 compresses. Process-wide, and harmless to other users of Blosc2."""
    blosc2.set_releasegil(True)


_forked = Event()
"""Set in forked children, where Blosc2's threads hang: those that it counts on stayed in the parent."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked.set)


def _decompression(dparams: Mapping[str, object] | None) -> blosc2.DParams:
    """Return Blosc2's decompression parameters, with one thread unless more were asked for and can be had."""
    params: dict[str, Any] = {"nthreads": 1, **(dparams or {})}
    if _forked.is_set():
        params["nthreads"] = 1
    return blosc2.DParams(**params)


def view_frame(buffer: object, dparams: Mapping[str, object] | None = None) -> blosc2.NDArray:
    """Return a Blosc2 array over a checked frame in memory or in a memory map, without copying it."""
    array = blosc2.ndarray_from_cframe(buffer, copy=False)
    array.schunk.dparams = _decompression(dparams)
    return array


def ndarray(frame: bytes, dparams: Mapping[str, object] | None = None) -> blosc2.NDArray:
    """Return a Blosc2 array of its own, that may be written to, from a frame; nothing but the voxels."""
    array = blosc2.ndarray_from_cframe(frame, copy=True)
    for name in list(array.schunk.vlmeta):
        del array.schunk.vlmeta[name]
    array.schunk.dparams = _decompression(dparams)
    return array


def automatic_partition(
    shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the chunk and block shape that Blosc2 itself would choose."""
    chunks, blocks = blosc2.compute_chunks_blocks(shape, dtype=dtype)
    return tuple(chunks), tuple(blocks)


def dtype_of(text: str, typesize: int) -> np.dtype[Any]:
    """Return the dtype that a frame names.

    Parameters
    ----------
    text
        NumPy's ``dtype.str``, or its ``descr`` for structured types; empty in old files.
    typesize
        Bytes of an item, which must agree.

    Raises
    ------
    CorruptError
        It is no dtype, or of another size.
    UnsafeError
        It would hold Python objects.
    """
    try:
        dtype = np.dtype(
            ast.literal_eval(text) if text.startswith(("[", "{", "(")) else text or f"|V{typesize}"
        )
    except (TypeError, ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise CorruptError(f"{text[:80]!r} is no dtype") from error
    if dtype.hasobject:
        raise UnsafeError("the array claims to hold Python objects")
    if dtype.itemsize != typesize:
        raise CorruptError(f"items of {typesize} bytes can't be of dtype {text[:80]}")
    return dtype
