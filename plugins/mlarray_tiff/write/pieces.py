"""An image in the order of a TIFF file, in pieces that fit memory; coarser levels on the way."""

from __future__ import annotations

import itertools
import math
import tempfile
from contextlib import closing
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np

from mlarray_core import reduce

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlarray_io import Context, Reader
    from mlarray_tiff.write.plan import Plan

Array = np.ndarray[Any, Any]
Piece = tuple[int, int, Array]
"""Number of the plane, its first row, and rows: (rows, columns, interleaved samples)."""

BUDGET = 32 << 20
"""Bytes that are read at once, where one row of tiles isn't more."""


def image_pieces(
    reader: Reader, plan: Plan, band: int, dtype: np.dtype[Any], context: Context, folder: Path
) -> Iterator[Piece]:
    """Yield an image plane by plane, in whole planes or bands of a multiple of `band` rows (0: whole planes).

    Sources whose chunks span several planes are read by whole chunks, through a file in `folder` where those
    planes don't fit the budget: reading plane by plane would decode each chunk once for every plane.

    Parameters
    ----------
    reader
        The image that is written.
    plan
        What was decided about the file.
    band
        Rows; whole planes for 0.
    dtype
        Type of the voxels in the file.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.
    folder
        Where a temporary file may be put.
    """
    steps = _steps(plan, dtype.itemsize, reader.chunks)
    outer = [range(0, one.size, step) for one, step in zip(plan.outer, steps, strict=True)]
    number = 0
    for starts in itertools.product(*outer):
        sizes = zip(starts, steps, plan.outer, strict=True)
        part = [(at, min(at + step, one.size)) for at, step, one in sizes]
        block = _Block(reader, plan, part, dtype, context)
        for plane, row, voxels in block.pieces(band, folder):
            yield number + plane, row, voxels
        number += block.planes


