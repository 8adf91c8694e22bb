"""Opens a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.headers import plain
from mlarray_io import Box, Context, Reader
from mlarray_io.sdk import bare_meta
from mlarray_mrc.geometry import labels_of, spatial_of
from mlarray_mrc.header import LARGEST_EXTENSION, SIZE, Header, parse

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import Meta
    from mlarray_mrc.options import MrcOptions


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
    """Open a file.

    Parameters
    ----------
    path
        The file.
    options
        What it doesn't say.
    context
        Sets the limit of memory; where to report that an extended header isn't kept.

    Raises
    ------
    CorruptError
        Its header makes no sense or describes more than the file holds.
    """
    with path.open("rb") as file:
        header = parse(file.read(SIZE), path.stat().st_size, path)
        context.allow(header.nbytes, path)
        extended = header.offset - SIZE
        source = dict(header.source)
        if extended > LARGEST_EXTENSION:
            context.warn(f"{path}: its extended header of {extended:,} bytes isn't kept")
        elif extended:
            source["extended"] = plain(file.read(extended))
    labels = labels_of(header)
    meta = bare_meta(options, len(labels), labels=labels, source=source, spatial=spatial_of(header))
    return MrcReader(path, header, meta)
