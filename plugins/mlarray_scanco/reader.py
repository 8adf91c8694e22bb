"""Opens an ISQ or an AIM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Meta, geometry
from mlarray_core.errors import CorruptError
from mlarray_core.headers import plain
from mlarray_io.sdk import RawData, RawReader, check_size, open_bytes, spatial_labels, tell_rest
from mlarray_scanco import aim, isq
from mlarray_scanco.cells import CellReader, cells_of
from mlarray_scanco.floats import VaxReader
from mlarray_scanco.runs import Runs
from mlarray_scanco.signature import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_io import Box, Context, Reader
    from mlarray_io.sdk import Bytes
    from mlarray_scanco.image import ScancoImage

_HEAD = 512


class BorderedReader(RawReader):
    """An image of which the file leaves out a border of zeros.

    Parameters
    ----------
    file, raw, meta
        See `RawReader`; without the border.
    border
        Voxels at both ends of each axis.
    """

    def __init__(self, file: Bytes, raw: RawData, meta: Meta, border: Sequence[int]) -> None:
        super().__init__(file, raw, meta)
        self._border = border
        self.shape = tuple(size + 2 * width for size, width in zip(raw.shape, border, strict=True))

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        out = np.zeros([part.stop - part.start for part in box], self.dtype)
        inner, place = [], []
        for part, size, width in zip(box, self._raw.shape, self._border, strict=True):
            start, stop = max(part.start - width, 0), min(part.stop - width, size)
            inner.append(slice(start, stop))
            place.append(slice(start + width - part.start, stop + width - part.start))
        if all(part.start < part.stop for part in inner):
            out[tuple(place)] = super().__getitem__(tuple(inner))
        return out


def open_scanco(path: Path, context: Context) -> Reader:
    """Open an image. Its values are those that are stored: calibrations are kept in the header.

    Parameters
    ----------
    path
        The file.
    context
        Limits to keep, and where warnings go.

    Raises
    ------
    CorruptError
        The header makes no sense, or describes more than the file holds.
    UnsupportedError
        The voxels are of a type that isn't read.
    LimitError
        It is larger than the host allows.
    """
    file = open_bytes(path, "none")
    try:
        kind = kind_of(file.read(0, _HEAD))
        if kind is None:
            raise CorruptError("doesn't begin as Scanco's files do", path=path)
        image = isq.parse(file, path) if kind == "isq" else aim.parse(file, path, long=kind == "aim030")
        context.allow(image.raw.nbytes, path)
        context.warn("the axes of a scanner of samples lead nowhere in a body: the world is unset")
        labels = spatial_labels(3)
        if image.origin is None:
            spatial = geometry.spatial_meta(
                None, axis_labels=labels, axis_units=["mm"] * 3, spacing=image.spacing[::-1]
            )
        else:
            affine = geometry.compose(image.spacing[::-1], image.origin, np.eye(3)[:, ::-1])
            spatial = geometry.spatial_meta(affine, axis_labels=labels, axis_units=["mm"] * 3)
        return _reader(image, file, Meta(source=plain(image.fields), spatial=spatial), context)
    except BaseException:
        file.close()
        raise


def _reader(image: ScancoImage, file: Bytes, meta: Meta, context: Context) -> Reader:
    """Return what reads the voxels as they are packed."""
    raw = image.raw
    stored = _stored(image)
    check_size(stored, file, context)
    tell_rest(file, stored, context, "its header describes")
    if image.packing == "cells":
        return CellReader(file, raw, meta)
    if not image.packing:
        return (VaxReader if image.fields.get("type") == aim.VAX else RawReader)(file, raw, meta)
    inner = RawData(
        tuple(size - 2 * width for size, width in zip(raw.shape, image.border, strict=True)), raw.dtype
    )
    two = image.packing == "runs of two values"
    runs = Runs(file, raw.offset, image.stored, inner.nbytes, two=two)
    return BorderedReader(runs, inner, meta, image.border)


def _stored(image: ScancoImage) -> RawData:
    """Return where the bytes are that the voxels are packed in."""
    if not image.packing:
        return image.raw
    count = cells_of(image.raw).nbytes + 1 if image.packing == "cells" else image.stored
    return RawData((count,), np.dtype("u1"), image.raw.offset)
