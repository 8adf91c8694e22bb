"""Opens a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_io import Box, Context, Reader
from mlarray_io.sdk import bare_meta
from mlarray_mrc.header import SIZE, Header, parse

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import Meta
    from mlarray_mrc.options import MrcOptions

LABELS = ["spatial_z", "spatial_y", "spatial_x"]
UNIT = "Å"


class MrcReader(Reader):
    """A map, stored plain behind its header.

    Parameters
    ----------
    path
        Of the file.
    header
        Its header.
    meta
        The metadata.
    """

    def __init__(self, path: Path, header: Header, meta: Meta) -> None:
        self._path, self._header = path, header
        self.shape, self.dtype, self.meta = header.shape, header.dtype.newbyteorder("="), meta

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        # mapped anew each time: pages of a mapping that stays count as this process's memory
        voxels = np.memmap(self._path, self._header.dtype, "r", self._header.offset, self.shape)
        return np.array(voxels[box], self.dtype, order="C")


def open_mrc(path: Path, options: MrcOptions, context: Context) -> MrcReader:
    """Open the file at `path`.

    Raises
    ------
    CorruptError
        Its header makes no sense or describes more than the file holds.
    """
    with path.open("rb") as file:
        header = parse(file.read(SIZE), path.stat().st_size, path)
    context.allow(header.nbytes, path)
    spatial = None
    if header.spacing is not None:
        affine = None
        if header.straight:
            affine = np.zeros((4, 4))
            affine[[2, 1, 0], [0, 1, 2]] = header.spacing
            affine[:, 3] = [*header.origin, 1]
        spatial = geometry.spatial_meta(
            affine,
            axis_labels=LABELS,
            axis_units=[UNIT] * 3,
            spacing=None if header.straight else header.spacing,
        )
    meta = bare_meta(
        options, 3, labels=LABELS, source={**header.source, "origin": list(header.origin)}, spatial=spatial
    )
    return MrcReader(path, header, meta)
