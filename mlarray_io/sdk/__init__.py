"""Helpers for what formats share: boxes, streams, raw voxels, files without a header, other processes.

Nothing here is needed to write a format; docs/write-a-plugin.md lists the names, which are loaded on first
use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlarray_io.places.sources import UrlFolder, UrlSource
    from mlarray_io.privacy.profile import Privacy
    from mlarray_io.privacy.words import cleaned_text
    from mlarray_io.sdk.boxes import contiguous, slab_shape, tiles, tiles_of
    from mlarray_io.sdk.dtypes import packing_of, stored_dtype, voxel_dtype
    from mlarray_io.sdk.files.beside import data_names, named_in
    from mlarray_io.sdk.files.child import ChildBytes, ChildReader, ask_child, call_child
    from mlarray_io.sdk.files.data_files import (
        check_beside,
        data_path,
        decode_text,
        last_bytes,
        located,
        numbered,
    )
    from mlarray_io.sdk.files.deflate import open_gzip, open_written, zlib_compressor
    from mlarray_io.sdk.files.explained import damage_named, explained, in_a_line
    from mlarray_io.sdk.files.packings import PACKINGS, open_packed
    from mlarray_io.sdk.files.raw_data import (
        RawData,
        RawReader,
        check_size,
        file_order,
        read_box,
        tell_rest,
    )
    from mlarray_io.sdk.files.served import ServedReader, served_images, served_reader
    from mlarray_io.sdk.files.streams import (
        Bytes,
        Compression,
        JoinedBytes,
        MemoryBytes,
        PackedBytes,
        open_bytes,
    )
    from mlarray_io.sdk.headerless import BareOptions, bare_meta, default_labels, labels_of_names
    from mlarray_io.sdk.labels.maps import holds_labels
    from mlarray_io.sdk.labels.tables import read_label_table
    from mlarray_io.sdk.library_headers import header_values
    from mlarray_io.sdk.losses import tell_labels, tell_losses, tell_unheld
    from mlarray_io.sdk.meta_json import keep_meta, kept_meta
    from mlarray_io.sdk.planes import PlanesReader
    from mlarray_io.sdk.source_levels import fitting_levels
    from mlarray_io.sdk.space.named_axes import NamedAxis, named_spatial, named_values
    from mlarray_io.sdk.space.placement import millimetres, placed, spatial_labels
    from mlarray_io.sdk.space.sidecar import Turn
    from mlarray_io.sdk.space.vectors import (
        DISPLACEMENT,
        FRAME,
        TENSOR,
        PartsView,
        WorldParts,
        in_world,
        world_parts,
    )
    from mlarray_io.sdk.warning_filters import ignored_warnings

_HOME = {
    "BareOptions": "sdk.headerless",
    "bare_meta": "sdk.headerless",
    "default_labels": "sdk.headerless",
    "labels_of_names": "sdk.headerless",
    "header_values": "sdk.library_headers",
    "holds_labels": "sdk.labels.maps",
    "tell_labels": "sdk.losses",
    "tell_losses": "sdk.losses",
    "voxel_dtype": "sdk.dtypes",
    "stored_dtype": "sdk.dtypes",
    "open_gzip": "sdk.files.deflate",
    "open_written": "sdk.files.deflate",
    "zlib_compressor": "sdk.files.deflate",
    "PACKINGS": "sdk.files.packings",
    "open_packed": "sdk.files.packings",
    "Bytes": "sdk.files.streams",
    "Compression": "sdk.files.streams",
    "JoinedBytes": "sdk.files.streams",
    "MemoryBytes": "sdk.files.streams",
    "PackedBytes": "sdk.files.streams",
    "open_bytes": "sdk.files.streams",
    "ChildBytes": "sdk.files.child",
    "ChildReader": "sdk.files.child",
    "ask_child": "sdk.files.child",
    "call_child": "sdk.files.child",
    "damage_named": "sdk.files.explained",
    "explained": "sdk.files.explained",
    "in_a_line": "sdk.files.explained",
    "ServedReader": "sdk.files.served",
    "served_images": "sdk.files.served",
    "served_reader": "sdk.files.served",
    "NamedAxis": "sdk.space.named_axes",
    "named_spatial": "sdk.space.named_axes",
    "named_values": "sdk.space.named_axes",
    "PlanesReader": "sdk.planes",
    "packing_of": "sdk.dtypes",
    "millimetres": "sdk.space.placement",
    "placed": "sdk.space.placement",
    "spatial_labels": "sdk.space.placement",
    "RawData": "sdk.files.raw_data",
    "RawReader": "sdk.files.raw_data",
    "check_size": "sdk.files.raw_data",
    "file_order": "sdk.files.raw_data",
    "read_box": "sdk.files.raw_data",
    "tell_rest": "sdk.files.raw_data",
    "Privacy": "privacy.profile",
    "UrlFolder": "places.sources",
    "UrlSource": "places.sources",
    "cleaned_text": "privacy.words",
    "contiguous": "sdk.boxes",
    "slab_shape": "sdk.boxes",
    "tiles": "sdk.boxes",
    "tiles_of": "sdk.boxes",
    "check_beside": "sdk.files.data_files",
    "data_names": "sdk.files.beside",
    "named_in": "sdk.files.beside",
    "data_path": "sdk.files.data_files",
    "decode_text": "sdk.files.data_files",
    "last_bytes": "sdk.files.data_files",
    "located": "sdk.files.data_files",
    "numbered": "sdk.files.data_files",
    "Turn": "sdk.space.sidecar",
    "DISPLACEMENT": "sdk.space.vectors",
    "FRAME": "sdk.space.vectors",
    "WorldParts": "sdk.space.vectors",
    "TENSOR": "sdk.space.vectors",
    "PartsView": "sdk.space.vectors",
    "in_world": "sdk.space.vectors",
    "world_parts": "sdk.space.vectors",
    "fitting_levels": "sdk.source_levels",
    "read_label_table": "sdk.labels.tables",
    "keep_meta": "sdk.meta_json",
    "kept_meta": "sdk.meta_json",
    "tell_unheld": "sdk.losses",
    "ignored_warnings": "sdk.warning_filters",
}

__all__ = [
    "BareOptions",
    "Bytes",
    "ChildBytes",
    "ChildReader",
    "Compression",
    "DISPLACEMENT",
    "FRAME",
    "JoinedBytes",
    "MemoryBytes",
    "PACKINGS",
    "PackedBytes",
    "NamedAxis",
    "PartsView",
    "PlanesReader",
    "Privacy",
    "RawData",
    "RawReader",
    "ServedReader",
    "TENSOR",
    "Turn",
    "UrlFolder",
    "UrlSource",
    "WorldParts",
    "ask_child",
    "bare_meta",
    "call_child",
    "check_beside",
    "check_size",
    "cleaned_text",
    "contiguous",
    "damage_named",
    "data_names",
    "data_path",
    "decode_text",
    "default_labels",
    "explained",
    "file_order",
    "fitting_levels",
    "header_values",
    "holds_labels",
    "ignored_warnings",
    "in_a_line",
    "in_world",
    "keep_meta",
    "kept_meta",
    "labels_of_names",
    "last_bytes",
    "located",
    "millimetres",
    "named_in",
    "named_spatial",
    "named_values",
    "numbered",
    "open_bytes",
    "open_gzip",
    "open_written",
    "open_packed",
    "packing_of",
    "placed",
    "read_box",
    "read_label_table",
    "served_images",
    "served_reader",
    "slab_shape",
    "spatial_labels",
    "stored_dtype",
    "tell_labels",
    "tell_losses",
    "tell_rest",
    "tell_unheld",
    "tiles",
    "tiles_of",
    "voxel_dtype",
    "world_parts",
    "zlib_compressor",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"mlarray_io.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
