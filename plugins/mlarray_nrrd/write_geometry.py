"""Which fields an image needs for its axes and its geometry. Here axes are counted the fastest first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, geometry
from mlarray_core.meta import is_spatial
from mlarray_io.sdk import DISPLACEMENT, in_world, world_parts
from mlarray_nrrd.diffusion import b_values
from mlarray_nrrd.geometry import LAS, Matrix
from mlarray_nrrd.tensors import IDENTITY, SPELT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_core import AxisValues, Meta, MetaSpatial
    from mlarray_io import Context, Reader
    from mlarray_io.sdk import WorldParts
    from mlarray_nrrd.lines import Fields

SPACES = {"RAS": "right-anterior-superior", "LPS": "left-posterior-superior", "LAS": LAS}
OTHER_SPACES = frozenset({"scanner-xyz", "3d-right-handed", "3d-left-handed"})
"""Worlds that the definition knows besides the anatomical ones (section 5, "space")."""

PER_AXIS = ("space directions", "spacings", "thicknesses", "axis mins", "axis maxs", "centers", "kinds",
            "labels", "units")  # fmt: skip
GEOMETRIC = ("space", "space dimension", "space units", "space origin", "measurement frame", *PER_AXIS)

_KINDS = {"temporal": "list", "channel": "list", "non_spatial": "list", "continuous": "list"}


TIMED = {"LPS": "left-posterior-superior-time"}
"""The world with time that ITK reads as it stands; it takes right-anterior-superior-time for LPS as well."""


def written_world(meta: Meta, labels: Sequence[str]) -> str | None:
    """Return the world that a new header is in: the image's, but LPS for time and for displacements.

    ITK reads time in that world only, and nothing in a header says that vectors turn with the world.
    """
    world, parts = meta.spatial.coord_system, world_parts(meta, labels)
    known = geometry.normal_world(world) is not None
    displaced = parts is not None and parts.kind == DISPLACEMENT
    return "LPS" if known and (displaced or _time_axis(meta, labels) is not None) else world


def written_parts(reader: Reader, world: str | None) -> Reader:
    """Return the image with its displacements in the world that is written, its tensors in NRRD's order."""
    parts = world_parts(reader.meta, reader.labels)
    if parts is None or world is None or (parts.frame is not None and parts.kind != DISPLACEMENT):
        return reader
    order = next((names for names in SPELT if sorted(names) == sorted(parts.names)), None)
    return in_world(reader, world, order)


def _time_axis(meta: Meta, labels: Sequence[str]) -> int | None:
    """Return the one axis of even time beside three of placed space, None where there is none."""
    spatial = meta.spatial
    timed = [axis for axis, label in enumerate(labels) if label == "temporal"]
    placed = any(part is not None for part in (spatial.affine, spatial.origin, spatial.direction))
    if len(timed) != 1 or not placed or sum(map(is_spatial, labels)) != 3:
        return None
    known = Additions.of(meta).axes.get(timed[0])
    line = None if known is None else known.even_step()
    return timed[0] if line is not None and line.step else None


def fresh_fields(
    meta: Meta,
    labels: Sequence[str],
    sizes: Sequence[int],
    units: list[str],
    pairs: Sequence[tuple[str, Any]],
    context: Context,
) -> Fields:
    """Return the fields for axes and geometry of an image, and report what they can't say.

    Parameters
    ----------
    meta
        The image's metadata.
    labels, sizes
        Of the array's axes, slowest first.
    units
        Of the array's axes, empty where unknown.
    pairs
        Key/value pairs that are written too, which may say b-values.
    context
        Where to report losses.
    """
    spatial, time, parts = meta.spatial, _time_axis(meta, labels), world_parts(meta, labels)
    count = sum(map(is_spatial, labels))
    fields = _placed(spatial, labels, count, written_world(meta, labels), context)
    kinds = [_kind(label, fields, context) for label in labels]
    names = [label if label in _NAMED_KINDS else "" for label in labels]
    if time is not None:
        kinds[time], names[time] = "time", ""
        _put_time(fields, meta, labels, time)
    if parts is not None:
        kinds[parts.axis], names[parts.axis] = _parts_kind(parts, fields, context)
    fields["kinds"] = kinds[::-1]
    fields.update(_units(units, labels, time, "space directions" in fields))
    if any(names):
        fields["labels"] = names[::-1]
    left = {axis: known for axis, known in Additions.of(meta).axes.items() if axis < len(labels)}
    for axis in {time, None if parts is None else parts.axis} - {None}:
        left.pop(axis or 0, None)
    _put_positions(fields, left, labels, sizes, pairs, context)
    return fields


def _put_time(fields: Fields, meta: Meta, labels: Sequence[str], time: int) -> None:
    """Make time the fourth dimension of the world, so that ITK counts as many axes as dimensions."""
    line = Additions.of(meta).axes[time].even_step()
    assert line is not None
    world = fields.pop("space", None)
    fields |= {"space": TIMED["LPS"]} if world == SPACES["LPS"] else {"space dimension": 4}
    vectors = [vector and [*vector, 0.0] for vector in fields["space directions"]]
    vectors[len(labels) - 1 - time] = [0.0, 0.0, 0.0, round(line.step, 12)]
    fields["space directions"] = vectors
    fields["space origin"] = [*fields["space origin"], line.start]


