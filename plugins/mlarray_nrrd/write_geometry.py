"""Which fields an image needs for its axes and its geometry. Here axes are counted the fastest first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, geometry
from mlarray_nrrd.geometry import LAS, Matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_core import Meta, MetaSpatial
    from mlarray_io import Context

SPACES = {"RAS": "right-anterior-superior", "LPS": "left-posterior-superior", "LAS": LAS}
OTHER_SPACES = frozenset({"scanner-xyz", "3d-right-handed", "3d-left-handed"})
"""Worlds that the definition knows besides the anatomical ones (section 5, "space")."""

PER_AXIS = ("space directions", "spacings", "thicknesses", "axis mins", "axis maxs", "centers", "kinds",
            "labels", "units")  # fmt: skip
GEOMETRIC = ("space", "space dimension", "space units", "space origin", "measurement frame", *PER_AXIS)

_KINDS = {"temporal": "time", "channel": "list", "non_spatial": "list", "continuous": "list"}


def fresh_fields(meta: Meta, labels: Sequence[str], sizes: Sequence[int], context: Context) -> dict[str, Any]:
    """Return the fields for axes and geometry of an image, and report what they can't say.

    Parameters
    ----------
    meta
        The image's metadata.
    labels, sizes
        Of the array's axes, slowest first.
    context
        Is told the losses.
    """
    spatial = meta.spatial
    count = sum(label.startswith("spatial") for label in labels)
    fields = _placed(spatial, labels, count, context)
    fields["kinds"] = [
        _kind(label, size, fields, context) for label, size in zip(labels, sizes, strict=True)
    ][::-1]
    fields.update(_units(spatial, labels, "space directions" in fields))
    names = [label if label in ("channel", "continuous") else "" for label in labels][::-1]
    if any(names):
        fields["labels"] = names
    _put_positions(fields, meta, labels, sizes, context)
    return fields


def _placed(spatial: MetaSpatial, labels: Sequence[str], count: int, context: Context) -> dict[str, Any]:
    """Return world, directions and origin; spacings alone when nothing else is known."""
    if not count or all(part is None for part in (spatial.affine, spatial.spacing, spatial.origin)):
        return {}
    if spatial.affine is None and spatial.origin is None and spatial.direction is None:
        steps = iter(spatial.spacing or ())
        return {
            "spacings": [next(steps) if label.startswith("spatial") else math.nan for label in labels][::-1]
        }
    affine = geometry.affine_of(spatial, count)
    vectors = iter(affine[:-1, :-1].T.tolist())
    fields: dict[str, Any] = _world(spatial.coord_system, count, context)
    fields["space directions"] = [next(vectors) if label.startswith("spatial") else None for label in labels][
        ::-1
    ]
    fields["space origin"] = affine[:-1, -1].tolist()
    return fields


def _world(name: str | None, count: int, context: Context) -> dict[str, Any]:
    known = geometry.normal_world(name)
    if count == 3 and known is not None:
        return {"space": SPACES[known]}
    if count == 3 and name is not None and name.lower() in OTHER_SPACES:
        return {"space": name}
    if name is not None:
        why = "NRRD's worlds have three dimensions" if known else "NRRD has names for a few worlds only"
        context.loss(f"the world {name}", why)
    return {"space dimension": count}


def _kind(label: str, size: int, fields: dict[str, Any], context: Context) -> str:
    if label.startswith("spatial"):
        return "domain" if fields.get("space") is None else "space"
    if label == "components":
        return "vector"
    if label not in _KINDS:
        context.loss(f"axis label {label}", "NRRD is read as non_spatial there")
    return _KINDS.get(label, "list")


def _units(spatial: MetaSpatial, labels: Sequence[str], directed: bool) -> dict[str, Any]:
    """Return the units: those of space by the world's dimensions, which axes of any direction share."""
    given = list(spatial.axis_units or [""] * len(labels))
    lengths = [unit for unit, label in zip(given, labels, strict=True) if label.startswith("spatial")]
    fields: dict[str, Any] = {}
    if directed and lengths and lengths[0] and len(set(lengths)) == 1:
        fields["space units"] = lengths
        given = [
            "" if label.startswith("spatial") else unit for unit, label in zip(given, labels, strict=True)
        ]
    if any(given):
        fields["units"] = given[::-1]
    return fields


def _put_positions(
    fields: dict[str, Any], meta: Meta, labels: Sequence[str], sizes: Sequence[int], context: Context
) -> None:
    """Store even steps along time and other continuous axes as spacing and start."""
    for axis, known in sorted(Additions.of(meta).axes.items()):
        if axis >= len(labels) or not known.values:
            continue
        even = labels[axis] in ("temporal", "continuous") and len(known.values) == sizes[axis]
        line = known.even_step() if even else None
        if line is None or not line.step:
            context.loss(f"positions along axis {axis}", "NRRD holds only even steps, of time")
            continue
        place = len(labels) - 1 - axis
        _put(fields, "spacings", place, round(line.step, 12), len(labels))
        if line.start:
            _put(fields, "axis mins", place, line.start, len(labels))
            fields["centers"] = ["node" if at == place else "???" for at in range(len(labels))]


def _put(fields: dict[str, Any], name: str, place: int, value: float, count: int) -> None:
    fields.setdefault(name, [math.nan] * count)[place] = value


def turned_frame(frame: Any, old: str, new: str) -> Any:
    """Return a measurement frame, whose vectors are in the world, told in another one (sign flips)."""
    vectors: Matrix = np.array(frame, dtype=np.float64)
    signs = [1.0 if mine == yours else -1.0 for mine, yours in zip(old, new, strict=True)]
    return (vectors * signs + 0.0).tolist()
