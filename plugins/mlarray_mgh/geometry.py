"""Where an MGH header puts its voxels, and what its frames are. Its world is RAS, its units mm and ms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import AxisValues, geometry
from mlarray_core.errors import CorruptError, MetadataError

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import MetaSpatial
    from mlarray_mgh.header import Mgh


def labels_of(header: Mgh) -> list[str]:
    """Return the labels of the axes: frames are time when there is a repetition time."""
    frames = ["temporal" if header.repetition() > 0 else "non_spatial"] if header.sizes()[3] > 1 else []
    return [*frames, "spatial_z", "spatial_y", "spatial_x"]


WAY_OUT = "Read it without placement by -o geometry=none"


def spatial_of(header: Mgh, path: Path, *, placed: bool = True) -> MetaSpatial:
    """Return the spatial section that a header describes.

    Parameters
    ----------
    header
        The header.
    path
        The file, for messages.
    placed
        False to leave out where the voxels are.

    Raises
    ------
    CorruptError
        Its numbers make no placement.
    """
    labels, affine = labels_of(header), header.affine()
    units = ["ms" if label == "temporal" else "mm" if label != "non_spatial" else "" for label in labels]
    if not placed:
        times = ["ms" if label == "temporal" else "" for label in labels]
        return geometry.spatial_meta(None, axis_labels=labels, axis_units=times)
    try:
        if not np.isfinite(affine).all():
            raise CorruptError(
                "expected numbers, got NaN or infinity", path=path, field="delta, Mdc or Pxyz_c", hint=WAY_OUT
            )
        ordered = geometry.to_world(affine[:, [2, 1, 0, 3]], "RAS", "LPS")
        return geometry.spatial_meta(ordered, axis_labels=labels, axis_units=units, coord_system="LPS")
    except MetadataError as error:
        raise CorruptError(error.message, path=path, field="Mdc", hint=WAY_OUT) from error


def positions(header: Mgh) -> dict[int, AxisValues]:
    """Return the times of the frames."""
    if labels_of(header)[0] != "temporal" or not np.isfinite(header.repetition()):
        return {}
    times = [header.repetition() * index for index in range(header.sizes()[3])]
    return {0: AxisValues("time", "ms", times)}
