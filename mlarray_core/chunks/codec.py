"""Chunks to bytes and back: the only module that calls Blosc2.

A chunk of an array is stored as its blocks one after another, each block in C order, edges padded to whole
blocks (c-blosc2's b2nd). Chunks are encoded here rather than through Blosc2's array type, because that holds
the interpreter lock: this way as many cores compress as there are threads, and Blosc2's own threads, which a
fork can't survive, stay off.
"""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import blosc2
import numpy as np

from mlarray_core.chunks.header import CODECS, FILTERS
from mlarray_core.errors import ArgumentError, ArgumentTypeError, CorruptError, UnsafeError

Array = np.ndarray[Any, Any]
DEFAULT_CODEC = int(blosc2.Codec.LZ4HC.value)


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


def plain_params(params: Any, kind: type[Any]) -> dict[str, Any]:
    """Return parameters, in whatever form Blosc2 takes, as plain numbers.

    Parameters
    ----------
    params
        None, a mapping, or an instance of `kind`.
    kind
        `blosc2.CParams` or `blosc2.DParams`.

    Raises
    ------
    ArgumentError
        Blosc2 knows no parameter of this name.
    """
    if params is None:
        return {}
    known = kind.__dataclass_fields__
    if not isinstance(params, Mapping):
        if not isinstance(params, kind):
            raise ArgumentTypeError(f"expected a dict or {kind.__name__}, not {type(params).__name__}")
        params = {name: getattr(params, name) for name in known}
    for name in params:
        if name not in known:
            raise ArgumentError(f"Blosc2 knows no parameter {name!r}", hint=f"Known are {', '.join(known)}")
    return {name: _plain(value) for name, value in params.items()}


def plain_cparams(params: Any) -> dict[str, Any]:
    """Return compression parameters as plain numbers."""
    return plain_params(params, blosc2.CParams)


def plain_dparams(params: Any) -> dict[str, Any]:
    """Return decompression parameters as plain numbers."""
    return plain_params(params, blosc2.DParams)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    value = getattr(value, "value", value)
    return value.item() if isinstance(value, np.generic) else value


def codec_number(name: str | int) -> int:
    """Return the number of a codec given by name, such as ``zstd``.

    Raises
    ------
    ArgumentError
        There is no such codec.
    """
    if isinstance(name, int):
        return name
    names = {codec.name.lower(): int(codec.value) for codec in blosc2.Codec}
    known = {key: names[key] for key in ("blosclz", "lz4", "lz4hc", "zlib", "zstd")}
    if name.lower() not in known:
        raise ArgumentError(f"no codec is called {name!r}", hint=f"Choose one of {', '.join(known)}")
    return known[name.lower()]


