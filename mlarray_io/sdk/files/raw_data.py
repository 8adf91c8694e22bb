"""Voxels that lie in a file as they lie in memory: any box of them, and all of them in the file's order."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError
from mlarray_core.rescale import apply_rescale, dtype_after
from mlarray_io.sdk.format import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlarray_core import Meta, Rescale
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.files.streams import Bytes
    from mlarray_io.sdk.format import Box


@dataclass(frozen=True)
class RawData:
    """How voxels lie in a file.

    Parameters
    ----------
    shape
        Size of each axis, slowest first.
    dtype
        Their type, in the file's byte order.
    offset
        Where the first one begins.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int = 0

    @property
    def nbytes(self) -> int:
        """Bytes of all voxels."""
        return math.prod(self.shape) * self.dtype.itemsize

    def runs(self, box: Box) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield the place of each contiguous run of a box in the file, and its index in the box's array."""
        split = len(box) - 1
        while split > 0 and (box[split].start, box[split].stop) == (0, self.shape[split]):
            split -= 1
        strides = [math.prod(self.shape[axis + 1 :]) * self.dtype.itemsize for axis in range(len(box))]
        for outer in itertools.product(*(range(part.start, part.stop) for part in box[:split])):
            starts = [*outer, box[split].start]
            index = tuple(at - part.start for at, part in zip(outer, box[:split], strict=True))
            yield self.offset + sum(map(math.prod, zip(starts, strides, strict=False))), index


class RawReader(Reader):
    """One open image whose voxels lie in a file as in memory. Compressed ones are read forwards, in planes.

    Parameters
    ----------
    file
        Where the voxels are.
    raw
        How they lie there.
    meta
        The metadata.
    plane
        How many axes, the last ones, make a plane.
    rescale
        Slope and intercept; None, or one that isn't applied, leaves stored values.
    """

    def __init__(
        self, file: Bytes, raw: RawData, meta: Meta, plane: int = 2, rescale: Rescale | None = None
    ) -> None:
        self._file, self._raw = file, raw
        self._rescale = rescale if rescale is not None and rescale.applied else None
        self.shape, self.dtype, self.meta = raw.shape, dtype_after(raw.dtype, rescale), meta
        if file.forward:
            self.chunks = (*(1 for _ in self.shape[:-plane]), *self.shape[-plane:])

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        voxels = self._stored(box)
        if self._rescale is None:
            return voxels
        return apply_rescale(voxels, self._rescale.slope, self._rescale.intercept, self.dtype)

    def _stored(self, box: Box) -> np.ndarray[Any, Any]:
        """Return stored values, in native byte order."""
        return read_box(self._file, self._raw, box)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def check_size(raw: RawData, file: Bytes, context: Context) -> None:
    """Refuse a header that describes more than its file can hold, or than the host allows.

    Parameters
    ----------
    raw
        What the header describes.
    file
        Where the voxels are.
    context
        Of the conversion, with the limit.

    Raises
    ------
    CorruptError
        The file is too small, or, when compressed, could not even hold that much at the best.
    LimitError
        It is over the host's limit.
    """
    end = raw.offset + raw.nbytes
    if end > file.limit:
        room = "at most " if file.forward else ""
        raise CorruptError(
            f"its header describes {end:,} bytes, the file holds {room}{file.limit:,}",
            path=file.path,
            hint="Was it copied whole?",
        )
    context.allow(raw.nbytes, file.path)


def tell_rest(file: Bytes, raw: RawData, context: Context, told: str) -> None:
    """Say that bytes follow the voxels, which are left out.

    Parameters
    ----------
    file
        The file of the voxels; what a packed one holds isn't known.
    raw
        How they lie in it.
    context
        Where warnings go.
    told
        What says that they end there.
    """
    rest = 0 if file.forward else file.limit - raw.offset - raw.nbytes
    if rest > 0:
        context.warn(f"{rest:,} bytes of the file follow the voxels that {told}")


def read_box(file: Bytes, raw: RawData, box: Box) -> np.ndarray[Any, Any]:
    """Read a box in native byte order. Reaching the last voxel checks the checksum.

    Parameters
    ----------
    file
        Where the voxels are.
    raw
        How they lie in it.
    box
        Which ones.
    """
    out = np.empty([part.stop - part.start for part in box], raw.dtype)
    if out.size:
        for at, run in raw.runs(box):
            file.read_into(at, memoryview(out[run].reshape(-1).view(np.uint8)))
        if all(part.stop == size for part, size in zip(box, raw.shape, strict=True)):
            file.finish()
    if not raw.dtype.isnative:
        out.byteswap(inplace=True)
    return out.view(raw.dtype.newbyteorder("="))


def file_order(reader: Reader, order: Sequence[int], context: Context) -> Iterator[np.ndarray[Any, Any]]:
    """Yield all voxels in the order of a file, a bounded piece at a time, for writing one after the other.

    Parameters
    ----------
    reader
        The image.
    order
        Its axes as the file holds them, slowest first.
    context
        Where to report progress.
    """
    from mlarray_io.sdk.boxes import contiguous

    shape = tuple(reader.shape[axis] for axis in order)
    chunks = None if reader.chunks is None else tuple(reader.chunks[axis] for axis in order)
    for moved in contiguous(shape, reader.dtype.itemsize, chunks):
        box = list(moved)
        for axis, part in zip(order, moved, strict=True):
            box[axis] = part
        voxels = reader[tuple(box)]
        context.progress(voxels.nbytes)
        yield voxels.transpose(order)
