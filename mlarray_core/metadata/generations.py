"""Metadata bytes to mapping to `Meta` and back, for every generation of files.

==== ==================== ============================================================================
G0   med-blosc2           MessagePack: ``image``, ``_blosc2``, ``_med_blosc2_version``
G1   0.0.23 - 0.0.27      MessagePack: ``image`` and ``extra`` bare, boxes a bare list, ``channel_axis``
G2   0.0.28 - 0.0.33      ``original``, single values wrapped in a dict, ``spatial.shape`` may be missing
G3   0.0.34               ``original`` is ``source``
G4   0.0.35 - 0.0.41      ``channel_axis`` is ``axis_labels``, units
G5   0.0.42 - 0.0.48      ``_blosc2`` is ``blosc2``
G6   0.0.49               gzip of a pickle instead of MessagePack; ``spatial.affine``
G7   0.0.50 - 0.0.53      containers of its own in the pickle
G8   0.0.54, this one     ``spatial.coord_system``
==== ==================== ============================================================================

The version is ``v0`` in all of them, so what a mapping holds decides, not what it calls itself.

Geometry is read as stored. Two conventions exist: up to 0.0.53 converted files hold (z, y, x) arrays whose
LPS geometry is reversed to z, y, x and unlabelled; those of 0.0.54 hold (x, y, z) arrays with an RAS affine
and labels. Nothing in a file says which program wrote its geometry, so neither is reinterpreted.

What can't be taken over is neither lost nor trusted: keys that no generation knows (a newer writer) and
values that the schema refuses (the reference accepts a spacing of 0) are kept, by path, in
``extra["mlarray"]["unread"]``, and one warning says so.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeGuard

from mlarray_core.errors import CorruptError, LimitError, MetadataError, MetadataTypeError
from mlarray_core.meta import (
    BaseMeta,
    Meta,
    MetaBbox,
    MetaBlosc2,
    MetaExtra,
    MetaHasArray,
    MetaImageFormat,
    MetaIsSeg,
    MetaSource,
    MetaSpatial,
    MetaStatistics,
    MetaVersion,
    SingleKeyBaseMeta,
)
from mlarray_core.meta.extension import KEY
from mlarray_core.meta.spatial import GEOMETRY_FIELDS
from mlarray_core.metadata import msgpack, unpickle

MAX_BYTES = 32 << 20
"""How large the metadata may be, decompressed."""
VERSION = "v0"
"""What every generation calls itself."""
UNREAD = "unread"
"""Where in ``extra["mlarray"]`` is kept what could not be taken over."""

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"  # no name, time or system
_SECTIONS: dict[str, type[BaseMeta]] = {
    "source": MetaSource,
    "extra": MetaExtra,
    "spatial": MetaSpatial,
    "stats": MetaStatistics,
    "bbox": MetaBbox,
    "is_seg": MetaIsSeg,
    "blosc2": MetaBlosc2,
    "_has_array": MetaHasArray,
    "_image_meta_format": MetaImageFormat,
    "_mlarray_version": MetaVersion,
}
_FORMER = {
    "image": "source",
    "original": "source",
    "_blosc2": "blosc2",
    "_med_blosc2_version": "_mlarray_version",
}


def decode(raw: object) -> dict[str, object]:
    """Return the mapping that a file stores, as plain dicts, lists and values. Nothing is executed.

    Parameters
    ----------
    raw
        gzip of a pickle, MessagePack, or a mapping that was MessagePack.

    Raises
    ------
    CorruptError
        If it is damaged, or holds something other than a mapping.
    UnsafeError
        If it asks to load or call something.
    LimitError
        If it is larger, longer or more deeply nested than metadata is.
    """
    if isinstance(raw, Mapping):
        mapping = unpickle.plain(dict(raw))
    elif _is_gzip(raw):
        mapping = unpickle.loads(_gunzip(bytes(raw)))
    elif not isinstance(raw, (bytes, bytearray, memoryview)):
        _no_dict()
    else:
        value = msgpack.unpack(bytes(raw))
        if not isinstance(value, Mapping):
            return decode(value) if _is_gzip(value) else _no_dict()
        mapping = unpickle.plain(dict(value))
    if not isinstance(mapping, dict) or not all(isinstance(key, str) for key in mapping):
        _no_dict()
    return dict(mapping)


def _is_gzip(raw: object) -> TypeGuard[bytes | bytearray | memoryview]:
    return isinstance(raw, (bytes, bytearray, memoryview)) and bytes(raw[:2]) == _GZIP_HEADER[:2]


def _no_dict() -> NoReturn:
    raise CorruptError("the metadata is no dict")


def _gunzip(raw: bytes) -> bytes:
    """Return what one gzip member holds.

    Its last four bytes say how much that is (RFC 1952, ISIZE). No more than that is decompressed, so a bomb
    is found out by its own claim, true or not.
    """
    size = struct.unpack("<I", raw[-4:])[0] if len(raw) >= 18 else 0
    if size > MAX_BYTES:
        raise LimitError(f"the metadata claims {size:,} bytes, the limit is {MAX_BYTES:,}")
    member = zlib.decompressobj(31)
    data = io.BytesIO()  # zlib's own buffer would be there twice for a moment
    try:
        while data.tell() <= size and (piece := member.decompress(raw, 1 << 20)):
            data.write(piece)
            raw = member.unconsumed_tail
    except zlib.error as error:
        raise CorruptError(f"the metadata can't be decompressed: {error}") from error
    if not member.eof or data.tell() != size or member.unused_data:
        raise CorruptError("the metadata is cut short or isn't what its size says")
    return data.getvalue()


def encode(meta: Meta) -> bytes:
    """Return the bytes to store, as most readers can read them: gzip of a pickle of plain values.

    Unset fields and sections are left out. The same metadata gives the same bytes.

    Raises
    ------
    MetadataTypeError
        If an edit in place put in something that isn't plain; `Meta.validate` makes plain what can be.
    LimitError
        If it is more than `decode` would read.
    """
    mapping: dict[str, object] = {}
    for name in _SECTIONS:
        section: BaseMeta = getattr(meta, name)
        if not section.is_default():
            mapping[name] = section.to_mapping(include_none=False)
    mapping["_mlarray_version"] = meta._mlarray_version.value or VERSION
    _check_plain(mapping)
    # without a memo the bytes depend on values only, not on which of them are the same object
    buffer = io.BytesIO()
    import pickle  # only writing needs it, and `info` is to start quickly

    pickler = pickle.Pickler(buffer, 5)
    pickler.fast = True
    pickler.dump(mapping)
    return _gzip(buffer.getvalue())


def _check_plain(mapping: dict[str, object]) -> None:
    """Refuse what `decode` would refuse, and what other readers couldn't load."""
    items = text = 0
    pending: list[tuple[str, object]] = [("", mapping)]
    while pending:
        path, value = pending.pop()
        items += 1
        if type(value) is dict:
            items += len(value)
            text += sum(len(key) for key in value if type(key) is str)
            pending += [(f"{path}.{key}" if path else str(key), item) for key, item in value.items()]
        elif type(value) is list:
            pending += [(path, item) for item in value]
        elif value is not None and type(value) not in (str, int, float, bool):
            raise MetadataTypeError(f"{type(value).__name__} is no plain value", field=path)
        elif type(value) is str:
            text += len(value)
        if text > MAX_BYTES:
            raise _too_large(text)
        if items > unpickle.MAX_ITEMS:
            raise LimitError(
                f"the metadata holds more than {unpickle.MAX_ITEMS:,} values",
                hint="Keep large tables in a file of their own",
            )


