"""Coarser levels that the source of an image brings along, taken over as they are."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mlarray_core.chunks.grid import Grid
from mlarray_core.container.frame_writer import FrameWriter
from mlarray_core.container.level_index import name_of
from mlarray_core.container.open import open_contents
from mlarray_core.layout.plan import note_layout, plan_layout
from mlarray_core.levels.store import COMPRESSION, attach, drop, meta_at
from mlarray_core.metadata import generations

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlarray_core.levels.overlay import Fit
    from mlarray_core.meta import Meta

Array = np.ndarray[Any, Any]
METHOD = "source"
"""What the index says of how the values of such levels were made."""


class Coarse(Protocol):
    """A coarser version, not yet read."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of each axis."""


class Cut(Protocol):
    """What gives the voxels of a coarser version."""

    def __call__(self, one: Any, grid: Grid, /) -> Iterator[tuple[int, Array]]:
        """Yield number and voxels of each chunk of a grid."""


def take(path: Path, offered: Sequence[tuple[Coarse, Fit]], cut: Cut, threads: int = 1) -> None:
    """Put coarser versions from elsewhere behind the frame of a file that nobody else uses yet.

    Parameters
    ----------
    path
        Of a whole, sealed file; levels that it has are replaced.
    offered
        At least one coarser version, finest first, of the file's dtype, and how each lies over the image.
    cut
        Gives the voxels of one of them.
    threads
        How many.
    """
    drop(path)
    contents = open_contents(str(path), "none")
    files = []
    with tempfile.TemporaryDirectory(dir=path.parent) as spool:
        for number, (one, place) in enumerate(offered, 1):
            files.append(Path(spool) / name_of(number))
            meta = meta_at(contents.meta(), one.shape, place)
            _write(files[-1], one, meta, contents.grid.dtype, cut, threads)
        attach(path, contents, files, METHOD, [place.factors for _, place in offered])


def _write(path: Path, one: Coarse, meta: Meta, dtype: np.dtype[Any], cut: Cut, threads: int) -> None:
    plan = plan_layout(meta, one.shape, dtype, cparams=COMPRESSION)
    grid = Grid(one.shape, plan.chunks, plan.blocks, dtype)
    note_layout(meta, plan, None)
    with path.open("w+b") as file:
        writer = FrameWriter(file, grid, plan.cparams)
        writer.put_all(cut(one, grid), threads)
        writer.finish(generations.encode(meta))
