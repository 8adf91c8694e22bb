"""An image in the order of a TIFF file, in pieces that fit memory; coarser levels on the way."""

from __future__ import annotations

import itertools
import math
import tempfile
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlarray_io import Context, Reader
    from mlarray_tiff.plan import Plan

Array = np.ndarray[Any, Any]
Piece = tuple[int, int, Array]
"""Number of the plane, its first row, and rows: (rows, columns, interleaved samples)."""

BUDGET = 48 << 20
"""Bytes that are read at once, where one row of tiles isn't more."""


def image_pieces(
    reader: Reader, plan: Plan, band: int, dtype: np.dtype[Any], context: Context
) -> Iterator[Piece]:
    """Yield an image plane by plane, in whole planes or bands of a multiple of `band` rows (0: whole planes)."""
    height, steps = _block(plan, band, dtype.itemsize, reader.chunks)
    outer = [range(0, one.size, step) for one, step in zip(plan.outer, steps, strict=True)]
    number = 0
    for starts in itertools.product(*outer):
        ends = [min(at + step, one.size) for at, step, one in zip(starts, steps, plan.outer, strict=True)]
        count = 1
        for row in range(0, plan.rows, height):
            stop = min(row + height, plan.rows)
            planes = _read(reader, plan, list(zip(starts, ends, strict=True)), row, stop).astype(
                dtype, copy=False
            )
            count = len(planes)
            yield from _emit(planes, number, row, height >= plan.rows)
            context.progress(planes.nbytes)
        number += count


def _emit(planes: Array, number: int, row: int, whole: bool) -> Iterator[Piece]:
    """Yield planes one after the other; a band has one plane, or one for each separate sample."""
    for index, plane in enumerate(planes):
        yield number + index, row, plane
    assert whole or len(planes) == 1


def _block(plan: Plan, band: int, itemsize: int, chunks: tuple[int, ...] | None) -> tuple[int, list[int]]:
    """Return how many rows, and how far along each outer axis, are read at once."""
    line = plan.columns * plan.sample_count * itemsize
    steps = [1] * len(plan.outer)
    plane = line * plan.rows
    separate = plan.planar and plan.sample_count > 1
    if band and not separate and plane > BUDGET:
        rows = max(band, BUDGET // line // band * band)
        return min(rows, plan.rows), steps
    room = max(1, BUDGET // plane)
    for at in reversed(range(len(plan.outer))):
        steps[at] = min(plan.outer[at].size, room)
        if steps[at] < plan.outer[at].size:
            steps[at] = _whole_chunks(steps[at], plan.outer[at].axis, chunks)
            break
        room = max(1, room // steps[at])
    return plan.rows, steps


def _whole_chunks(step: int, axis: int, chunks: tuple[int, ...] | None) -> int:
    """Round down to whole chunks of the source, so that none is read twice."""
    own = 1 if chunks is None else chunks[axis]
    return step // own * own if step >= own else step


def _read(reader: Reader, plan: Plan, outer: list[tuple[int, int]], row: int, stop: int) -> Array:
    """Return (planes, rows, columns, interleaved samples) of some pages; separate samples are planes."""
    box = [slice(0, size) for size in plan.shape]
    for one, (start, end) in zip(plan.outer, outer, strict=True):
        box[one.axis] = slice(start, end)
    if plan.row is not None:
        box[plan.row] = slice(row, stop)
    order = [one.axis for one in plan.outer]
    plane = [axis for axis in (plan.row, plan.column) if axis is not None]
    samples = [] if plan.samples is None else [plan.samples]
    order += samples + plane if plan.planar else plane + samples
    voxels = reader[tuple(box)].transpose(order)
    inner = 1 if plan.planar or plan.samples is None else plan.sample_count
    return np.ascontiguousarray(voxels).reshape(-1, stop - row, plan.columns, inner)


class Scratch:
    """One coarser level on disk while the finer one is written. The file has no name, so nothing is left.

    Parameters
    ----------
    folder
        Where.
    shape
        Planes, rows, columns, interleaved samples.
    dtype
        Of the voxels.
    nearest
        Take one voxel of four instead of their mean: labels and indices have no mean.
    """

    def __init__(
        self, folder: Path, shape: tuple[int, int, int, int], dtype: np.dtype[Any], nearest: bool
    ) -> None:
        self.shape, self.dtype, self._nearest = shape, dtype, nearest
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._line = math.prod(shape[2:]) * dtype.itemsize

    def add(self, piece: Piece) -> None:
        """Take a piece of the finer level, which begins at an even row."""
        plane, row, voxels = piece
        halved = halve(voxels, nearest=self._nearest)[: self.shape[1] - row // 2]
        self._file.seek((plane * self.shape[1] + row // 2) * self._line)
        self._file.write(np.ascontiguousarray(halved).tobytes())

    def pieces(self, band: int) -> Iterator[Piece]:
        """Yield the level, as `image_pieces` does."""
        height = self.shape[1]
        if band:
            height = min(height, max(band, BUDGET // self._line // band * band))
        for plane in range(self.shape[0]):
            for row in range(0, self.shape[1], height):
                stop = min(row + height, self.shape[1])
                self._file.seek((plane * self.shape[1] + row) * self._line)
                voxels = np.frombuffer(self._file.read((stop - row) * self._line), self.dtype)
                yield plane, row, voxels.reshape(stop - row, *self.shape[2:])

    def close(self) -> None:
        """Give the space back."""
        self._file.close()


def halve(voxels: Array, *, nearest: bool) -> Array:
    """Return rows and columns halved (an odd last one is dropped): the mean of four voxels, or one of them."""
    rows, columns = max(1, len(voxels) // 2), max(1, voxels.shape[1] // 2)
    tall, wide = min(2, len(voxels)), min(2, voxels.shape[1])
    if nearest or voxels.dtype.kind not in "iuf":
        return voxels[: rows * tall : tall, : columns * wide : wide]
    grouped = voxels[: rows * tall, : columns * wide].reshape(rows, tall, columns, wide, voxels.shape[2])
    mean = grouped.mean(axis=(1, 3), dtype=np.float32 if voxels.dtype.itemsize < 4 else np.float64)
    return (np.rint(mean) if voxels.dtype.kind in "iu" else mean).astype(voxels.dtype)


def tiles(pieces: Iterator[Piece], side: int, coarser: Scratch | None) -> Iterator[Array]:
    """Cut pieces into tiles, row by row; interleaved samples stay, a single one goes."""
    for piece in pieces:
        if coarser is not None:
            coarser.add(piece)
        voxels = piece[2] if piece[2].shape[2] > 1 else piece[2][:, :, 0]
        for row in range(0, voxels.shape[0], side):
            for column in range(0, voxels.shape[1], side):
                yield np.ascontiguousarray(voxels[row : row + side, column : column + side])


def planes(pieces: Iterator[Piece], coarser: Scratch | None) -> Iterator[Array]:
    """Yield whole planes, for a file without tiles."""
    for piece in pieces:
        if coarser is not None:
            coarser.add(piece)
        yield piece[2] if piece[2].shape[2] > 1 else piece[2][:, :, 0]