def _gzip(data: bytes) -> bytes:
    if len(data) > MAX_BYTES:
        raise _too_large(len(data))
    # level 9 takes 20 s for 30 MB of numbers, to save a tenth
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = deflate.compress(data) + deflate.flush()
    return _GZIP_HEADER + body + struct.pack("<II", zlib.crc32(data), len(data))


def _too_large(size: int) -> LimitError:
    return LimitError(
        f"the metadata has {size:,} bytes or more, the limit is {MAX_BYTES:,}",
        hint="Keep large tables in a file of their own",
    )


def lift(mapping: Mapping[str, object], *, shape: Sequence[int] | None = None) -> Meta:
    """Return the Meta that a mapping of any generation says.

    Parameters
    ----------
    mapping
        What `decode` returned.
    shape
        Shape of the array in the file, if there is one: it replaces the one that is stored (early writers
        left it out, others stored that of another image).

    Raises
    ------
    MetadataError
        If what is kept aside can't be kept.
    """
    sections, unread = _sections(mapping)
    if sections.get("_has_array") in (False, {"has_array": False}):
        shape = None  # Blosc2 can't store no array; an empty one stands for it
    spatial = _spatial(sections, shape, unread)
    if shape is not None:
        sections.setdefault("_has_array", True)
    made: dict[str, object] = {"spatial": _made(MetaSpatial, spatial, unread)}
    for name, value in sections.items():
        made.setdefault(name, _made(_SECTIONS[name], value, unread))
    try:
        meta = Meta(**made)
    except MetadataError as error:  # boxes that don't fit the axes
        unread["bbox"] = (sections.get("bbox"), str(error))
        meta = Meta(**{**made, "bbox": None})
    if unread:
        _keep(meta, unread)
    return meta


