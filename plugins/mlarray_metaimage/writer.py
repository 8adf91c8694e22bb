"""Writes MetaImage, as one file or two, as a stream."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from mlarray_core.errors import UnsupportedError
from mlarray_core.meta import is_spatial
from mlarray_io.sdk import data_names, file_order, in_world, stored_dtype, tell_unheld, zlib_compressor
from mlarray_metaimage.geometry import LABELS, MATRICES, ORIGINS, SPACINGS, UNITS_OF_AXES
from mlarray_metaimage.header import LAST, Fields, MetaHeader, from_source, is_source, key_of, spelt
from mlarray_metaimage.reader import DTYPES, big_endian, is_compressed
from mlarray_metaimage.write_geometry import fresh_fields, is_unchanged

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlarray_io import Context, Reader
    from mlarray_metaimage.options import MetaImageOptions

_NAMES: dict[np.dtype[Any], str] = {
    np.dtype(code): name for name, code in DTYPES.items() if name not in ("MET_LONG", "MET_ULONG")
}
_GEOMETRIC = (
    *SPACINGS, *ORIGINS, *MATRICES, "CenterOfRotation", "AnatomicalOrientation", "DistanceUnits",
    LABELS, UNITS_OF_AXES,
)  # fmt: skip
_STORAGE = (
    "ObjectType", "NDims", "BinaryData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB", "CompressedData",
    "CompressedDataSize", "DimSize", "ElementNumberOfChannels", "ElementType", "HeaderSize", LAST,
)  # fmt: skip
_ORDER = (
    "ObjectType", "NDims", "BinaryData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB", "CompressedData",
    "CompressedDataSize", "TransformMatrix", "Offset", "CenterOfRotation", "AnatomicalOrientation",
    "ElementSpacing", LABELS, UNITS_OF_AXES, "DimSize", "ElementNumberOfChannels", "Comment", "ElementType",
    LAST,
)  # fmt: skip
_WIDTH = 20
"""Room for CompressedDataSize, which is known at the end only."""

_PIECE = 1 << 22


def write_metaimage(reader: Reader, target: Path, options: MetaImageOptions, context: Context) -> None:
    """Write an image.

    Parameters
    ----------
    reader
        The image.
    target
        Where to; the data of a ``.mhd`` go beside it.
    options
        Whether and how hard to compress.
    context
        Where to report what MetaImage can't hold.

    Raises
    ------
    UnsupportedError
        MetaImage has no such data type.
    """
    if 0 in reader.shape or not reader.shape:
        raise UnsupportedError(f"MetaImage can't hold an image of shape {reader.shape}: an axis needs voxels")
    reader = in_world(reader, "LPS")
    header = from_source(reader.meta.source, target) if is_source(reader.meta.source) else None
    dtype = stored_dtype(reader.dtype, _NAMES, "MetaImage", target, context)
    packed = options.compression == "yes" or (
        options.compression == "auto" and (header is None or is_compressed(header.fields))
    )
    big = header is not None and big_endian(header.fields)
    order, fields = _axes(reader)
    fields |= _storage(dtype, packed, big, header)
    detached = target.suffix.lower() == ".mhd"
    names = data_names(target, ".zraw" if packed else ".raw")
    data = target.with_name(context.free_name(*names)) if detached else target
    fields[LAST] = data.name if detached else "LOCAL"
    kept = header is not None and is_unchanged(reader, header, target)
    fields |= {} if kept else fresh_fields(reader, order, context)
    _tell_losses(reader, header, kept, LABELS in fields, context)
    front = "".join(f"{line}\n" for line in _lines(header, fields, keep=kept))
    parts = file_order(reader, order, context)
    pieces = (np.ascontiguousarray(part, dtype.newbyteorder(">" if big else "<")) for part in parts)
    with target.open("wb+") as head:
        head.write(front.encode("latin-1", "replace"))
        if detached:
            with data.open("wb") as file:
                size = _write(file, pieces, packed, options.level)
        else:
            size = _write(head, pieces, packed, options.level)
        if packed:
            head.seek(front.index("CompressedDataSize = ") + len("CompressedDataSize = "))
            head.write(f"{size:<{_WIDTH}d}".encode("ascii"))


def _write(file: IO[bytes], pieces: Iterable[np.ndarray[Any, Any]], packed: bool, level: int) -> int:
    """Write voxels, return how many bytes they took."""
    packer, size = zlib_compressor(level), 0
    for piece in pieces:
        content = memoryview(cast("Any", piece.reshape(-1).view("u1")))
        if not packed:
            size += file.write(content)
            continue
        for at in range(0, len(content), _PIECE):
            size += file.write(packer.compress(content[at : at + _PIECE]))
    return size + (file.write(packer.flush()) if packed else 0)


def _axes(reader: Reader) -> tuple[list[int], Fields]:
    """Return the axes in the file's order, slowest first (others, space, components), and the sizes."""
    labels = reader.labels
    spatial = [axis for axis, label in enumerate(labels) if label.startswith("spatial")]
    parts = [axis for axis, label in enumerate(labels) if label == "components"][-1:]
    others = [axis for axis in range(len(labels)) if axis not in spatial and axis not in parts]
    sizes = [reader.shape[axis] for axis in reversed(spatial)]
    if others and spatial:
        sizes += [1] * (3 - len(sizes))
    sizes += [reader.shape[axis] for axis in reversed(others)]
    sizes = sizes or [1]
    fields: Fields = {"NDims": len(sizes), "DimSize": sizes}
    if parts and reader.shape[parts[0]] > 1:
        fields["ElementNumberOfChannels"] = reader.shape[parts[0]]
    return [*others, *spatial, *parts], fields


