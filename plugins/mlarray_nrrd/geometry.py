"""Where a header puts its voxels: by directions in a world, or by spacings alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_nrrd.axes import Role, directions, per_axis, role_of, roles, time_world

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_io import Context
    from mlarray_nrrd.lines import Fields

Matrix = np.ndarray[Any, np.dtype[np.float64]]

WAY_OUT = "Read it without placement by -o geometry=none"
LAS = "left-anterior-superior"


@dataclass(frozen=True)
class Placement:
    """Where the voxels are, and what the axes are.

    Parameters
    ----------
    roles
        Of NRRD's axes, the fastest first.
    added
        How many axes of length one the image needs to lie in its world.
    affine
        Columns in array order, rows world x, y, z; None when no axis is of space or none is wanted.
    world
        Name of the world, None for unknown.
    steps
        Start and distance along each axis that isn't of space, by NRRD's axis.
    """

    roles: tuple[Role, ...]
    added: int = 0
    affine: Matrix | None = None
    world: str | None = None
    steps: dict[int, tuple[float, float]] | None = None


def placement_of(fields: Fields, path: Path, context: Context) -> Placement:
    """Return the placement that a header describes.

    Parameters
    ----------
    fields
        The header's.
    path
        The file, for messages.
    context
        Where to report what is uncertain.

    Raises
    ------
    CorruptError
        The geometry has no meaning: NaN, no extent, wrong number of dimensions.
    """
    vectors = directions(fields, path)
    found = roles(fields, vectors, path)
    steps = _steps(fields, found, path)
    if not any(vector is not None for vector in vectors):
        return _by_spacings(fields, found, steps, path, context)
    origin = _origin(fields, next(len(vector) for vector in vectors if vector is not None), path)
    if any(vector is not None and len(vector) != len(origin) for vector in vectors):
        raise CorruptError("vectors of different lengths", path=path, field="space directions", hint=WAY_OUT)
    if time_world(fields):
        timeless, origin, steps = _without_time(vectors, origin, found, steps)
        vectors = list(timeless)
    elif len(origin) > 3:
        separate, origin, steps = _without_others(vectors, origin, found, steps, fields, path)
        vectors = list(separate)
    return _by_directions(fields, found, vectors, origin, steps, path)


def roles_only(fields: Fields, path: Path) -> Placement:
    """Return what the axes are, and no place: for a header whose geometry has no meaning.

    Raises
    ------
    CorruptError
        Its fields don't have one value for each axis.
    """
    stand_ins = [vector and [1.0] for vector in per_axis(fields, "space directions", None, path)]
    found = roles(fields, stand_ins, path)
    return Placement(tuple(found), steps=_steps(fields, found, path))


def world_name(space: str | None) -> str | None:
    """Return the world that a ``space`` declares: RAS, LPS, or the name as it stands."""
    known = geometry.normal_world(space)
    return known if known in ("RAS", "LPS") else LAS if known else space


def _by_directions(
    fields: Fields,
    found: list[Role],
    vectors: Sequence[list[float] | None],
    origin: list[float],
    steps: dict[int, tuple[float, float]],
    path: Path,
) -> Placement:
    columns = [vector for role, vector in zip(found, vectors, strict=True) if role == "space" and vector]
    count, size = len(columns), len(origin)
    if count > size:
        raise CorruptError(
            f"{count} directions in a space of {size} dimensions",
            path=path,
            field="space directions",
            hint=WAY_OUT,
        )
    if count < size and size > 3:
        raise UnsupportedError(
            f"{count} axes in a space of {size} dimensions can't be placed", path=path, hint=WAY_OUT
        )
    matrix = np.array(columns, dtype=np.float64).T
    if not _has_extent(matrix):
        raise CorruptError("voxels have no extent", path=path, field="space directions", hint=WAY_OUT)
    affine = np.eye(size + 1)
    affine[:size, :size] = np.column_stack([matrix, *_missing(matrix)])[:, ::-1]
    affine[:size, size] = origin
    world = world_name(fields.get("space"))
    return Placement(tuple(found), size - count, affine, world=world, steps=steps)


def _has_extent(matrix: Matrix) -> bool:
    """Say whether the columns are independent, whatever their lengths."""
    norms = np.linalg.norm(matrix, axis=0)
    if not (norms > 0).all() or not np.isfinite(norms).all():
        return False
    return bool(np.linalg.svd(matrix / norms, compute_uv=False)[-1] > 1e-9)


def _missing(matrix: Matrix) -> list[Matrix]:
    """Return unit vectors at right angles to all columns and each other, the first right-handed."""
    size, count = matrix.shape
    if size == 3 and count == 2:
        normal = np.cross(matrix[:, 0], matrix[:, 1])
        return [np.asarray(normal / np.linalg.norm(normal))]
    return list(np.linalg.svd(matrix)[0].T[count:])


def _origin(fields: Fields, size: int, path: Path) -> list[float]:
    """Return the world position of the first voxel's centre; unknown (missing or NaN) is 0."""
    origin = fields.get("space origin")
    if origin is None or all(math.isnan(part) for part in origin):
        return [0.0] * size
    if len(origin) != size or not all(math.isfinite(part) for part in origin):
        raise CorruptError(
            f"expected {size} numbers, got {origin}", path=path, field="space origin", hint=WAY_OUT
        )
    return [float(part) for part in origin]


