"""Where images lie that have spacing, origin and perhaps a direction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_core.errors import CorruptError, MetadataError
from mlarray_core.meta import is_spatial
from mlarray_core.units import factor

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import MetaSpatial
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.format import Reader

_PLACES = ("spatial_x", "spatial_y", "spatial_z")


def spatial_labels(count: int, *others: str) -> list[str]:
    """Return labels of `count` axes of space, slowest first; `others` are slower."""
    return [*others, *reversed(_PLACES[:count])]


def placed(
    columns: np.ndarray[Any, Any],
    origin: np.ndarray[Any, Any],
    labels: list[str],
    path: Path,
) -> MetaSpatial:
    """Return the spatial section of an image whose world is LPS, in millimetres, as ITK has it.

    Parameters
    ----------
    columns
        Steps along the axes of space, one in each column, x first, as the rows are.
    origin
        Centre of the first voxel.
    labels
        Of all axes, slowest first.
    path
        For errors.

    Raises
    ------
    CorruptError
        The numbers make no placement.
    """
    count = len(columns)
    affine = np.eye(count + 1)
    affine[:count, :count], affine[:count, count] = columns[:, ::-1], origin
    units = ["mm" if label.startswith("spatial") else "" for label in labels]
    try:
        if not np.isfinite(affine).all():
            raise CorruptError("expected numbers, got NaN or infinity", path=path, field="spacing or origin")
        return geometry.spatial_meta(affine, axis_labels=labels, axis_units=units, coord_system="LPS")
    except MetadataError as error:
        raise CorruptError(error.message, path=path, field="spacing or direction") from error


def millimetres(reader: Reader, context: Context, title: str) -> float:
    """Return what turns the lengths of an image into millimetres, 1 where they have no one unit of length.

    Parameters
    ----------
    reader
        The image.
    context
        Told of a unit that can't be turned.
    title
        What the target is called.
    """
    units = zip(reader.meta.spatial.axis_units or (), reader.labels, strict=False)
    lengths = {unit for unit, label in units if is_spatial(label)} - {""}
    if not lengths:
        return 1.0
    known = factor(min(lengths), "mm")
    if len(lengths) > 1 or known is None:
        context.loss(f"unit of length {', '.join(sorted(lengths))}", f"{title} knows millimetres only")
        return 1.0
    return known
