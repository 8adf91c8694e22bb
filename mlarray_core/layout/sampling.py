"""Trying compressions on a sample of an image: for the profile ``auto``, and for labels by default."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mlarray_core.chunks import codec
from mlarray_core.chunks.grid import Grid
from mlarray_core.chunks.params import blosc2_params
from mlarray_core.layout import shapes as layout
from mlarray_core.processors import threads_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_core.chunks.grid import Box

SAMPLES = 12
"""How many chunks, or blocks, are tried, spread evenly over the image."""
LOOKED_AT = 4 * SAMPLES
"""How many blocks are looked at to find those that hold anything but air."""
LABEL_LIKE = 0.75
"""The part of a sample's voxels that equal the next one, from which on it may be of labels, not of a scan."""


class Voxels(Protocol):
    """Whatever returns the voxels of a box: an array, or a reader of any format."""

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]: ...


def best_compression(voxels: Voxels, grid: Grid, *, picture: bool) -> dict[str, object]:
    """Return the compression parameters that suit the voxels, see `layout.choose`.

    Only sizes decide, never times: the same voxels give the same file on any machine.

    Parameters
    ----------
    voxels
        The array, or what reads it by boxes.
    grid
        How it is cut.
    picture
        Whether the values are samples of a colour picture.
    """
    tried = layout.candidates(grid.dtype.itemsize, picture=picture)
    threads = threads_for(voxels.nbytes) if isinstance(voxels, np.ndarray) else 1
    numbers = _spread(grid.nchunks)

    def encoded(number: int) -> list[int]:
        """Return the sizes of one chunk; none of a single value, from which there is nothing to learn."""
        part = voxels[grid.box(number)].astype(grid.dtype, copy=False)
        if not part.size or (part == part.flat[0]).all():
            return []
        return [len(codec.encode(part, grid, blosc2_params(params))) for params in tried.values()]

    if threads > 1:
        codec.share_lock()
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(encoded, numbers))
    else:
        found = list(map(encoded, numbers))
    sums = [sum(column) for column in zip(*filter(None, found), strict=True)]
    return tried[layout.choose(dict(zip(tried, sums, strict=True)))] if any(sums) else tried["default"]


def label_compression(array: np.ndarray[Any, Any], grid: Grid, *, known: bool) -> dict[str, object] | None:
    """Return the compression of labels that suits an array, None where the default is as good.

    The highest level finds more in what repeats. Size decides whether bytes are shuffled: labels of a few
    large organs are smaller so, those of many small regions as they are. What is smaller reads no slower.

    Parameters
    ----------
    array
        The voxels.
    grid
        How they are cut.
    known
        Whether they are known to be labels. Others are treated as such where neighbours are equal and the
        sample becomes much smaller than by the default, which is faster to write.
    """
    tried = layout.label_candidates(grid.dtype.itemsize)
    if known and len(tried) == 1:
        return tried["plain"]
    blocks = Grid(grid.shape, grid.blocks, grid.blocks, grid.dtype)
    parts = list(_filled(array, blocks)) if array.size and array.dtype.kind in "biuf" else []
    alike = [(part[..., 1:] == part[..., :-1]).mean() for part in parts if part.shape[-1] > 1]
    if not alike or (not known and sum(alike) < LABEL_LIKE * len(alike)):
        return None
    if not known:
        tried["default"] = layout.compression(grid.dtype.itemsize)
    sizes = {
        name: sum(len(codec.encode(part, blocks, blosc2_params(params))) for part in parts)
        for name, params in tried.items()
    }
    chosen = layout.choose_labels(sizes)
    return None if chosen == "default" else tried[chosen]


def _filled(array: np.ndarray[Any, Any], blocks: Grid) -> Iterator[np.ndarray[Any, Any]]:
    """Yield some blocks that hold more than one value, a sixteenth of the image at most."""
    wanted = min(SAMPLES, blocks.nchunks // 16)
    for turn in range(LOOKED_AT if wanted else 0):
        place = (turn + 0.5) * 0.6180339887498949 % 1  # the golden section: spread, and never in a row
        part = array[blocks.box(int(place * blocks.nchunks))]
        if (part != part.flat[0]).any():
            yield part
            wanted -= 1
        if not wanted:
            return


def _spread(count: int) -> list[int]:
    """Return numbers of chunks in order, so that a source which is read forwards is read once."""
    return sorted({(2 * i + 1) * count // (2 * SAMPLES) for i in range(SAMPLES)}) if count else []
