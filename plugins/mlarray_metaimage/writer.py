"""Writes MetaImage, as one file or two, as a stream."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from mlarray_core import Additions, geometry
from mlarray_core.errors import UnsupportedError
from mlarray_io.sdk import file_order, stored_dtype, tell_unheld, zlib_compressor
from mlarray_metaimage.geometry import MATRICES, ORIGINS, SPACINGS, positions, spatial_of
from mlarray_metaimage.header import LAST, MetaHeader, from_source, is_source, key_of, spelt
from mlarray_metaimage.reader import DTYPES, big_endian, is_compressed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlarray_io import Context, Reader
    from mlarray_metaimage.options import MetaImageOptions

_NAMES: dict[np.dtype[Any], str] = {
    np.dtype(code): name for name, code in DTYPES.items() if name not in ("MET_LONG", "MET_ULONG")
}
_TO_MM = {"mm": 1.0, "um": 1e-3, "µm": 1e-3, "μm": 1e-3, "micron": 1e-3, "microns": 1e-3, "nm": 1e-6,
          "cm": 10.0, "m": 1000.0}  # fmt: skip
_GEOMETRIC = (*SPACINGS, *ORIGINS, *MATRICES, "CenterOfRotation", "AnatomicalOrientation", "DistanceUnits")
_STORAGE = (
    "ObjectType", "NDims", "BinaryData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB", "CompressedData",
    "CompressedDataSize", "DimSize", "ElementNumberOfChannels", "ElementType", "HeaderSize", LAST,
)  # fmt: skip
_ORDER = (
    "ObjectType", "NDims", "BinaryData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB", "CompressedData",
    "CompressedDataSize", "TransformMatrix", "Offset", "CenterOfRotation", "AnatomicalOrientation",
    "ElementSpacing", "DimSize", "ElementNumberOfChannels", "Comment", "ElementType", LAST,
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
        Is told what MetaImage can't hold.

    Raises
    ------
    UnsupportedError
        MetaImage has no such data type.
    """
    if 0 in reader.shape or not reader.shape:
        raise UnsupportedError(f"MetaImage can't hold an image of shape {reader.shape}: an axis needs voxels")
    header = from_source(reader.meta.source, target) if is_source(reader.meta.source) else None
    dtype = stored_dtype(reader.dtype, _NAMES, "MetaImage", target, context)
    packed = options.compression == "yes" or (
        options.compression == "auto" and (header is None or is_compressed(header.fields))
    )
    big = header is not None and big_endian(header.fields)
    order, fields = _axes(reader)
    fields |= _storage(dtype, packed, big, header)
    detached = target.suffix.lower() == ".mhd"
    data = target.with_suffix(".zraw" if packed else ".raw") if detached else target
    fields[LAST] = data.name if detached else "LOCAL"
    kept = header is not None and _unchanged(reader, header, target)
    fields |= {} if kept else _geometry(reader, order, context)
    _tell_losses(reader, header, kept, context)
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


def _axes(reader: Reader) -> tuple[list[int], dict[str, Any]]:
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
    fields: dict[str, Any] = {"NDims": len(sizes), "DimSize": sizes}
    if parts and reader.shape[parts[0]] > 1:
        fields["ElementNumberOfChannels"] = reader.shape[parts[0]]
    return [*others, *spatial, *parts], fields


def _storage(dtype: np.dtype[Any], packed: bool, big: bool, header: MetaHeader | None) -> dict[str, Any]:
    before = {} if header is None else header.fields
    fields: dict[str, Any] = {"ObjectType": before.get("ObjectType", "Image"), "ElementType": _NAMES[dtype]}
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


