"""Parts of an image's affine: which of them are stored, and which follow from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mlarray_core import geometry
from mlarray_core.errors import MetadataError

if TYPE_CHECKING:
    from mlarray_core.meta import MetaSpatial

    Matrix = np.ndarray[Any, np.dtype[np.float64]]

Part = Literal["spacing", "origin", "direction"]


def part(spatial: MetaSpatial, name: Part) -> Any:
    """Return a stored part as it is, to be edited in place, or derive it from the affine, to be read."""
    if spatial.affine is None:
        return getattr(spatial, name)
    from mlarray_core.meta.frozen import frozen

    return frozen(getattr(geometry.decompose(spatial.affine), name))


def set_part(spatial: MetaSpatial, name: Part, value: object) -> None:
    """Store a part.

    Parameters
    ----------
    spatial
        Where to.
    name
        Of the part.
    value
        Anything that the schema takes; None to unset it.

    Raises
    ------
    MetadataError
        An affine is stored, which holds the part already, or the value is refused (a ValueError).
    """
    if spatial.affine is not None and value is not None:
        raise MetadataError(
            "the image stores an affine, which holds this already",
            field=f"spatial.{name}",
            hint="Set affine, or set meta.spatial.affine to None first",
        )
    setattr(spatial, name, value)


def scale_of(affine: Matrix) -> Matrix:
    """Return the norms of an affine's columns."""
    scale: Matrix = np.linalg.norm(affine[:-1, :-1], axis=0)
    return scale


def rotation_of(affine: Matrix) -> Matrix:
    """Return an affine's matrix divided by its scale."""
    rotation: Matrix = affine[:-1, :-1] / scale_of(affine)
    return rotation


def shear_of(affine: Matrix) -> Matrix:
    """Return the rotation transposed times an affine's matrix, rows divided by scale."""
    shear: Matrix = rotation_of(affine).T @ affine[:-1, :-1] / scale_of(affine)[:, None]
    return shear
