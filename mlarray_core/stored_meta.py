"""The metadata that a frame stores, and the `Meta` that they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlarray_core import frame as frames
from mlarray_core import generations, msgpack
from mlarray_core.errors import MLArrayError

if TYPE_CHECKING:
    from mlarray_core.meta import Meta

META_KEY = "mlarray"
MAX_META = generations.MAX_BYTES + (1 << 16)
"""Bytes of stored metadata that are read."""


def read_metadata(read: frames.Read, frame: frames.Frame, path: str | None) -> Meta:
    """Return the metadata of a checked frame, whichever generation wrote it; an empty Meta without any.

    Raises
    ------
    CorruptError
        They are damaged.
    UnsafeError
        They ask to load or call something.
    LimitError
        They are larger, longer or more deeply nested than metadata are.
    """
    try:
        return _decoded(stored_metadata(read, frame), frame.shape)
    except MLArrayError as error:
        error.path = error.path or path
        raise


def stored_metadata(read: frames.Read, frame: frames.Frame) -> Any:
    """Return the stored metadata, still encoded: bytes, or a mapping in early generations, or None."""
    if META_KEY in frame.vlmeta:
        return msgpack.unpack(frames.vlmeta_content(read, frame, META_KEY, MAX_META))
    if "med_blosc2" in frame.layers:
        return msgpack.unpack(frame.layers["med_blosc2"])
    return None


def _decoded(stored: Any, shape: tuple[int, ...]) -> Meta:
    from mlarray_core.meta import Meta
    from mlarray_core.meta.base import meta_writable

    mapping = {} if stored is None else generations.decode(stored)
    # bare arrays and the earliest files don't say whether they hold an array
    has_array = _flag(mapping.get("_has_array"), default=shape != (0,))
    meta = generations.lift(mapping, shape=shape if has_array else None) if mapping else Meta()
    with meta_writable():
        meta._has_array.has_array = has_array
    return meta


def _flag(stored: Any, *, default: bool) -> bool:
    """Return a stored flag, bare or wrapped."""
    value = stored.get("has_array") if isinstance(stored, Mapping) else stored
    return value if isinstance(value, bool) else default