def _unchanged(reader: Reader, header: MetaHeader, path: Path) -> bool:
    """Say whether the image still is where the source's header puts it, with the same axes and units."""
    spatial, steps = spatial_of(header.fields, path)
    mine, labels = reader.meta.spatial, reader.labels
    same = labels == list(spatial.axis_labels or ()) and mine.coord_system == spatial.coord_system
    if not same or mine.axis_units != spatial.axis_units:
        return False
    if positions(steps, reader.shape) != Additions.of(reader.meta).axes:
        return False
    count = sum(label.startswith("spatial") for label in labels)
    new, old = geometry.affine_of(mine, count), geometry.affine_of(spatial, count)
    return bool(np.allclose(new, old, rtol=1e-10, atol=1e-10 * np.abs(old[:-1, :-1]).max()))


def _geometry(reader: Reader, order: list[int], context: Context) -> dict[str, Any]:
    """Return the fields for a geometry that is told anew, in LPS and millimetres."""
    spatial, labels = reader.meta.spatial, reader.labels
    count = sum(label.startswith("spatial") for label in labels)
    others = [
        axis for axis in order if not labels[axis].startswith("spatial") and labels[axis] != "components"
    ]
    size = (max(count, 3) if others and count else count) + len(others) or 1
    matrix, origin, spacing = np.eye(size), np.zeros(size), np.ones(size)
    fields: dict[str, Any] = {}
    if count:
        affine = geometry.affine_of(spatial, count)
        world = geometry.normal_world(spatial.coord_system)
        if world is not None:
            affine = geometry.to_world(affine, world, "LPS")
        else:
            context.loss(f"that the world is {spatial.coord_system or 'unset'}", "MetaImage's is always LPS")
        factor = _factor(spatial.axis_units, labels, fields, context)
        steps, start, direction = geometry.decompose(affine)
        spacing[:count] = np.array(steps[::-1]) * factor
        origin[:count] = np.array(start) * factor
        matrix[:count, :count] = np.array(direction)[:, ::-1].T
        if count == 3 and world is not None:
            code = geometry.orientation(affine, "LPS")
            fields["AnatomicalOrientation"] = code.translate(str.maketrans("RLAPSI", "LRPAIS"))
    _put_positions(reader, others, size, spacing, origin, context)
    fields |= {"TransformMatrix": (matrix + 0.0).ravel().tolist(), "Offset": (origin + 0.0).tolist()}
    return fields | {"CenterOfRotation": [0.0] * size, "ElementSpacing": spacing.tolist()}


def _factor(units: list[str] | None, labels: list[str], fields: dict[str, Any], context: Context) -> float:
    """Return what turns lengths into millimetres, and note in the header what they were."""
    given = {
        unit for unit, label in zip(units or (), labels, strict=False) if label.startswith("spatial")
    } - {""}
    if not given:
        return 1.0
    unit = given.pop()
    if given or unit not in _TO_MM:
        context.loss(
            f"unit of length {', '.join(sorted({unit, *given}))}", "MetaImage knows millimetres only"
        )
        return 1.0
    if unit != "mm":
        fields["Comment"] = f"lengths were in {unit}"
    return _TO_MM[unit]


def _put_positions(
    reader: Reader, others: list[int], size: int, spacing: Any, origin: Any, context: Context
) -> None:
    """Store even positions along other axes as spacing and start."""
    for axis, known in sorted(Additions.of(reader.meta).axes.items()):
        line = known.even_step()
        if axis in others and line is not None and line.step:
            place = size - 1 - others.index(axis)
            spacing[place], origin[place] = line.step, line.start
        else:
            context.loss(f"positions along axis {axis}", "MetaImage holds only even steps")


def _lines(header: MetaHeader | None, fields: dict[str, Any], *, keep: bool) -> list[str]:
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


def _tell_losses(reader: Reader, header: MetaHeader | None, kept: bool, context: Context) -> None:
    tell_unheld(reader.meta, context, "MetaImage", own_source=header is not None)
    if reader.meta.is_seg.is_seg:
        context.loss("that voxels are labels", "MetaImage has no place for it")
    if kept:
        return
    labels = reader.labels
    for label in labels:
        if not label.startswith("spatial") and label not in ("components", "non_spatial"):
            context.loss(f"axis label {label}", "MetaImage is read as non_spatial there")
