"""What a header means for the array: its spatial section, positions along its axes, segments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlarray_core import AxisValues, geometry
from mlarray_core.errors import CorruptError, MetadataError
from mlarray_nrrd.axes import axis_labels, insertion, per_axis
from mlarray_nrrd.diffusion import b_values
from mlarray_nrrd.geometry import WAY_OUT, Placement
from mlarray_nrrd.segments import is_segment
from mlarray_nrrd.tensors import tensor_of

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import MetaSpatial
    from mlarray_nrrd.header import Header
    from mlarray_nrrd.lines import Fields


def is_segmentation(header: Header) -> bool:
    """Say whether key/value pairs describe segments, as in Slicer's ``.seg.nrrd``."""
    return any(is_segment(key) for key, _ in header.pairs)


def spatial_of(fields: Fields, placement: Placement, path: Path) -> MetaSpatial:
    """Return the spatial section that a placement makes.

    Parameters
    ----------
    fields, placement
        The header's, and what `placement_of` makes of them.
    path
        The file, for messages.

    Raises
    ------
    CorruptError
        The geometry has no meaning.
    """
    labels = axis_labels(placement.roles, placement.added)
    try:
        return geometry.spatial_meta(
            placement.affine,
            axis_labels=labels,
            axis_units=_units(fields, placement, labels, path),
            coord_system=placement.world,
        )
    except MetadataError as error:
        raise CorruptError(error.message, path=path, field="space directions", hint=WAY_OUT) from error


def _units(fields: Fields, placement: Placement, labels: list[str], path: Path) -> list[str] | None:
    """Return the unit of each axis of the array: its own, else that of the world's axis that it follows."""
    found = [str(unit) for unit in per_axis(fields, "units", "", path)]
    at = insertion(placement.roles)
    found = [*found[:at], *[""] * placement.added, *found[at:]][::-1]
    world = [str(unit) for unit in fields.get("space units", [])]
    spatial = [axis for axis, label in enumerate(labels) if label.startswith("spatial")]
    if world and len(spatial) <= len(world):
        for place, axis in enumerate(spatial):
            found[axis] = found[axis] or world[_followed(placement, place, len(spatial))]
    if len(world) == 4:
        found = [
            world[3] if label == "temporal" and not unit else unit
            for label, unit in zip(labels, found, strict=True)
        ]
    return found if any(found) else None


def _followed(placement: Placement, place: int, count: int) -> int:
    """Return the dimension of the world that a spatial axis, counted in array order, follows most."""
    if placement.affine is None:
        return count - 1 - place
    return int(abs(placement.affine[:-1, place]).argmax())


def positions(header: Header, placement: Placement, path: Path) -> dict[int, AxisValues]:
    """Return what is known along the axes that aren't of space: times, b-values, parts of tensors.

    Parameters
    ----------
    header, placement
        The header, and what `placement_of` makes of it.
    path
        The file, for messages.

    Returns
    -------
    dict
        By axis of the array.
    """
    found: dict[int, AxisValues] = {}
    sizes = header.fields["sizes"]
    at, count = insertion(placement.roles), len(sizes) + placement.added
    for axis, role in enumerate(placement.roles):
        if role == "space":
            continue
        place = count - 1 - (axis + (placement.added if axis >= at else 0))
        start, step = (placement.steps or {}).get(axis, (0.0, math.nan))
        b = b_values(header.pairs, sizes[axis]) if role == "non_spatial" else None
        if b is not None:
            found[place] = AxisValues("b_value", "s/mm^2", b)
        elif role == "components":
            tensor = tensor_of(header.fields, axis, placement.world)
            found |= {} if tensor is None else {place: tensor}
        elif math.isfinite(step) and sizes[axis] > 1 and (role, start, step) != ("non_spatial", 0.0, 1.0):
            values = [start + index * step for index in range(sizes[axis])]
            name = {"temporal": "time", "continuous": "position"}.get(role, "")
            found[place] = AxisValues(name, unit_of(header.fields, axis, role, path), values)
    return found


def unit_of(fields: Fields, axis: int, role: str, path: Path) -> str:
    """Return the unit of an axis: its own, or that of the world's time.

    Parameters
    ----------
    fields
        The header's.
    axis
        Counted as NRRD does.
    role
        What `placement_of` says that it is.
    path
        The file, for messages.
    """
    own, world = str(per_axis(fields, "units", "", path)[axis]), fields.get("space units", [])
    return str(world[3]) if not own and role == "temporal" and len(world) == 4 else own