def _parts_kind(parts: WorldParts, fields: Fields, context: Context) -> tuple[str, str]:
    """Return kind and label of an axis of displacements or tensors."""
    placed = "space" in fields
    if parts.kind == DISPLACEMENT and placed:
        return "vector", DISPLACEMENT
    if parts.names in SPELT and placed:
        fields["measurement frame"] = IDENTITY if parts.frame is None else parts.frame.tolist()
        return SPELT[parts.names], ""
    context.loss(f"that the parts are a {parts.kind}", "NRRD has those of three dimensions in a known world")
    return "vector", ""


def _placed(
    spatial: MetaSpatial, labels: Sequence[str], count: int, world: str | None, context: Context
) -> Fields:
    """Return world, directions and origin; spacings alone when nothing else is known."""
    if spatial.affine is None and spatial.origin is None and spatial.direction is None:
        if world is not None:
            context.loss(f"the world {world}", "NRRD has one only where directions and an origin are known")
        if not count or spatial.spacing is None:
            return {}
        steps = iter(spatial.spacing or ())
        return {
            "spacings": [next(steps) if label.startswith("spatial") else math.nan for label in labels][::-1]
        }
    affine = geometry.affine_of(spatial, count)
    if world != spatial.coord_system:
        affine = geometry.to_world(affine, spatial.coord_system, world)
    vectors = iter(affine[:-1, :-1].T.tolist())
    fields: Fields = _world(world, count, context)
    fields["space directions"] = [next(vectors) if label.startswith("spatial") else None for label in labels][
        ::-1
    ]
    fields["space origin"] = affine[:-1, -1].tolist()
    return fields


def _world(name: str | None, count: int, context: Context) -> Fields:
    known = geometry.normal_world(name)
    if count == 3 and known is not None:
        return {"space": SPACES[known]}
    if count == 3 and name is not None and name.lower() in OTHER_SPACES:
        return {"space": name}
    if name is not None:
        why = "NRRD's worlds have three dimensions" if known else "NRRD has names for a few worlds only"
        context.loss(f"the world {name}", why)
    return {"space dimension": count}


_NAMED_KINDS = frozenset({"channel", "continuous", "temporal"})
"""Labels that the header spells, because their kind says less."""


def _kind(label: str, fields: Fields, context: Context) -> str:
    if label.startswith("spatial"):
        return "domain" if fields.get("space") is None else "space"
    if label == "components":
        return "vector"
    if label not in _KINDS:
        context.loss(f"axis label {label}", "NRRD is read as non_spatial there")
    # time without a direction counts as a domain axis, of which ITK wants as many as dimensions of the world
    return "time" if label == "temporal" and "space directions" not in fields else _KINDS.get(label, "list")


def _units(given: list[str], labels: Sequence[str], time: int | None, directed: bool) -> Fields:
    """Return the units: those of space by the world's dimensions, which axes of any direction share."""
    lengths = [unit for unit, label in zip(given, labels, strict=True) if label.startswith("spatial")]
    fields: Fields = {}
    if directed and lengths and lengths[0] and len(set(lengths)) == 1:
        fields["space units"] = lengths if time is None else [*lengths, given[time]]
        given = ["" if axis == time else unit for axis, unit in enumerate(given)]
        given = [
            "" if label.startswith("spatial") else unit for unit, label in zip(given, labels, strict=True)
        ]
    if any(given):
        fields["units"] = given[::-1]
    return fields


def _put_positions(
    fields: Fields,
    axes: dict[int, AxisValues],
    labels: Sequence[str],
    sizes: Sequence[int],
    pairs: Sequence[tuple[str, Any]],
    context: Context,
) -> None:
    """Store even steps along axes that aren't of space as spacing and start."""
    for axis, known in sorted(axes.items()):
        if known.name and labels[axis] == "non_spatial" and known.values != b_values(pairs, sizes[axis]):
            context.loss(f"the name of axis {axis}, {known.name}", "NRRD has none for other axes")
        if not known.values or known.values == b_values(pairs, sizes[axis]):
            continue
        line = known.even_step() if len(known.values) == sizes[axis] else None
        if line is None or not line.step or labels[axis] not in (*_NAMED_KINDS, "non_spatial"):
            context.loss(f"positions along axis {axis}", "NRRD holds only even steps")
            continue
        place = len(labels) - 1 - axis
        _put(fields, "spacings", place, round(line.step, 12), len(labels))
        if line.start:
            _put(fields, "axis mins", place, line.start, len(labels))
            fields["centers"] = ["node" if at == place else "???" for at in range(len(labels))]


def _put(fields: Fields, name: str, place: int, value: float, count: int) -> None:
    fields.setdefault(name, [math.nan] * count)[place] = value


def turned_frame(frame: Sequence[Sequence[float]], old: str, new: str) -> list[list[float]]:
    """Return a measurement frame, whose vectors are in the world, in another one (sign flips).

    Parameters
    ----------
    frame
        The vectors.
    old, new
        RAS, LPS or LAS.
    """
    vectors: Matrix = np.array(frame, dtype=np.float64)
    signs = [1.0 if mine == yours else -1.0 for mine, yours in zip(old, new, strict=True)]
    turned: list[list[float]] = (vectors * signs + 0.0).tolist()
    return turned
