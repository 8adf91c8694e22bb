"""What the axes are. Here they are counted as NRRD does, the fastest first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_nrrd.lines import Fields

Role = Literal["space", "temporal", "components", "channel", "continuous", "non_spatial"]

SPACE_KINDS = frozenset({"domain", "space"})
UNKNOWN_KINDS = frozenset({"", "none", "???"})
COMPONENT_KINDS = frozenset(
    {
        "complex", "point", "vector", "covariant-vector", "normal", "2-vector", "3-color", "rgb-color",
        "hsv-color", "xyz-color", "4-color", "rgba-color", "3-vector", "3-gradient", "3-normal", "4-vector",
        "quaternion", "2d-symmetric-matrix", "2d-masked-symmetric-matrix", "2d-matrix", "2d-masked-matrix",
        "3d-symmetric-matrix", "3d-masked-symmetric-matrix", "3d-matrix", "3d-masked-matrix",
    }
)  # fmt: skip
"""Kinds whose samples are parts of one value (NRRD definition, section 6, "kinds")."""

_NAMED: dict[str, Role] = {"channel": "channel", "continuous": "continuous", "temporal": "temporal"}
_PLACES = ("spatial_x", "spatial_y", "spatial_z")


def per_axis(fields: Fields, name: str, fill: Any, path: Path) -> list[Any]:
    """Return a field that has one value an axis, `fill` for each when it is missing.

    Parameters
    ----------
    fields
        The fields of the header, by name.
    name
        Of the field.
    fill
        For each axis, when the field is missing.
    path
        The file, for errors.

    Raises
    ------
    CorruptError
        It has another number of values.
    """
    count = fields["dimension"]
    values = fields.get(name)
    if values is None:
        return [fill] * count
    if len(values) != count:
        raise CorruptError(f"expected {count} values, got {len(values)}", path=path, field=name)
    return list(values)


def directions(fields: Fields, path: Path) -> list[list[float] | None]:
    """Return the space direction of each axis; NaN means none.

    Raises
    ------
    CorruptError
        A direction is partly NaN, or infinite.
    """
    found: list[list[float] | None] = []
    for vector in per_axis(fields, "space directions", None, path):
        unknown = vector is None or all(math.isnan(part) for part in vector)
        if not unknown and not all(math.isfinite(part) for part in vector):
            raise CorruptError(
                f"expected numbers, got {vector}",
                path=path,
                field="space directions",
                hint="Read it without placement by -o geometry=none",
            )
        found.append(None if unknown else [float(part) for part in vector])
    return found


def roles(fields: Fields, vectors: Sequence[list[float] | None], path: Path) -> list[Role]:
    """Return what each axis is: by its direction if any axis has one, else by its kind and spacing.

    Parameters
    ----------
    fields
        The fields of the header, by name.
    vectors
        Direction of each axis, None for those that have none.
    path
        The file, for errors.
    """
    kinds = [str(kind).lower() for kind in per_axis(fields, "kinds", "", path)]
    labels = per_axis(fields, "labels", "", path)
    if any(vector is not None for vector in vectors):
        spatial = {axis for axis, vector in enumerate(vectors) if vector is not None}
    else:
        spatial = _likely_space(fields, kinds, path)
    return [
        "space" if axis in spatial else role_of(kind, label)
        for axis, (kind, label) in enumerate(zip(kinds, labels, strict=True))
    ]


def role_of(kind: str, label: str) -> Role:
    """Return what an axis is that isn't of space, by its kind and label in lower case."""
    if kind == "time":
        return "temporal"
    if kind in COMPONENT_KINDS:
        return "components"
    return _NAMED.get(label.lower(), "non_spatial")


def _likely_space(fields: Fields, kinds: list[str], path: Path) -> set[int]:
    """Return the axes that are of space in a header without directions: at most three, the fastest."""
    known = [axis for axis, kind in enumerate(kinds) if kind in SPACE_KINDS]
    if not known:
        spacings = per_axis(fields, "spacings", math.nan, path)
        some = any(not math.isnan(spacing) for spacing in spacings)
        known = [
            axis
            for axis, (kind, spacing) in enumerate(zip(kinds, spacings, strict=True))
            if kind in UNKNOWN_KINDS and not (some and math.isnan(spacing))
        ]
    return set(known[: min(fields.get("space dimension", 3), 3)])


def axis_labels(found: Sequence[Role], added: int) -> list[str]:
    """Return the labels of the array's axes, slowest first.

    Parameters
    ----------
    found
        What `roles` says.
    added
        How many axes of length one stand for directions of space that the image doesn't extend in.
    """
    count = sum(role == "space" for role in found) + added
    places = [*_PLACES[:count], *["spatial"] * (count - len(_PLACES))]
    labels: list[str] = [places.pop(0) if role == "space" else role for role in found]
    at = insertion(found)
    return list(reversed([*labels[:at], *places, *labels[at:]]))


def insertion(found: Sequence[Role]) -> int:
    """Return before which axis added ones stand: after the slowest one of space."""
    return max((axis for axis, role in enumerate(found) if role == "space"), default=-1) + 1


def time_world(fields: Fields) -> bool:
    """Say whether the world has time for its last dimension."""
    name = str(fields.get("space", "")).lower()
    return name.endswith("-time") or name in ("rast", "last", "lpst")
