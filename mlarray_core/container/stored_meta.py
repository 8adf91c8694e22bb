"""The metadata that a frame stores, and the `Meta` that they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlarray_core.container.trailer import vlmeta_content
from mlarray_core.errors import about
from mlarray_core.metadata import generations, msgpack

if TYPE_CHECKING:
    from mlarray_core.container import frame as frames
    from mlarray_core.meta import Meta

META_KEY = "mlarray"
MAX_META = generations.MAX_BYTES + (1 << 16)
"""Bytes of stored metadata that are read."""


def read_mapping(read: frames.Read, frame: frames.Frame, path: str | None) -> dict[str, object]:
    """Return the metadata of a checked frame, of plain values; an empty dict without any.

    Parameters
    ----------
    read, frame
        The file.
    path
        Named in errors.

    Raises
    ------
    CorruptError
        They are damaged.
    UnsafeError
        They ask to load or call something.
    LimitError
        They are larger, longer or more deeply nested than metadata are.
    """
    with about(path):
        stored = stored_metadata(read, frame)
        return {} if stored is None else generations.decode(stored)


def meta_of(mapping: dict[str, object], shape: tuple[int, ...], path: str | None) -> Meta:
    """Return the Meta that a frame's metadata say, whichever generation wrote them.

    Parameters
    ----------
    mapping
        What `read_mapping` returned.
    shape
        Of the array in the frame.
    path
        Named in errors.

    Raises
    ------
    MetadataError
        What can't be taken over can't be kept aside either.
    """
    from mlarray_core.meta import Meta

    has_array = says_array(mapping, shape)
    with about(path):
        meta = generations.lift(mapping, shape=shape if has_array else None) if mapping else Meta()
    meta._set_by_library(has_array=has_array)
    return meta


def describe(meta: Meta, shape: tuple[int, ...] | None) -> None:
    """Write what only the library knows into metadata: the version of the schema, and the array's shape."""
    if meta._mlarray_version.mlarray_version != generations.VERSION:
        meta._set_by_library(mlarray_version=generations.VERSION)
    sizes = None if shape is None else list(shape)
    if meta.spatial.shape != sizes:
        meta._set_by_library(shape=sizes)


def says_array(mapping: Mapping[str, object], shape: tuple[int, ...]) -> bool:
    """Whether there are voxels, by the metadata; bare arrays and the earliest files don't say it."""
    return _flag(mapping.get("_has_array"), default=shape != (0,))


def stored_metadata(read: frames.Read, frame: frames.Frame) -> object:
    """Return the stored metadata, still encoded: bytes, or a mapping in early generations, or None."""
    if META_KEY in frame.vlmeta:
        return msgpack.unpack(vlmeta_content(read, frame, META_KEY, MAX_META))
    if "med_blosc2" in frame.layers:
        return msgpack.unpack(frame.layers["med_blosc2"])
    return None


def _flag(stored: object, *, default: bool) -> bool:
    """Return a stored flag, bare or wrapped."""
    value = stored.get("has_array") if isinstance(stored, Mapping) else stored
    return value if isinstance(value, bool) else default