_Unread = dict[str, tuple[object, str]]


def _sections(mapping: Mapping[str, object]) -> tuple[dict[str, object], _Unread]:
    """Sort a mapping's entries into today's sections and what is none."""
    sections: dict[str, object] = {}
    unread: _Unread = {}
    bare = "image" in mapping
    for key, value in mapping.items():
        name = _FORMER.get(key, key)
        if name not in _SECTIONS or name in sections:
            unread[key] = (value, f"{key}: unknown")
        elif value is not None:
            # a bare dict could by chance look like a wrapped one
            sections[name] = {"data": value} if bare and name in ("source", "extra") else value
    return sections, unread


def _spatial(sections: dict[str, object], shape: Sequence[int] | None, unread: _Unread) -> object:
    """Return the spatial section with the true shape, and labels for what was `channel_axis`."""
    spatial = sections.pop("spatial", {})
    if not isinstance(spatial, Mapping):
        return spatial
    spatial = dict(spatial)
    if shape is not None:
        spatial["shape"] = list(shape)
    axis = spatial.pop("channel_axis", None)
    if axis is None:
        return spatial
    ndim = _ndim(spatial, sections.get("blosc2"))
    if spatial.get("axis_labels") is None and type(axis) is int and ndim and -ndim <= axis < ndim:
        spatial["axis_labels"] = ["spatial"] * ndim
        spatial["axis_labels"][axis] = "channel"
    else:
        unread["spatial.channel_axis"] = (axis, "spatial.channel_axis: the number of axes is unknown")
    return spatial


def _ndim(spatial: Mapping[str, object], blosc2: object) -> int:
    """Return the number of axes of an image with a channel axis, 0 when nothing says it."""
    chunk = blosc2.get("chunk_size") if isinstance(blosc2, Mapping) else None
    for sizes in (spatial.get("shape"), chunk):
        if isinstance(sizes, list):
            return len(sizes)
    parts = (spatial.get(name) for name in ("spacing", "origin", "direction"))
    return next((len(part) + 1 for part in parts if isinstance(part, list)), 0)


def _made(kind: type[BaseMeta], value: object, unread: _Unread) -> BaseMeta:
    """Return a section with everything that the schema takes; the rest goes to `unread`."""
    path = kind._PATH
    if not isinstance(value, Mapping) or issubclass(kind, SingleKeyBaseMeta):
        try:
            return kind.ensure(value)
        except MetadataError as error:
            unread[path] = (value, str(error))
            return kind()
    fields = {key: item for key, item in value.items() if key in kind._names()}
    for key in value.keys() - fields.keys():
        if value[key] is not None:
            unread[f"{path}.{key}"] = (value[key], f"{path}.{key}: unknown")
    return _accepted(kind, fields, unread)


def _accepted(kind: type[BaseMeta], fields: dict[str, object], unread: _Unread) -> BaseMeta:
    while True:
        try:
            return kind(**fields)
        except MetadataError as error:
            name = (error.field or "").removeprefix(f"{kind._PATH}.").partition("[")[0]
            # half a geometry would put the voxels somewhere else
            group = GEOMETRY_FIELDS if name in GEOMETRY_FIELDS else (name,)
            refused = [key for key in group if key in fields]
            if not refused:
                raise
            for key in refused:
                value = fields.pop(key)
                if value is not None:
                    unread[f"{kind._PATH}.{key}"] = (value, str(error))


def _keep(meta: Meta, unread: _Unread) -> None:
    """Put aside what could not be taken over, where saving keeps it, and say so."""
    own = meta.extra.get(KEY)
    if own is not None and not isinstance(own, dict):
        raise MetadataError(f"expected a dict, got {type(own).__name__}", field=f"extra[{KEY!r}]")
    kept = {**(own or {})}
    kept[UNREAD] = {**kept.get(UNREAD, {}), **{path: value for path, (value, _) in unread.items()}}
    meta.extra[KEY] = kept
    reasons = "; ".join(dict.fromkeys(reason for _, reason in unread.values()))
    warnings.warn(
        f"metadata that could not be read is kept in extra[{KEY!r}][{UNREAD!r}]: {reasons}", stacklevel=3
    )
