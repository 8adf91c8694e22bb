"""Everything that an author of a format imports.

Names are loaded on first use, so that starting the command line costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlarray_io.bare import BareOptions, bare_meta, default_labels, tell_losses, voxel_dtype
    from mlarray_io.child import ChildBytes, ChildReader, ask_child, call_child
    from mlarray_io.datafiles import data_path, decode_text, last_bytes, numbered
    from mlarray_io.format import Box, Confidence, Context, Format, ImageRef, Loss, Reader, boxes_along
    from mlarray_io.hookspecs import hookimpl
    from mlarray_io.kept import keep_meta, kept_meta
    from mlarray_io.losses import tell_unheld
    from mlarray_io.options import Options, option
    from mlarray_io.rawdata import RawData, RawReader, check_size, file_order, read_box
    from mlarray_io.remote import UrlFolder, UrlSource
    from mlarray_io.slabs import contiguous, slab_shape, tiles
    from mlarray_io.source import Source
    from mlarray_io.source_levels import fitting_levels
    from mlarray_io.stream import Bytes, Compression, JoinedBytes, MemoryBytes, PackedBytes, open_bytes

_HOME = {
    "Format": "format",
    "Reader": "format",
    "Confidence": "format",
    "ImageRef": "format",
    "Loss": "format",
    "Context": "format",
    "Box": "format",
    "boxes_along": "format",
    "Options": "options",
    "option": "options",
    "Source": "source",
    "UrlFolder": "remote",
    "UrlSource": "remote",
    "BareOptions": "bare",
    "bare_meta": "bare",
    "default_labels": "bare",
    "tell_losses": "bare",
    "voxel_dtype": "bare",
    "keep_meta": "kept",
    "kept_meta": "kept",
    "contiguous": "slabs",
    "slab_shape": "slabs",
    "tiles": "slabs",
    "tell_unheld": "losses",
    "fitting_levels": "source_levels",
    "ChildBytes": "child",
    "ChildReader": "child",
    "ask_child": "child",
    "call_child": "child",
    "data_path": "datafiles",
    "decode_text": "datafiles",
    "last_bytes": "datafiles",
    "numbered": "datafiles",
    "RawData": "rawdata",
    "RawReader": "rawdata",
    "check_size": "rawdata",
    "file_order": "rawdata",
    "read_box": "rawdata",
    "Bytes": "stream",
    "Compression": "stream",
    "JoinedBytes": "stream",
    "MemoryBytes": "stream",
    "PackedBytes": "stream",
    "open_bytes": "stream",
    "hookimpl": "hookspecs",
}

__all__ = [
    "BareOptions",
    "Box",
    "Bytes",
    "ChildBytes",
    "ChildReader",
    "Compression",
    "Confidence",
    "Context",
    "Format",
    "ImageRef",
    "JoinedBytes",
    "Loss",
    "MemoryBytes",
    "Options",
    "PackedBytes",
    "RawData",
    "RawReader",
    "Reader",
    "Source",
    "UrlFolder",
    "UrlSource",
    "ask_child",
    "bare_meta",
    "boxes_along",
    "call_child",
    "check_size",
    "contiguous",
    "data_path",
    "decode_text",
    "default_labels",
    "file_order",
    "fitting_levels",
    "hookimpl",
    "keep_meta",
    "kept_meta",
    "last_bytes",
    "numbered",
    "open_bytes",
    "option",
    "read_box",
    "slab_shape",
    "tell_losses",
    "tell_unheld",
    "tiles",
    "voxel_dtype",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"mlarray_io.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