def _storage(dtype: np.dtype[Any], packed: bool, big: bool, header: MetaHeader | None) -> Fields:
    before = {} if header is None else header.fields
    fields: Fields = {"ObjectType": before.get("ObjectType", "Image"), "ElementType": _NAMES[dtype]}
    old = str(before.get("ElementType", ""))
    if DTYPES.get(old.removesuffix("_ARRAY")) == dtype.str[1:]:
        fields["ElementType"] = old
    if before.get("ElementNumberOfChannels") == 1:
        fields["ElementNumberOfChannels"] = 1
    order = "ElementByteOrderMSB" if "ElementByteOrderMSB" in before else "BinaryDataByteOrderMSB"
    for name, value in (("BinaryData", True), (order, big), ("CompressedData", packed)):
        told = str(before.get(name, ""))
        fields[name] = told if told.lower() == str(value).lower() else str(value)
    if packed:
        fields["CompressedDataSize"] = " " * _WIDTH
    return fields


def _lines(header: MetaHeader | None, fields: Fields, *, keep: bool) -> list[str]:
    """Return the lines of the header: the source's, with changed fields replaced and new ones added."""
    if header is None:
        return [spelt(name, fields[name]) for name in sorted(fields, key=_ORDER.index)]
    before, used, lines = header.fields, set[str](), list[str]()
    for line in header.lines:
        key = key_of(line)
        if key == LAST:
            break
        stale = key in _STORAGE or (key in _GEOMETRIC and not keep)
        if key in fields:
            lines.append(line if before.get(key) == fields[key] else spelt(key, fields[key]))
            used.add(key)
        elif not stale:
            lines.append(line)
    told = {name: fields[name] for name in fields.keys() - used - {LAST}}
    told = {
        name: value for name, value in told.items() if not (name in _DEFAULTS and value == _DEFAULTS[name])
    }
    fresh = [spelt(name, told[name]) for name in sorted(told, key=_ORDER.index)]
    return [*lines, *fresh, spelt(LAST, fields[LAST])]


_DEFAULTS = {
    "ObjectType": "Image",
    "BinaryData": "True",
    "CompressedData": "False",
    "BinaryDataByteOrderMSB": "False",
}
"""What a source that doesn't say it means anyway."""


def _tell_losses(
    reader: Reader, header: MetaHeader | None, kept: bool, named: bool, context: Context
) -> None:
    tell_unheld(reader.meta, context, "MetaImage", own_source=header is not None)
    if reader.meta.is_seg.is_seg:
        context.loss("that voxels are labels", "MetaImage has no place for it")
    if kept or named:
        return
    for label in reader.labels:
        if not is_spatial(label) and label not in ("components", "non_spatial"):
            context.loss(f"axis label {label}", "MetaImage is read as non_spatial there")
