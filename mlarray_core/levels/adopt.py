"""Coarser levels that the source of an image brings along, taken over as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mlarray_core.container.image_writer import ImageWriter, plan_image
from mlarray_core.container.level_index import name_of
from mlarray_core.container.open import open_contents
from mlarray_core.disk import spool_beside
from mlarray_core.levels.store import REQUEST, attach, drop, meta_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlarray_core.chunks.grid import Grid
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


def take(path: Path, meta: Meta, offered: Sequence[tuple[Coarse, Fit]], cut: Cut, threads: int = 1) -> None:
    """Put coarser versions from elsewhere behind the frame of a file that nobody else uses yet.

    Parameters
    ----------
    path
        Of a whole, sealed file; levels that it has are replaced.
    meta
        Of its image.
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
    with spool_beside(path) as spool:
        for number, (one, place) in enumerate(offered, 1):
            files.append(spool / name_of(number))
            coarse = meta_at(meta, one.shape, place)
            _write(files[-1], one, coarse, contents.grid.dtype, cut, threads)
        attach(path, contents, files, METHOD, [place.factors for _, place in offered])


def _write(path: Path, one: Coarse, meta: Meta, dtype: np.dtype[Any], cut: Cut, threads: int) -> None:
    with path.open("w+b") as file:
        writer = ImageWriter(file, plan_image(meta, one.shape, dtype, REQUEST), meta)
        writer.put_all(cut(one, writer.grid), threads)
        writer.finish()
