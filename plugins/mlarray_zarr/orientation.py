"""Which way an axis leads through a patient: RFC-4 of OME-Zarr, both ways, and the affine that follows.

Rules: ngff.openmicroscopy.org/rfc/4 ("Axis Anatomical Orientation"). Coordinates along an axis increase
in the direction that its orientation names, so ``right-to-left`` is x of LPS, ``left-to-right`` its negative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_zarr.ngff import Axis, Level, Matrix

WORLD = "LPS"
_WORLD_OF = {
    "right-to-left": (0, 1), "left-to-right": (0, -1), "anterior-to-posterior": (1, 1),
    "posterior-to-anterior": (1, -1), "inferior-to-superior": (2, 1), "superior-to-inferior": (2, -1),
}  # fmt: skip
"""World coordinate of LPS and sign, by the words for a human patient; those for animals say no such thing."""
_NAMES = {place: name for name, place in _WORLD_OF.items()}


def orientation_of(stated: object) -> str:
    """Return the value of an axis' orientation: of an object, or of the bare text that some writers put."""
    value = stated.get("value") if isinstance(stated, dict) else stated
    return value if isinstance(value, str) else ""


def places_of(axes: Sequence[Axis]) -> list[tuple[int, int]] | None:
    """Return world coordinate and sign of each spatial axis, None unless three axes span the world."""
    places = [_WORLD_OF.get(axis.orientation) for axis in axes if axis.kind == "space"]
    known = [place for place in places if place is not None]
    return known if len(places) == 3 and sorted(row for row, _ in known) == [0, 1, 2] else None


def oriented_affine(axes: Sequence[Axis], level: Level) -> Matrix | None:
    """Return the affine in LPS of a level whose axes are oriented, None when they aren't."""
    places = places_of(axes)
    if places is None:
        return None
    affine = np.diag([0.0, 0.0, 0.0, 1.0])
    at = [index for index, axis in enumerate(axes) if axis.kind == "space"]
    for column, (index, (row, sign)) in enumerate(zip(at, places, strict=True)):
        affine[row, column] = sign * level.scale[index]
        affine[row, -1] = sign * level.translation[index]
    return affine


def turned(affine: Matrix, world: str | None) -> Matrix:
    """Return an affine of LPS in another world of the schema, or one of that in LPS."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine if (world or "").startswith("RAS") else affine


def orientations(affine: Matrix, world: str | None) -> list[str] | None:
    """Return the orientation of each spatial axis; None when the image is oblique, or its world no patient's.

    Parameters
    ----------
    affine
        Of three spatial axes.
    world
        That its rows are coordinates of.
    """
    if affine.shape != (4, 4) or (world or "").rstrip("+") not in ("RAS", "LPS"):
        return None
    matrix = turned(affine, world)[:3, :3]
    rows = np.abs(matrix).argmax(axis=0)
    steps = matrix[rows, range(3)]
    rest = matrix.copy()
    rest[rows, range(3)] = 0
    if sorted(rows) != [0, 1, 2] or not np.allclose(rest, 0, atol=1e-6 * np.abs(steps).min()):
        return None
    return [_NAMES[int(row), 1 if step > 0 else -1] for row, step in zip(rows, steps, strict=True)]
