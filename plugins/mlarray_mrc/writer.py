"""Writes MRC2014."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, geometry
from mlarray_core.errors import UnsupportedError
from mlarray_core.meta import is_spatial
from mlarray_io.sdk import contiguous, default_labels, stored_dtype, tell_unheld
from mlarray_mrc.geometry import labels_of, placement_of, spatial_of
from mlarray_mrc.header import (
    MODES,
    STACK_OF_IMAGES,
    STACK_OF_VOLUMES,
    UNKNOWN,
    Header,
    is_unsigned,
    kept_block,
    pack,
    parse,
)

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Context, Reader

_CODES = {np.dtype(code): mode for mode, code in MODES.items()}


def write_mrc(reader: Reader, target: Path, context: Context) -> None:
    """Write an image of two or three spatial axes, or a stack of such images.

    Parameters
    ----------
    reader
        The image.
    target
        Where to.
    context
        Where to report what MRC can't hold.

    Raises
    ------
    UnsupportedError
        MRC has no such type, or not so many axes.
    """
    labels = _labels(reader, target)
    before = kept_block(reader.meta.source)
    block, extended = before or (b"", b"")
    dtype, mode = _stored(reader, block, target, context)
    header = parse(block, 1 << 62, target) if block else None
    unchanged = header is not None and _unchanged(reader, header)
    spatial = sum(map(is_spatial, labels))
    depth = 1 if spatial == 2 else reader.shape[-3]
    sections = int(np.prod(reader.shape[:-2]))
    group = _group(reader, labels, spatial, header)
    placement = None if unchanged else placement_of(reader, labels, context)
    _tell_losses(reader, labels, before is not None, context)
    shape = (sections, *reader.shape[-2:])
    front = bytearray(pack(shape, mode, placement, depth, group, block))
    struct.pack_into("<i", front, 92, len(extended))
    with target.open("wb+") as file:
        file.write(bytes(front) + extended)
        least, most = np.inf, -np.inf
        for box in contiguous(reader.shape, reader.dtype.itemsize, reader.chunks):
            voxels = np.ascontiguousarray(reader[box], dtype.newbyteorder("<"))
            file.write(voxels.reshape(-1).view(np.uint8).data)
            if before is not None and dtype.kind != "c":
                least, most = min(least, float(voxels.min())), max(most, float(voxels.max()))
            context.progress(voxels.nbytes)
        if before is not None:
            _keep_statistics(front, block, least, most)
            file.seek(0)
            file.write(front)


def _labels(reader: Reader, path: Path) -> list[str]:
    """Return the labels: two or three axes of space, after one of a stack where the image says so."""
    said = reader.meta.spatial.axis_labels
    labels = list(said or default_labels(len(reader.shape)))
    spatial = [is_spatial(label) for label in labels]
    stack = said is not None and len(labels) - sum(spatial) == 1 and not spatial[0]
    plain = all(spatial) or said is None
    if 0 in reader.shape or (not (len(labels) in (2, 3) and plain) and not (stack and len(labels) in (3, 4))):
        raise UnsupportedError(
            f"MRC holds two or three axes of space, or a stack of such images; the image has the axes"
            f" {', '.join(labels)} and the shape {reader.shape}",
            path=path,
            hint="Split the image, or write .mla",
        )
    return labels


def _stored(reader: Reader, block: bytes, path: Path, context: Context) -> tuple[np.dtype[Any], int]:
    """Return type and mode; a source by IMOD has unsigned bytes, which MRC2014 lacks."""
    if reader.dtype == np.uint8 and block and is_unsigned(block, "<"):
        return np.dtype("u1"), 0
    dtype = stored_dtype(reader.dtype, _CODES, "MRC", path, context)
    return dtype, _CODES[dtype]


def _unchanged(reader: Reader, header: Header) -> bool:
    """Say whether voxels still are where the source's header puts them."""
    if header.shape != tuple(reader.shape) or labels_of(header) != reader.labels:
        return False
    old, new = spatial_of(header), reader.meta.spatial
    if old is None or old.axis_units != new.axis_units or new.coord_system is not None:
        return old is None and new.spacing is None and new.affine is None and new.origin is None
    count = sum(map(is_spatial, reader.labels))
    before, now = (geometry.affine_of(one, count) for one in (old, new))
    return bool(np.allclose(before, now, rtol=1e-9, atol=1e-9))


def _group(reader: Reader, labels: list[str], spatial: int, header: Header | None) -> int:
    """Return the space group: a volume, an image or stack of images, a stack of volumes."""
    if header is not None and labels_of(header) == labels:
        return int(header.source["ispg"])
    if len(labels) > 3:
        return STACK_OF_VOLUMES
    return STACK_OF_IMAGES if spatial == 2 else int(reader.shape[0] > 1)


def _keep_statistics(front: bytearray, block: bytes, least: float, most: float) -> None:
    """Put the source's statistics back where the voxels have its minimum and maximum."""
    low, high = struct.unpack_from("<2f", block, 76)
    undetermined = struct.unpack_from("<3f", block, 76) == UNKNOWN
    if undetermined or (np.float32(least), np.float32(most)) == (np.float32(low), np.float32(high)):
        front[76:88], front[216:220] = block[76:88], block[216:220]


def _tell_losses(reader: Reader, labels: list[str], own: bool, context: Context) -> None:
    tell_unheld(reader.meta, context, "MRC", own_source=own)
    if reader.meta.is_seg.is_seg:
        context.loss("that voxels are labels", "MRC has no place for it")
    if not is_spatial(labels[0]) and labels[0] != "non_spatial":
        context.loss(f"axis label {labels[0]}", "MRC has stacks only")
    for axis, known in Additions.of(reader.meta).axes.items():
        if known.values:
            context.loss(f"positions along axis {axis}", "MRC has stacks only")
