"""Diffusion weighting: MRtrix's scheme in scanner coordinates, and BIDS' values and directions.

A line of the scheme is x, y, z and b in s/mm2, of a direction in RAS (MRtrix3 documentation, "Diffusion
gradient scheme"). BIDS' directions are along the axes of the image, fastest first, with the first one
inverted where these are right-handed (BIDS, "Gradient orientation file formats").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_mrtrix.header import GRADIENTS

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import MetaSpatial
    from mlarray_mrtrix.header import MrtrixHeader

    Matrix = np.ndarray[Any, np.dtype[np.float64]]

NAME, UNIT = "b-value", "s/mm2"
FIELDS = frozenset({"bval", "bvec"})
_CLOSE = 1e-6


def scheme_of(header: MrtrixHeader, count: int, path: Path) -> Matrix | None:
    """Return the scheme, a row for each of `count` volumes; None where there is none for them.

    Parameters
    ----------
    header
        The header.
    count
        Number of volumes.
    path
        The file, for errors.

    Raises
    ------
    CorruptError
        A line of it isn't numbers.
    """
    lines = header.lines(GRADIENTS)
    if len(lines) != count:
        return None
    rows = [header.numbers(GRADIENTS, line, path) for line in lines]
    if any(len(row) < 4 for row in rows):
        return None
    scheme = np.array([row[:4] for row in rows])
    return scheme if np.isfinite(scheme).all() else None


def to_bids(scheme: Matrix, spatial: MetaSpatial) -> dict[str, Any]:
    """Return `bval` and `bvec` of a scheme; values alone where the image has no place in a known world."""
    fields: dict[str, Any] = {"bval": [_shortest(value) for value in scheme[:, 3]]}
    axes = _axes(spatial)
    if axes is not None:
        fields["bvec"] = [[float(part) + 0.0 for part in row] for row in (scheme[:, :3] @ axes).T]
    return fields


def from_bids(fields: dict[str, Any], count: int, spatial: MetaSpatial) -> Matrix | None:
    """Return the scheme that `bval` and `bvec` make for `count` volumes; None where they don't.

    Parameters
    ----------
    fields
        Of a BIDS sidecar.
    count
        Number of volumes.
    spatial
        Where the image lies.
    """
    axes = _axes(spatial)
    try:
        values = np.array(fields["bval"], np.float64)
        vectors = np.array(fields["bvec"], np.float64)
    except (KeyError, TypeError, ValueError):
        return None
    if axes is None or values.shape != (count,) or vectors.shape != (3, count):
        return None
    # the axes are at right angles, or nearly: MRtrix has no others
    return np.column_stack([vectors.T @ np.linalg.pinv(axes), values]) + 0.0


def is_same(left: Matrix | None, right: Matrix | None) -> bool:
    """Say whether two schemes are the same to rounding."""
    if left is None or right is None:
        return left is right
    return left.shape == right.shape and bool(np.allclose(left, right, rtol=_CLOSE, atol=_CLOSE))


def _axes(spatial: MetaSpatial) -> Matrix | None:
    """Return what turns a direction of the world into BIDS', a column for each axis, fastest first."""
    world = geometry.normal_world(spatial.coord_system)
    if world is None or spatial.spatial_ndim != 3:
        return None
    affine = geometry.to_world(geometry.affine_of(spatial, 3), world, "RAS")[:3, :3][:, ::-1]
    directions: Matrix = affine / np.linalg.norm(affine, axis=0)
    if np.linalg.det(directions) > 0:
        directions[:, 0] *= -1
    return directions


def _shortest(value: float) -> float:
    return int(value) if float(value).is_integer() else float(value)
