"""Opens an ISQ or an AIM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import Meta, geometry
from mlarray_core.errors import CorruptError
from mlarray_core.headers import plain
from mlarray_io.sdk import RawReader, check_size, open_bytes, spatial_labels
from mlarray_scanco import aim, isq
from mlarray_scanco.signature import kind_of

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Context

_HEAD = 512


def open_scanco(path: Path, context: Context) -> RawReader:
    """Open an image. Its values are those that are stored: calibrations are kept in the header.

    Parameters
    ----------
    path
        The file.
    context
        Limits to keep, and where warnings go.

    Raises
    ------
    CorruptError
        The header makes no sense, or describes more than the file holds.
    UnsupportedError
        The voxels are packed, or of a type that isn't read.
    LimitError
        It is larger than the host allows.
    """
    file = open_bytes(path, "none")
    try:
        kind = kind_of(file.read(0, _HEAD))
        if kind is None:
            raise CorruptError("doesn't begin as Scanco's files do", path=path)
        image = isq.parse(file, path) if kind == "isq" else aim.parse(file, path, long=kind == "aim030")
        check_size(image.raw, file, context)
        context.warn("the axes of a scanner of samples lead nowhere in a body: the world is unset")
        labels = spatial_labels(3)
        if image.origin is None:
            spatial = geometry.spatial_meta(
                None, axis_labels=labels, axis_units=["mm"] * 3, spacing=image.spacing[::-1]
            )
        else:
            affine = geometry.compose(image.spacing[::-1], image.origin, np.eye(3)[:, ::-1])
            spatial = geometry.spatial_meta(affine, axis_labels=labels, axis_units=["mm"] * 3)
        return RawReader(file, image.raw, Meta(source=plain(image.fields), spatial=spatial))
    except BaseException:
        file.close()
        raise
