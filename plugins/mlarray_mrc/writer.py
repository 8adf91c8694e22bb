"""Writes MRC2014."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import geometry
from mlarray_core.errors import UnsupportedError
from mlarray_io.sdk import contiguous, default_labels
from mlarray_mrc.header import MODES, pack

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Context, Reader

_ANGSTROMS = {"Å": 1.0, "nm": 10.0, "um": 1e4, "mm": 1e7}


def write_mrc(reader: Reader, target: Path, context: Context) -> None:
    """Write an image of two or three spatial axes.

    Parameters
    ----------
    reader
        The image.
    target
        Where to.
    context
        Is told what MRC can't hold.

    Raises
    ------
    UnsupportedError
        MRC has no such type, or not so many axes.
    """
    modes = {np.dtype(code): mode for mode, code in MODES.items()}
    labels = list(reader.meta.spatial.axis_labels or default_labels(len(reader.shape)))
    if reader.dtype not in modes:
        names = ", ".join(kind.name for kind in modes)
        raise UnsupportedError(f"MRC holds {names}, the image is {reader.dtype.name}", path=target)
    if len(labels) not in (2, 3) or 0 in reader.shape:
        raise UnsupportedError(f"MRC holds three axes, the image is {reader.shape}", path=target)
    shape = (1,) * (3 - len(labels)) + reader.shape
    spacing, origin = _place(reader, labels, context)
    volume = shape[0] > 1
    with target.open("wb") as file:
        file.write(pack(shape, modes[reader.dtype], spacing, origin, volume=volume))
        for box in contiguous(reader.shape, reader.dtype.itemsize, reader.chunks):
            voxels = np.ascontiguousarray(reader[box], reader.dtype.newbyteorder("<"))
            file.write(voxels.reshape(-1).view(np.uint8).data)
            context.progress(voxels.nbytes)


def _place(
    reader: Reader, labels: list[str], context: Context
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return spacing and origin in angstroms; MRC knows neither direction nor a world of the body."""
    spatial = reader.meta.spatial
    count = len(geometry.spatial_axes(labels, len(labels)))
    if spatial.coord_system is not None:
        context.loss("coord_system", "MRC knows no world of the body")
    if count != len(labels):
        context.loss("labels of the axes", "MRC holds three axes of space")
        return (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
    units = {unit for unit in spatial.axis_units or [] if unit}
    factor = _ANGSTROMS.get(units.pop(), 1.0) if len(units) == 1 else 1.0
    affine = geometry.affine_of(spatial, count)
    steps, start, _ = geometry.decompose(affine)
    if spatial.direction is not None or spatial.affine is not None:
        straight = np.diag(steps)[::-1]
        if not np.allclose(affine[:-1, :-1], straight, rtol=1e-6, atol=1e-9):
            context.loss("direction of the axes", "MRC holds only upright ones")
    spacing = [1.0] * (3 - count) + [step * factor for step in steps]
    origin = [value * factor for value in start] + [0.0] * (3 - count)
    return tuple(spacing), tuple(origin)
