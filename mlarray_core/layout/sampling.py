"""Trying compressions on a sample of an image: what the profile ``auto`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mlarray_core.chunks import codec
from mlarray_core.chunks.params import blosc2_params
from mlarray_core.layout import shapes as layout

if TYPE_CHECKING:
    import numpy as np

    from mlarray_core.chunks.grid import Box, Grid

SAMPLES = 12
"""How many chunks are tried, spread evenly over the image."""


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
    sizes = dict.fromkeys(tried, 0)
    for number in _spread(grid.nchunks):
        part = voxels[grid.box(number)].astype(grid.dtype, copy=False)
        if not part.size or (part == part.flat[0]).all():
            continue  # nothing to learn from the air around a patient
        for name, params in tried.items():
            sizes[name] += len(codec.encode(part, grid, blosc2_params(params)))
    return tried[layout.choose(sizes)] if any(sizes.values()) else tried["default"]


def _spread(count: int) -> list[int]:
    """Return numbers of chunks in order, so that a source which is read forwards is read once."""
    return sorted({(2 * i + 1) * count // (2 * SAMPLES) for i in range(SAMPLES)}) if count else []
