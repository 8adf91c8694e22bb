"""Tags of a page <-> `meta.source`: those that describe, not those that say how voxels are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import headers
from mlarray_core.errors import MLArrayError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tifffile import TiffPage

FORMAT = "tiff"
"""The format that `meta.source` names."""

_STORAGE = frozenset({
    254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 280, 281, 284, 288, 289, 292, 293, 317,
    322, 323, 324, 325, 330, 338, 339, 340, 341, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530,
    531,
    532, 32997, 32998, 34665, 34853, 50838, 50839, 34377, 65426, 65432, 65433, 65439,
})  # fmt: skip
"""Tags that lay out, compress or point: written anew, or of no use without the rest."""

_SHOWN = (258, 259, 262, 266, 277, 284, 292, 317, 338, 339, 530, 532)
"""Those of them that say what the samples mean or were; kept for people, not written back."""

_REWRITTEN = frozenset({270, 282, 283, 296, 305, 320})
"""Tags that the writer decides about itself."""

_LONGEST = 1024
"""Numbers in a list; longer ones are kept as bytes."""


def values_of(page: TiffPage) -> dict[int, Any]:
    """Return the values of a page by tag code."""
    return {tag.code: tag.value for tag in page.tags}


def tags_to_source(page: TiffPage) -> dict[str, Any]:
    """Return the tags of a page by name, JSON-safe, with code and type under ``tag_types``."""
    tags: dict[str, Any] = {}
    types: dict[str, list[int]] = {}
    for tag in page.tags:
        if tag.code in _STORAGE and tag.code not in _SHOWN:
            continue
        name = tag.name if tag.name not in tags else f"{tag.name}_{tag.code}"
        try:
            tags[name] = plain(tag.value)
        except MLArrayError:
            tags[name] = str(tag.value)
        types[name] = [int(tag.code), int(tag.dtype), int(tag.count)]
    return {"tags": tags, "tag_types": types}


def plain(value: object) -> Any:
    """Return any value that tifffile parses as JSON can hold it; long arrays as bytes with their type."""
    if isinstance(value, tuple | list) and len(value) > _LONGEST and _numeric(value):
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        if value.size <= _LONGEST and value.dtype.names is None:
            return headers.plain(value.tolist())
        little = value.astype(value.dtype.newbyteorder("<"))
        return {
            "dtype": little.dtype.str,
            "shape": list(value.shape),
            "data": headers.plain(little.tobytes()),
        }
    if isinstance(value, dict):
        return headers.plain({str(key): _again(item) for key, item in value.items()})
    if isinstance(value, tuple | list):
        return headers.plain([_again(item) for item in value])
    if value is None or isinstance(value, bool | int | float | str | bytes | np.generic):
        return headers.plain(value)
    return str(value)


def _again(value: object) -> Any:
    """Return `value` such that `headers.plain` takes it and doesn't change what is plain already."""
    return headers.restore(plain(value))


def _numeric(values: tuple[Any, ...] | list[Any]) -> bool:
    return all(type(value) in (int, float) for value in values)


def unplain(value: object) -> Any:
    """Undo `plain`: arrays for what was an array kept as bytes."""
    if isinstance(value, dict) and set(value) == {"dtype", "shape", "data"}:
        data = headers.restore(value["data"])
        return np.frombuffer(data, np.dtype(value["dtype"])).reshape(value["shape"])
    return headers.restore(value)


def extra_tags(source: Mapping[str, Any], skipped: frozenset[int]) -> list[tuple[int, int, int, Any, bool]]:
    """Return the descriptive tags of a source as tifffile takes them: code, type, count, value, once."""
    found = []
    tags, types = source.get("tags", {}), source.get("tag_types", {})
    for name, value in tags.items():
        code, dtype, count = (*types.get(name, ()), 0, 0, 0)[:3]
        if not code or code in _STORAGE | _REWRITTEN | skipped:
            continue
        raw = unplain(value)
        if isinstance(raw, np.ndarray):
            raw = raw.ravel().tolist()
        if _fits(raw, dtype, count):
            found.append((code, dtype, count, raw, code not in (274,)))
    return found


def tag_value(source: Mapping[str, Any], code: int) -> Any:
    """Return the value of one tag of a TIFF source, None when it has none."""
    for name, kind in source.get("tag_types", {}).items():
        if kind[0] == code:
            return unplain(source.get("tags", {}).get(name))
    return None


def _fits(value: object, dtype: int, count: int) -> bool:
    """Say whether a value is what its type says; readers make dictionaries of some, which can't go back."""
    if dtype in (2, 1, 7) and isinstance(value, str | bytes):
        return True
    if isinstance(value, bool) or dtype not in (1, 3, 4, 5, 6, 8, 9, 10, 11, 12, 16, 17):
        return False
    if isinstance(value, int | float):
        return count == 1
    flat = count * (2 if dtype in (5, 10) else 1)
    return (
        isinstance(value, list) and len(value) == flat and all(type(item) in (int, float) for item in value)
    )