def blosc2_params(cparams: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain compression parameters as Blosc2 wants them: enums and one thread."""
    params = {key: value for key, value in cparams.items() if value is not None}
    params["nthreads"] = 1
    if params.get("codec", 0) not in CODECS or not FILTERS.issuperset(params.get("filters", ())):
        raise ArgumentError(
            f"codec {params.get('codec')} or filters {params.get('filters')} are not built into Blosc2",
            field="cparams",
        )
    if "codec" in params:
        params["codec"] = blosc2.Codec(params["codec"])
    if "splitmode" in params:
        params["splitmode"] = blosc2.SplitMode(params["splitmode"])
    if "tuner" in params:
        params["tuner"] = blosc2.Tuner(params["tuner"])
    if "filters" in params:
        params["filters"] = [blosc2.Filter(number) for number in params["filters"]]
        params.setdefault("filters_meta", [0] * len(params["filters"]))
    for name in (
        ("typesize", "blocksize", "use_dict") if not params.get("use_dict") else ("typesize", "blocksize")
    ):
        params.pop(name, None)
    return params


@dataclass(frozen=True)
class Grid:
    """How an array is cut into chunks and blocks.

    Parameters
    ----------
    shape, chunks, blocks
        In items, one number for each axis.
    dtype
        Of the items.
    """

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    blocks: tuple[int, ...]
    dtype: np.dtype[Any]

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Number of chunks along each axis."""
        return tuple(
            -(-size // chunk) if chunk else 0 for size, chunk in zip(self.shape, self.chunks, strict=True)
        )

    @cached_property
    def nchunks(self) -> int:
        """Number of chunks in all."""
        return math.prod(self.counts)

    @cached_property
    def extended(self) -> tuple[int, ...]:
        """Shape of a stored chunk: whole blocks."""
        return tuple(-(-c // b) * b if b else 0 for c, b in zip(self.chunks, self.blocks, strict=True))

    @cached_property
    def blocksize(self) -> int:
        """Bytes of a block."""
        return math.prod(self.blocks) * self.dtype.itemsize

    @cached_property
    def chunksize(self) -> int:
        """Bytes of a stored chunk."""
        return math.prod(self.extended) * self.dtype.itemsize

    def box(self, number: int) -> tuple[slice, ...]:
        """Return the box of the array that chunk `number` (C order) holds."""
        place = np.unravel_index(number, self.counts) if self.shape else ()
        return tuple(
            slice(int(i) * c, min((int(i) + 1) * c, s))
            for i, c, s in zip(place, self.chunks, self.shape, strict=True)
        )

    def overlap(self, number: int, box: Sequence[slice]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Return where chunk `number` and `box` meet: within the box, and within the chunk."""
        here, inside = [], []
        for part, own in zip(box, self.box(number), strict=True):
            start, stop = max(part.start, own.start), min(part.stop, own.stop)
            here.append(slice(start - part.start, stop - part.start))
            inside.append(slice(start - own.start, stop - own.start))
        return tuple(here), tuple(inside)

    def touched(self, box: Sequence[slice]) -> list[int]:
        """Return the numbers of the chunks that `box` touches."""
        if not self.shape:
            return [0]
        ranges = []
        for part, chunk in zip(box, self.chunks, strict=True):
            if part.stop <= part.start:
                return []
            ranges.append(range(part.start // chunk, -(-part.stop // chunk)))
        counts = self.counts
        strides = [math.prod(counts[axis + 1 :]) for axis in range(len(counts))]
        return [
            sum(i * s for i, s in zip(place, strides, strict=True)) for place in itertools.product(*ranges)
        ]


def encode(data: Array, grid: Grid, cparams: Mapping[str, Any]) -> bytes:
    """Return the stored bytes of one chunk.

    Parameters
    ----------
    data
        The chunk's voxels; smaller than a chunk at the array's end.
    grid
        The array's.
    cparams
        As `blosc2_params` returns them.
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


ZERO, NAN, UNINIT = 1, 2, 4
"""Kinds of chunks that aren't stored (blosc2.h, BLOSC2_SPECIAL_*)."""


def special_chunk(grid: Grid, kind: int = ZERO) -> bytes:
    """Return the 32 bytes that stand for a chunk of one special value."""
    head = np.array([grid.chunksize, grid.blocksize, 32], "<i4").tobytes()
    return bytes([5, 1, 0x15, min(grid.dtype.itemsize, 255)]) + head + bytes(15) + bytes([kind << 4])


def is_zeros(chunk: bytes) -> bool:
    """Whether an encoded chunk is nothing but the mark for zeros, or for nothing written yet."""
    return len(chunk) == 32 and chunk[31] >> 4 & 7 in (ZERO, UNINIT)


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


def empty_frame(grid: Grid, cparams: Mapping[str, Any]) -> bytes:
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


def view_frame(buffer: Any, dparams: Mapping[str, Any] | None = None) -> blosc2.NDArray:
    """Return a Blosc2 array over a checked frame in memory or in a memory map, without copying it."""
    array = blosc2.ndarray_from_cframe(buffer, copy=False)
    array.schunk.dparams = blosc2.DParams(**{"nthreads": 1, **(dparams or {})})
    return array


def ndarray(frame: bytes, dparams: Mapping[str, Any] | None = None) -> blosc2.NDArray:
    """Return a Blosc2 array of its own, that may be written to, from a frame; nothing but the voxels."""
    array = blosc2.ndarray_from_cframe(frame, copy=True)
    for name in list(array.schunk.vlmeta):
        del array.schunk.vlmeta[name]
    array.schunk.dparams = blosc2.DParams(**{"nthreads": 1, **(dparams or {})})
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
