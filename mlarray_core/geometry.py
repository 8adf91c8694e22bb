"""Affine, spacing, origin, direction, worlds and orientations. Pure functions on small matrices.

One convention everywhere: columns of an affine follow the spatial axes in array order (slowest first), rows
are world x, y, z, the last column is the world position of the centre of voxel 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from mlarray_core.errors import ArgumentError, MetadataError
from mlarray_core.meta import MetaSpatial, is_spatial

if TYPE_CHECKING:
    from collections.abc import Sequence

Matrix = npt.NDArray[np.float64]

SHEAR_TOLERANCE = 1e-4
"""Largest cosine between two axes that still counts as a right angle (ITK's NIfTI reader): headers round."""

_WORLDS = {
    "ras": "RAS",
    "rast": "RAS",
    "right-anterior-superior": "RAS",
    "lps": "LPS",
    "lpst": "LPS",
    "left-posterior-superior": "LPS",
    "las": "LAS",
    "last": "LAS",
    "left-anterior-superior": "LAS",
}
_LETTERS = ("RL", "AP", "SI")


def compose(spacing: npt.ArrayLike, origin: npt.ArrayLike, direction: npt.ArrayLike) -> Matrix:
    """Return the affine of n spatial axes.

    Parameters
    ----------
    spacing
        n distances, in array order.
    origin
        n world coordinates.
    direction
        n x n matrix, column i the direction of axis i.

    Returns
    -------
    numpy.ndarray
        (n + 1) x (n + 1) float64 matrix ``[[direction @ diag(spacing), origin], [0, 1]]``.
    """
    steps = np.asarray(spacing, dtype=np.float64)
    affine = np.eye(len(steps) + 1)
    affine[:-1, :-1] = np.asarray(direction, dtype=np.float64) * steps
    affine[:-1, -1] = origin
    return affine


PartName = Literal["spacing", "origin", "direction"]


class Parts(NamedTuple):
    """What an affine is made of."""

    spacing: list[float]
    """Norms of the columns."""
    origin: list[float]
    """The last column."""
    direction: list[list[float]]
    """Columns of norm one; they carry the shear, if there is any."""


def decompose(affine: npt.ArrayLike) -> Parts:
    """Return spacing, origin and direction, such that `compose` gives the affine back to rounding.

    Parameters
    ----------
    affine
        (n + 1) x (n + 1) matrix.

    Returns
    -------
    Parts
        Spacing, origin and direction.

    Raises
    ------
    MetadataError
        If the affine isn't finite, homogeneous and invertible.
    """
    matrix = _checked(affine)
    spacing = _norms(matrix)
    # adding zero turns -0.0, which sign flips leave behind, into 0.0
    direction = matrix[:-1, :-1] / spacing + 0.0
    return Parts(spacing, (matrix[:-1, -1] + 0.0).tolist(), direction.tolist())


def stored_part(spatial: MetaSpatial, name: PartName) -> Any:
    """Return a stored part as it is, to be edited in place, or derive it from the affine, to be read."""
    if spatial.affine is None:
        return getattr(spatial, name)
    from mlarray_core.meta.frozen import frozen

    return frozen(getattr(decompose(spatial.affine), name))


def set_stored_part(spatial: MetaSpatial, name: PartName, value: object) -> None:
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


def scale_rotation_shear(affine: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Return the norms of an affine's columns, its matrix divided by them, and what is left.

    The last is the rotation transposed times the matrix, rows divided by the scale.
    """
    matrix = affine[:-1, :-1]
    scale: Matrix = np.linalg.norm(matrix, axis=0)
    rotation: Matrix = matrix / scale
    shear: Matrix = rotation.T @ matrix / scale[:, None]
    return scale, rotation, shear


def is_sheared(affine: npt.ArrayLike) -> bool:
    """Return whether the axes are not at right angles, beyond what rounding in a header explains."""
    matrix = np.asarray(affine, dtype=np.float64)
    units = matrix[:-1, :-1] / _norms(matrix)
    cosines = units.T @ units - np.eye(len(units))
    return bool(np.abs(cosines).max(initial=0.0) > SHEAR_TOLERANCE)


def spatial_meta(
    affine: npt.ArrayLike | None,
    *,
    axis_labels: Sequence[str],
    axis_units: Sequence[str] | None = None,
    coord_system: str | None = None,
    spacing: npt.ArrayLike | None = None,
) -> MetaSpatial:
    """Return the spatial section of an image.

    Parameters
    ----------
    affine
        Its affine, or None when it has none.
    axis_labels, axis_units
        Label and unit of every axis of the array.
    coord_system
        The world that the affine leads to; None when unknown.
    spacing
        Distances along the spatial axes, for an image without an affine.

    Returns
    -------
    MetaSpatial
        With spacing, origin and direction when the affine has no shear, else with the affine.

    Raises
    ------
    MetadataError
        If the affine isn't finite and invertible or doesn't fit the labels.
    ArgumentError
        If both affine and spacing are given.
    """
    common: dict[str, Any] = {
        "axis_labels": list(axis_labels),
        "axis_units": None if axis_units is None else list(axis_units),
        "coord_system": coord_system,
    }
    if affine is None:
        return MetaSpatial(spacing=None if spacing is None else np.asarray(spacing).tolist(), **common)
    if spacing is not None:
        raise ArgumentError("an affine has its own spacing", field="spacing")
    matrix = _checked(affine)
    parts = decompose(matrix)
    if is_sheared(matrix) or not np.allclose(compose(*parts), matrix, rtol=1e-14, atol=0.0):
        return MetaSpatial(affine=(matrix + 0.0).tolist(), **common)
    return MetaSpatial(spacing=list(parts[0]), origin=list(parts[1]), direction=list(parts[2]), **common)


def affine_of(spatial: MetaSpatial, n: int | None = None) -> Matrix:
    """Return the affine that is stored, or the one that spacing, origin and direction make.

    Parameters
    ----------
    spatial
        The spatial section. What is missing is ones, zeros and the identity.
    n
        Number of spatial axes, for a section that doesn't say it.

    Raises
    ------
    ArgumentError
        If the number of spatial axes is unknown.
    """
    if spatial.affine is not None:
        return np.array(spatial.affine, dtype=np.float64)
    count = spatial.spatial_ndim if n is None else n
    if count is None:
        raise ArgumentError("the number of spatial axes is unknown", field="spatial", hint="Pass n")
    return compose(
        np.ones(count) if spatial.spacing is None else spatial.spacing,
        np.zeros(count) if spatial.origin is None else spatial.origin,
        np.eye(count) if spatial.direction is None else spatial.direction,
    )


def normal_world(coord_system: str | None) -> str | None:
    """Return "RAS", "LPS" or "LAS" for any spelling of these worlds, None for every other.

    Knows the enum, "RAS+" and NRRD's names, those with a time axis included (NRRD definition, "space").
    """
    if coord_system is None:
        return None
    name = str(getattr(coord_system, "value", coord_system)).strip().lower()
    return _WORLDS.get(name.removesuffix("+").removesuffix("-time"))


def to_world(affine: npt.ArrayLike, source: str | None, target: str | None) -> Matrix:
    """Return the affine that leads to another world. Rows change their sign and nothing else, which is exact.

    Parameters
    ----------
    affine
        (n + 1) x (n + 1) matrix.
    source, target
        Worlds as `normal_world` knows them.

    Raises
    ------
    ArgumentError
        If either world is unknown.
    """
    signs = _signs(source) * _signs(target)
    matrix = np.array(affine, dtype=np.float64)
    rows = min(len(matrix) - 1, 3)
    matrix[:rows] = matrix[:rows] * signs[:rows, None] + 0.0
    return matrix


def orientation(affine: npt.ArrayLike, coord_system: str | None) -> str:
    """Return where the axes lead, fastest axis first, such as "RAS"; "?" for each axis of an unknown world.

    It is what nibabel's `aff2axcodes` says for the same image.
    """
    matrix = np.asarray(affine, dtype=np.float64)
    count = len(matrix) - 1
    if normal_world(coord_system) is None:
        return "?" * count
    return "".join(_letter(axis) for axis in _world_axes(to_world(matrix, coord_system, "RAS")))[::-1]


def reorientation(
    affine: npt.ArrayLike, coord_system: str | None, shape: Sequence[int], code: str
) -> tuple[tuple[int, ...], tuple[bool, ...], Matrix]:
    """Return how to reorder and flip the spatial axes so that `orientation` becomes `code`.

    Parameters
    ----------
    affine
        (n + 1) x (n + 1) matrix.
    coord_system
        Its world.
    shape
        Sizes of the n spatial axes, in array order.
    code
        n letters, one of each pair R/L, A/P, S/I, fastest axis first.

    Returns
    -------
    perm
        New axis i is old axis ``perm[i]``, in array order.
    flips
        Whether new axis i runs backwards.
    affine
        Of the image after ``numpy.flip(array.transpose(perm), flipped axes)``, in the same world.

    Raises
    ------
    ArgumentError
        If the world is unknown or the code is none.
    """
    matrix = np.array(affine, dtype=np.float64)
    now = _world_axes(to_world(matrix, coord_system, "RAS"))
    wanted = _parse(code, len(now))
    if sorted(axis for axis, _ in now) != sorted(axis for axis, _ in wanted):
        raise ArgumentError(f"{code!r} does not fit an image that is {orientation(matrix, coord_system)}")
    position = {axis: index for index, (axis, _) in enumerate(now)}
    perm = tuple(position[axis] for axis, _ in wanted)
    flips = tuple(now[old][1] != sign for old, (_, sign) in zip(perm, wanted, strict=True))
    return perm, flips, _reordered(matrix, perm, flips, shape)


def spatial_axes(axis_labels: Sequence[str] | None, ndim: int) -> tuple[int, ...]:
    """Return the indices of the spatial axes; all of them when there are no labels."""
    if axis_labels is None:
        return tuple(range(ndim))
    return tuple(index for index, label in enumerate(axis_labels) if is_spatial(label))


def _checked(affine: npt.ArrayLike) -> Matrix:
    """Return an affine as float64 after checking it as the schema does."""
    checked = MetaSpatial(affine=np.asarray(affine).tolist()).affine
    if checked is None:
        raise MetadataError("expected a matrix, got None", field="spatial.affine")
    return np.array(checked, dtype=np.float64)


def _norms(matrix: Matrix) -> list[float]:
    # hypot is exact for an axis along a world axis and can't overflow
    return [math.hypot(*column) for column in matrix[:-1, :-1].T.tolist()]


def _signs(coord_system: str | None) -> npt.NDArray[np.float64]:
    world = normal_world(coord_system)
    if world is None:
        raise ArgumentError(
            f"{coord_system!r} is not a world that is known" if coord_system else "the world is unknown",
            field="coord_system",
            hint="Only RAS, LPS and LAS can be converted",
        )
    return np.array([1.0 if mine == yours else -1.0 for mine, yours in zip(world, "RAS", strict=True)])


def _world_axes(affine: Matrix) -> list[tuple[int, bool]]:
    """Return for each axis, in array order, the world row that it follows most and whether upwards.

    The rotation nearest to the affine decides, the clearest axis first (nibabel, `io_orientation`).
    """
    units = affine[:-1, :-1] / _norms(affine)
    left, _, right = np.linalg.svd(units[:, ::-1])
    rotation = left @ right
    found: dict[int, tuple[int, bool]] = {}
    for column in np.argsort(-(rotation**2).max(axis=0), kind="stable"):
        free = [row for row in range(len(rotation)) if row not in {axis for axis, _ in found.values()}]
        row = max(free, key=lambda index: abs(rotation[index, column]))
        found[int(column)] = (row, bool(rotation[row, column] > 0))
    return [found[index] for index in reversed(range(len(found)))]


def _letter(axis: tuple[int, bool]) -> str:
    row, upwards = axis
    return _LETTERS[row][0 if upwards else 1] if row < len(_LETTERS) else "?"


def _parse(code: str, count: int) -> list[tuple[int, bool]]:
    """Return what `_world_axes` would for an image of that orientation."""
    axes = []
    for letter in reversed(code.upper()):
        row = next((index for index, pair in enumerate(_LETTERS) if letter in pair), None)
        if row is None:
            break
        axes.append((row, letter == _LETTERS[row][0]))
    if len(axes) != count or len(code) != count or len({row for row, _ in axes}) != count:
        raise ArgumentError(
            f"{code!r} is no orientation of {count} axes",
            field="orient",
            hint="One letter of each pair R/L, A/P and S/I, such as RAS",
        )
    return axes


def _reordered(matrix: Matrix, perm: Sequence[int], flips: Sequence[bool], shape: Sequence[int]) -> Matrix:
    moved = matrix.copy()
    for new, (old, flip) in enumerate(zip(perm, flips, strict=True)):
        column = matrix[:-1, old]
        moved[:-1, new] = -column if flip else column
        if flip:
            moved[:-1, -1] += column * (shape[old] - 1)
    return moved + 0.0
