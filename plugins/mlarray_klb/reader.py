"""Opens a KLB with pyklb. Runs in the other process."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyklb

from mlarray_core import Additions, AxisValues, Meta, geometry
from mlarray_core.errors import CorruptError, LimitError
from mlarray_core.headers import plain
from mlarray_io import Reader
from mlarray_io.sdk import explained, spatial_labels
from mlarray_klb.header import HEADER, parsed

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Box, Context
    from mlarray_klb.header import KlbHeader

    Voxels = np.ndarray[Any, np.dtype[Any]]

LARGEST_BLOCK = 1 << 30
"""Bytes of a block, unpacked: the format is made for some hundred kB."""
_SPACE = 3


class KlbReader(Reader):
    """One open image.

    Parameters
    ----------
    path
        The file.
    header
        Its header.
    meta
        Its metadata.
    threads
        To unpack with.
    """

    def __init__(self, path: Path, header: KlbHeader, meta: Meta, threads: int) -> None:
        self._path, self.meta, self._threads = str(path), meta, threads
        self._outer = _outer(header)
        self.shape, self.chunks = header.sizes[self._outer :], header.blocks[self._outer :]
        self.dtype = np.dtype(header.dtype)

    def __getitem__(self, box: Box, /) -> Voxels:
        shape = [part.stop - part.start for part in box]
        if 0 in shape:
            return np.empty(shape, self.dtype)
        least = [0] * self._outer + [part.start for part in box]
        most = [0] * self._outer + [part.stop - 1 for part in box]
        with explained():
            found: Voxels = pyklb.readroi(self._path, least, most, numthreads=self._threads)
        return np.asarray(found, self.dtype).reshape(shape)


def open_klb(path: Path, context: Context) -> Reader:
    """Open an image.

    Parameters
    ----------
    path
        The file.
    context
        Limits to keep, and where warnings go.

    Raises
    ------
    CorruptError
        The header makes no sense, or its table of blocks is longer than the file.
    LimitError
        The image is larger than the host allows, or its blocks than any that are meant.
    """
    with path.open("rb") as file:
        header = parsed(file.read(HEADER.size))
    if header is None:
        raise CorruptError("its header makes no sense", path=path, hint="Was it copied whole?")
    if header.table > path.stat().st_size:
        raise CorruptError(
            f"its table of blocks has {header.table:,} bytes, the file {path.stat().st_size:,}",
            path=path,
            hint="Was it copied whole?",
        )
    itemsize = np.dtype(header.dtype).itemsize
    if math.prod(header.blocks) * itemsize > LARGEST_BLOCK:
        raise LimitError(f"its blocks of {header.blocks} voxels are over {LARGEST_BLOCK:,} bytes", path=path)
    context.allow(math.prod(header.sizes) * itemsize, path)
    return KlbReader(path, header, _meta(header), context.threads)


def _outer(header: KlbHeader) -> int:
    """Return how many of time and channel are left out: those of length one, as pyklb does."""
    times, channels = header.sizes[:2]
    return 0 if times > 1 else 1 if channels > 1 else 2


def _meta(header: KlbHeader) -> Meta:
    outer = _outer(header)
    labels = spatial_labels(_SPACE, *("temporal", "channel")[outer:])
    units = [*("s", "")[outer:], *["um"] * _SPACE]
    steps = header.spacing[-_SPACE:]
    told = all(step > 0 for step in steps)
    spatial = geometry.spatial_meta(
        None, axis_labels=labels, axis_units=units, spacing=list(steps) if told else None
    )
    fields = {"compression": header.compression, "block": list(header.blocks), "metadata": header.metadata}
    meta = Meta(source=plain({**fields, "spacing": list(header.spacing)}), spatial=spatial)
    if outer == 0 and header.spacing[0] > 0:
        times = [index * header.spacing[0] for index in range(header.sizes[0])]
        Additions(axes={0: AxisValues("time", "s", times)}).store(meta)
    return meta