def _steps(plan: Plan, itemsize: int, chunks: tuple[int, ...] | None) -> list[int]:
    """Return how far along each outer axis is read at once: what fits, in whole chunks of the source."""
    steps = [1] * len(plan.outer)
    room = max(1, BUDGET // (plan.columns * plan.rows * plan.sample_count * itemsize))
    for at in reversed(range(len(plan.outer))):
        size, axis = plan.outer[at].size, plan.outer[at].axis
        chunk = 1 if chunks is None else max(1, min(chunks[axis], size))
        steps[at] = size if room >= size else max(chunk, room // chunk * chunk)
        if steps[at] < size:
            break
        room = max(1, room // size)
    return steps


class _Block:
    """Some pages of an image.

    Parameters
    ----------
    part
        Start and end along each outer axis.
    """

    def __init__(
        self, reader: Reader, plan: Plan, part: list[tuple[int, int]], dtype: np.dtype[Any], context: Context
    ) -> None:
        self._reader, self._plan, self._part = reader, plan, part
        self._dtype, self._context = dtype, context
        pages = math.prod(end - start for start, end in part)
        self.planes = pages * (plan.sample_count if plan.planar else 1)
        self._inner = 1 if plan.planar else plan.sample_count
        self._line = self.planes * plan.columns * self._inner * dtype.itemsize

    def pieces(self, band: int, folder: Path) -> Iterator[Piece]:
        """Yield the planes of the block, numbered from 0."""
        plan = self._plan
        if self._line * plan.rows <= BUDGET or (self.planes == 1 and not band):
            for plane, voxels in enumerate(self._rows(0, plan.rows)):
                yield plane, 0, voxels
        elif self.planes == 1:
            for row, stop in self._bands(band):
                yield 0, row, self._rows(row, stop)[0]
        else:
            with closing(
                Scratch(folder, (self.planes, plan.rows, plan.columns, self._inner), self._dtype)
            ) as all_:
                for row, stop in self._bands(band or 16):
                    for plane, voxels in enumerate(self._rows(row, stop)):
                        all_.put(plane, row, voxels)
                yield from all_.pieces(band)

    def _bands(self, band: int) -> Iterator[tuple[int, int]]:
        height = max(band, BUDGET // self._line // band * band)
        for row in range(0, self._plan.rows, height):
            yield row, min(row + height, self._plan.rows)

    def _rows(self, row: int, stop: int) -> Array:
        voxels = _read(self._reader, self._plan, self._part, row, stop).astype(self._dtype, copy=False)
        self._context.progress(voxels.nbytes)
        return voxels


def _read(reader: Reader, plan: Plan, outer: list[tuple[int, int]], row: int, stop: int) -> Array:
    """Return (planes, rows, columns, interleaved samples) of some pages; separate samples are planes."""
    box = [slice(0, size) for size in plan.shape]
    for one, (start, end) in zip(plan.outer, outer, strict=True):
        box[one.axis] = slice(start, end)
    if plan.row is not None:
        box[plan.row] = slice(row, stop)
    voxels = reader[tuple(box)].transpose(plan.order)
    inner = 1 if plan.planar or plan.samples is None else plan.sample_count
    return np.ascontiguousarray(voxels).reshape(-1, stop - row, plan.columns, inner)


class Scratch:
    """Planes on disk for a while: a coarser level while the finer one is written, or a block of pages.

    The file has no name, so nothing is left.

    Parameters
    ----------
    folder
        Where.
    shape
        Planes, rows, columns, interleaved samples.
    dtype
        Of the voxels.
    method
        How voxels of the finer level become one (`mlarray_core.reduce`).
    """

    def __init__(
        self,
        folder: Path,
        shape: tuple[int, int, int, int],
        dtype: np.dtype[Any],
        method: Literal["mean", "mode"] = "mean",
    ) -> None:
        self.shape, self.dtype, self._method = shape, dtype, method
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._line = math.prod(shape[2:]) * dtype.itemsize

    def add(self, piece: Piece) -> None:
        """Take a piece of the finer level, which begins at an even row and ends at one or with the plane."""
        plane, row, voxels = piece
        native = voxels.astype(voxels.dtype.newbyteorder("="), copy=False)
        self.put(plane, row // 2, reduce(native, (2, 2, 1), self._method).astype(self.dtype, copy=False))

    def put(self, plane: int, row: int, voxels: Array) -> None:
        """Keep rows of a plane.

        Parameters
        ----------
        plane
            Number of the plane.
        row
            First row.
        voxels
            The rows.
        """
        self._file.seek((plane * self.shape[1] + row) * self._line)
        self._file.write(np.ascontiguousarray(voxels).data)

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


def tiles(pieces: Iterator[Piece], side: int, coarser: Scratch | None) -> Iterator[Array]:
    """Cut pieces into tiles, row by row; interleaved samples stay, a single one goes.

    Parameters
    ----------
    pieces
        Planes, or bands of whole rows of tiles.
    side
        Of a tile, in pixels.
    coarser
        Where rows are kept for coarser levels, if there are any.
    """
    for piece in pieces:
        if coarser is not None:
            coarser.add(piece)
        voxels = piece[2] if piece[2].shape[2] > 1 else piece[2][:, :, 0]
        for row in range(0, voxels.shape[0], side):
            for column in range(0, voxels.shape[1], side):
                tile = voxels[row : row + side, column : column + side]
                yield _whole(tile, side) if voxels.shape[1] == 1 else np.ascontiguousarray(tile)


def _whole(tile: Array, side: int) -> Array:
    """Return a tile of full size, zeros behind it.

    tifffile 2026.3.3 pads tiles itself, but takes one whose image is one pixel wide for a single row, which
    it then packs (bits) or predicts (differences) the wrong way round.
    """
    around = [(0, side - tile.shape[0]), (0, side - tile.shape[1])] + [(0, 0)] * (tile.ndim - 2)
    return np.pad(tile, around)


def planes(pieces: Iterator[Piece], separate: int, coarser: Scratch | None) -> Iterator[Array]:
    """Yield whole pages, for a file without tiles.

    Parameters
    ----------
    pieces
        Whole planes.
    separate
        How many planes, one for each sample, make a page; 0 when samples are interleaved.
    coarser
        Takes the next level.
    """
    waiting: list[Array] = []
    for piece in pieces:
        if coarser is not None:
            coarser.add(piece)
        voxels = piece[2] if piece[2].shape[2] > 1 else piece[2][:, :, 0]
        if not separate:
            yield voxels
            continue
        waiting.append(voxels)
        if len(waiting) == separate:
            yield np.stack(waiting)
            waiting = []