def _without_time(
    vectors: Sequence[list[float] | None],
    origin: list[float],
    found: list[Role],
    steps: dict[int, tuple[float, float]],
) -> tuple[Sequence[list[float] | None], list[float], dict[int, tuple[float, float]]]:
    """Take time apart from space where an axis goes along one or the other. Changes `found`."""
    along = [axis for axis, vector in enumerate(vectors) if vector and vector[-1] and not any(vector[:-1])]
    across = any(vector and vector[-1] and axis not in along for axis, vector in enumerate(vectors))
    if len(along) > 1 or across:
        return vectors, origin, steps
    for axis in along:
        found[axis] = "temporal"
        steps = {**steps, axis: (origin[-1], (vectors[axis] or [0.0])[-1])}
    return [vector and vector[:-1] for vector in vectors], origin[:-1], steps


def _without_others(
    vectors: Sequence[list[float] | None],
    origin: list[float],
    found: list[Role],
    steps: dict[int, tuple[float, float]],
    fields: Fields,
    path: Path,
) -> tuple[Sequence[list[float] | None], list[float], dict[int, tuple[float, float]]]:
    """Take axes apart from space that go along dimensions of the world beyond the third, as ITK writes them.

    Changes `found`. Where they mix with the first three dimensions, all stay of space.
    """
    spatial = [axis for axis, vector in enumerate(vectors) if vector is not None]
    matrix = np.array([vectors[axis] for axis in spatial], dtype=np.float64)
    extra = [axis for axis, vector in zip(spatial, matrix, strict=True) if not vector[:3].any()]
    mixed = any(vector[:3].any() and vector[3:].any() for vector in matrix)
    lone = all(np.count_nonzero(vector) == 1 for vector in matrix[[axis in extra for axis in spatial]])
    if mixed or not lone or not extra or len(extra) == len(spatial):
        return vectors, origin, steps
    kinds, labels = (per_axis(fields, name, "", path) for name in ("kinds", "labels"))
    for axis in extra:
        vector = vectors[axis] or []
        dimension = int(np.flatnonzero(vector)[0])
        found[axis] = role_of(str(kinds[axis]).lower(), str(labels[axis]))
        steps = {**steps, axis: (origin[dimension], float(vector[dimension]))}
    kept = [None if axis in extra or vector is None else vector[:3] for axis, vector in enumerate(vectors)]
    return kept, origin[:3], steps


def _by_spacings(
    fields: Fields,
    found: list[Role],
    steps: dict[int, tuple[float, float]],
    path: Path,
    context: Context,
) -> Placement:
    """Place an image without directions, the fastest axis along x: no world, only distances and an origin."""
    spatial = [axis for axis, role in enumerate(found) if role == "space"]
    if fields.get("space") is not None and spatial:
        context.warn(f"{path}: names the space {fields['space']} and no directions, so its world is unknown")
    lines = [_line(fields, axis, path) for axis in spatial]
    sizes = _thicknesses(fields, spatial, lines, path, context)
    origin = [start for start, _ in lines]
    declared = fields.get("space origin")
    if declared is not None and len(declared) == len(spatial) and all(map(math.isfinite, declared)):
        origin = [float(part) for part in declared]
    if not spatial:
        return Placement(tuple(found), steps=steps)
    columns = [1.0 if size is None else size for size in sizes]
    affine = np.eye(len(spatial) + 1)
    affine[:-1, :-1] = np.diag(columns)[:, ::-1]
    affine[:-1, -1] = origin
    return Placement(tuple(found), affine=affine, steps=steps)


def _thicknesses(
    fields: Fields,
    spatial: list[int],
    lines: list[tuple[float, float | None]],
    path: Path,
    context: Context,
) -> list[float | None]:
    """Return the spacings, thicknesses where there are none."""
    thick = per_axis(fields, "thicknesses", math.nan, path)
    sizes = [step for _, step in lines]
    for place, axis in enumerate(spatial):
        if sizes[place] is None and math.isfinite(thick[axis]) and thick[axis] > 0:
            context.warn(f"{path}: gives no spacing along axis {axis}, its thickness is taken")
            sizes[place] = float(thick[axis])
    return sizes


def _steps(fields: Fields, found: list[Role], path: Path) -> dict[int, tuple[float, float]]:
    """Return start and distance along the axes that aren't of space, where they are known."""
    lines = {axis: _line(fields, axis, path) for axis, role in enumerate(found) if role != "space"}
    return {axis: (start, step) for axis, (start, step) in lines.items() if step is not None}


def _line(fields: Fields, axis: int, path: Path) -> tuple[float, float | None]:
    """Return position of the first sample's centre and distance of samples along one axis.

    Cells lie between ``axis mins`` and ``axis maxs``, nodes on them; cells are the default (definition,
    section 6, "centers").
    """
    low, high = (float(per_axis(fields, name, math.nan, path)[axis]) for name in ("axis mins", "axis maxs"))
    step = float(per_axis(fields, "spacings", math.nan, path)[axis])
    size = per_axis(fields, "sizes", 1, path)[axis]
    node = str(per_axis(fields, "centers", "", path)[axis]).lower() == "node"
    if math.isnan(step) and math.isfinite(low) and math.isfinite(high) and high != low:
        step = (high - low) / (max(size - 1, 1) if node else size)
    if step == 0 or math.isinf(step):
        raise CorruptError(f"expected a distance, got {step}", path=path, field="spacings", hint=WAY_OUT)
    known = None if math.isnan(step) else step
    if not math.isfinite(low):
        return 0.0, known
    return low if node else low + (known or 0.0) / 2, known
