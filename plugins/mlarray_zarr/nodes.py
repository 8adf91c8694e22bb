"""Groups and arrays of a store: their metadata, read and checked before Zarr's library sees it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io.sdk import voxel_dtype
from mlarray_zarr.files import Files, joined, read_json
from mlarray_zarr.shards import ShardIndex, index_of

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_CHUNK = 2 << 30
"""Most bytes of one chunk: no reader could take less than a whole one."""

CODECS = frozenset(
    {"bytes", "endian", "transpose", "sharding_indexed", "crc32c", "blosc", "zstd", "gzip", "zlib", "lz4"}
    | {"bz2", "lzma", "crc32", "adler32", "fletcher32", "delta", "fixedscaleoffset", "shuffle", "quantize"}
    | {"astype", "bitround", "packbits"}
)
"""Codecs that may run. Others of the library's can execute code (pickle) or make no numbers (json2, vlen)."""

_COMPRESSORS = frozenset({"blosc", "zstd", "gzip", "zlib", "lz4", "bz2", "lzma"})
MOST_SHARDS = 4
"""How deep shards may lie in shards; tensorstore's and zarr's own tests have two."""

_TYPES = frozenset(
    {"bool", "float16", "float32", "float64", "complex64", "complex128"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)


@dataclass(frozen=True)
class Node:
    """A group or an array.

    Parameters
    ----------
    path
        Inside the store, empty for the root.
    version
        2 or 3.
    attributes
        The user's.
    array
        The metadata of an array, None for a group.
    """

    path: str
    version: int
    attributes: dict[str, Any]
    array: dict[str, Any] | None


@dataclass(frozen=True)
class ArrayInfo:
    """What an array is.

    Parameters
    ----------
    shape, dtype
        Of the array, native byte order.
    chunks
        The smallest box that can be read.
    outer
        The box that one file holds: a chunk, or a shard of several.
    names
        Names of the axes, None for one without; None when no axis has a name.
    codec
        Which codec a chunk is given to first.
    index
        Of shards, when files are those.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...]
    outer: tuple[int, ...]
    names: tuple[str | None, ...] | None
    codec: str = ""
    index: ShardIndex | None = None


def read_node(files: Files, path: str) -> Node | None:
    """Return the group or array at `path`, None when there is neither.

    Raises
    ------
    CorruptError
        Its metadata are damaged.
    """
    found = read_json(files, joined(path, "zarr.json"))
    if found is not None:
        kind = found.get("node_type")
        if found.get("zarr_format") != 3 or kind not in ("group", "array"):
            raise CorruptError("zarr.json describes neither a group nor an array", path=files.path)
        return Node(path, 3, _dict(found.get("attributes") or {}, files), found if kind == "array" else None)
    array = read_json(files, joined(path, ".zarray"))
    if array is None and files.size(joined(path, ".zgroup")) is None:
        return None
    return Node(path, 2, read_json(files, joined(path, ".zattrs")) or {}, array)


def array_info(files: Files, node: Node) -> ArrayInfo:
    """Check the metadata of an array.

    Raises
    ------
    CorruptError
        It makes no sense.
    UnsupportedError
        It holds no numbers, or uses a codec that isn't known to be harmless.
    """
    content = node.array
    if content is None:
        raise UnsupportedError(f"{node.path or 'the root'} is a group, no array", path=files.path)
    try:
        info = _info3(content) if node.version == 3 else _info2(content, node.attributes)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        text = f"{type(error).__name__}: {error}"[:120]
        raise CorruptError(
            f"the metadata of {node.path or 'the array'} is damaged ({text})", path=files.path
        ) from error
    voxel_dtype(info.dtype, files.path)
    if math.prod(info.chunks) * info.dtype.itemsize > LARGEST_CHUNK:
        raise UnsupportedError(f"has chunks of {info.chunks}, over {LARGEST_CHUNK:,} bytes", path=files.path)
    if not 0 < len(info.shape) <= 16 or math.prod(info.shape) >= 1 << 62:
        raise UnsupportedError(f"has the shape {info.shape}, which is no image", path=files.path)
    return info


def _info2(content: Mapping[str, Any], attributes: Mapping[str, Any]) -> ArrayInfo:
    """Read a ``.zarray`` (Zarr storage specification 2)."""
    used = [codec["id"] for codec in (content.get("compressor"), *(content.get("filters") or ())) if codec]
    for name in used:
        _check_codec(name)
    _check_once(used)
    if content["order"] not in ("C", "F") or content.get("dimension_separator", ".") not in (".", "/"):
        raise ValueError("order or dimension_separator")
    if not isinstance(content["dtype"], str):
        raise UnsupportedError("holds records, which are no voxels")
    shape = _sizes(content["shape"], 0)
    chunks = _fitting(_sizes(content["chunks"], 1), shape)
    names = _names(attributes.get("_ARRAY_DIMENSIONS"), len(shape))
    codec = (content.get("compressor") or {}).get("id", "")
    return ArrayInfo(shape, np.dtype(content["dtype"]).newbyteorder("="), chunks, chunks, names, codec)


def _info3(content: Mapping[str, Any]) -> ArrayInfo:
    """Read the ``zarr.json`` of an array (Zarr core specification 3)."""
    shape = _sizes(content["shape"], 0)
    if content["chunk_grid"]["name"] != "regular":
        raise UnsupportedError(f"has a chunk grid called {content['chunk_grid']['name']!r}")
    if content.get("storage_transformers"):
        raise UnsupportedError("uses storage transformers")
    outer = _fitting(_sizes(content["chunk_grid"]["configuration"]["chunk_shape"], 1), shape)
    dtype = content["data_type"]
    if not isinstance(dtype, str) or dtype not in _TYPES:
        name = dtype.get("name", dtype) if isinstance(dtype, dict) else dtype
        raise UnsupportedError(f"holds values of type {name!r}, which are no voxels")
    names = _names(content.get("dimension_names"), len(shape))
    chunks, codec, index = _chunks3(content["codecs"], outer, 0)
    return ArrayInfo(shape, np.dtype(dtype), chunks, outer, names, codec, index)


def _chunks3(
    codecs: list[Any], outer: tuple[int, ...], depth: int
) -> tuple[tuple[int, ...], str, ShardIndex | None]:
    """Check codecs; return the smallest box stored, the codec it goes to first, and the index of shards."""
    _check_codecs(codecs)
    last = codecs[-1]
    name = last if isinstance(last, str) else last["name"]
    if name != "sharding_indexed":
        return outer, name.removeprefix("numcodecs."), None
    if depth == MOST_SHARDS:
        raise UnsupportedError(f"has shards in shards, more than {MOST_SHARDS} deep")
    shards = last["configuration"]
    _check_codecs(shards["index_codecs"])
    within = _fitting(_sizes(shards["chunk_shape"], 1), outer)
    if any(size % part for size, part in zip(outer, within, strict=True)):
        raise ValueError("shards are no multiples of their chunks")
    chunks, codec, inner = _chunks3(shards["codecs"], within, depth + 1)
    return chunks, codec, index_of(shards, math.prod(outer) // math.prod(within), inner)


def _check_codecs(codecs: list[Any]) -> None:
    """Refuse codecs that aren't known to be harmless, or whose result can't be weighed before."""
    names = [codec if isinstance(codec, str) else codec["name"] for codec in codecs]
    for name in names:
        _check_codec(name)
    _check_once(names)
    if "sharding_indexed" in names[:-1]:  # what follows would be inflated before anything is known of it
        raise UnsupportedError("compresses whole shards")


def _check_once(names: list[str]) -> None:
    """Refuse two compressors in a row: the second one's result can't be weighed before it is made."""
    compressors = [name for name in names if name.removeprefix("numcodecs.") in _COMPRESSORS]
    if len(compressors) > 1:
        raise UnsupportedError(
            f"is compressed twice, by {' and '.join(compressors)}", hint="Rewrite it with one of them"
        )


def _check_codec(name: str) -> None:
    if name.removeprefix("numcodecs.") not in CODECS:
        raise UnsupportedError(
            f"is compressed with {name!r}, which isn't known here",
            hint="Rewrite it with zstd, blosc or gzip",
        )


def _sizes(values: object, least: int) -> tuple[int, ...]:
    if not isinstance(values, list) or len(values) > 32:
        raise ValueError("a shape is expected")
    if any(type(value) is not int or not least <= value < 1 << 62 for value in values):
        raise ValueError(f"{str(values)[:60]} is no shape")
    return tuple(values)


def _fitting(chunks: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(chunks) != len(shape):
        raise ValueError("chunks and shape differ in length")
    return chunks


def _names(values: object, ndim: int) -> tuple[str | None, ...] | None:
    if not isinstance(values, list) or len(values) != ndim:
        return None
    names = tuple(value if isinstance(value, str) and value else None for value in values)
    return names if any(names) else None


def _dict(value: object, files: Files) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CorruptError("attributes are no JSON object", path=files.path)
    return value
