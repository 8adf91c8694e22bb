"""Opens an MGH image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import Additions, Meta
from mlarray_io.sdk import RawData, RawReader, check_size, open_bytes
from mlarray_mgh.geometry import positions, spatial_of
from mlarray_mgh.header import DATA, LARGEST_FOOTER, Mgh, parse, to_source
from mlarray_mgh.signature import MGH_TYPES

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Context
    from mlarray_mgh.options import MghOptions


def open_mgh(path: Path, options: MghOptions, context: Context) -> RawReader:
    """Open an image.

    Parameters
    ----------
    path
        The file.
    options
        Whether its placement is wanted.
    context
        Sets the limit of memory.

    Raises
    ------
    CorruptError
        The header makes no sense, or describes more than the file holds.
    LimitError
        It is larger than the host allows.
    """
    file = open_bytes(path)
    try:
        header = parse(file.read(0, DATA), path)
        *sizes, frames = header.sizes()
        shape = (*((frames,) if frames > 1 else ()), *reversed(sizes))
        raw = RawData(shape, np.dtype(">" + MGH_TYPES[header.fields["type"]]), DATA)
        check_size(raw, file, context)
        header = Mgh(header.fields, file.read(DATA + raw.nbytes, LARGEST_FOOTER))
        return RawReader(file, raw, _meta(header, path, placed=options.geometry != "none"))
    except BaseException:
        file.close()
        raise


def _meta(header: Mgh, path: Path, *, placed: bool) -> Meta:
    meta = Meta(source=to_source(header), spatial=spatial_of(header, path, placed=placed))
    Additions(axes=positions(header)).store(meta)
    return meta
