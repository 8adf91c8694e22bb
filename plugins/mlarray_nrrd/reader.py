"""Opens a NRRD image."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from mlarray_core import Additions, AxisValues, Meta, geometry
from mlarray_core.errors import CorruptError, MetadataError
from mlarray_io.sdk import RawData, RawReader
from mlarray_nrrd.axes import axis_labels, insertion, per_axis
from mlarray_nrrd.data_files import open_data, raw_data
from mlarray_nrrd.diffusion import b_values
from mlarray_nrrd.geometry import WAY_OUT, Placement, placement_of
from mlarray_nrrd.header import Header, read_header, to_source

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import MetaSpatial
    from mlarray_io import Context
    from mlarray_nrrd.options import NrrdOptions

_SEGMENT = re.compile(r"Segment\d+_(ID|Name|LabelValue)")


def open_nrrd(path: Path, options: NrrdOptions, context: Context) -> RawReader:
    """Open the image whose file or header is `path`.

    Raises
    ------
    CorruptError
        The header makes no sense, or describes more than its files hold.
    NotFoundError
        A data file is missing.
    UnsafeError
        A data file is outside the header's folder.
    LimitError
        It is larger than the host allows.
    """
    header, start = read_header(path)
    raw = raw_data(header.fields, path, context)
    placement = placement_of(header.fields, path, context, wanted=options.geometry != "none")
    meta = _meta(header, placement, path)
    file = open_data(header, raw, path, start, options.allow_external, context)
    at = len(raw.shape) - insertion(placement.roles)
    shape = (*raw.shape[:at], *(1 for _ in range(placement.added)), *raw.shape[at:])
    return RawReader(file, RawData(shape, raw.dtype), meta, _plane(meta.spatial.axis_labels or []))


def _plane(labels: list[str]) -> int:
    """Return how many axes a plane has: from the second last of space on."""
    places = [axis for axis, label in enumerate(labels) if label.startswith("spatial")]
    return len(labels) - (places[-2] if len(places) > 1 else 0)


def is_segmentation(header: Header) -> bool:
    """Say whether key/value pairs describe segments, as in Slicer's ``.seg.nrrd``."""
    return any(_SEGMENT.fullmatch(key) for key, _ in header.pairs)


def _meta(header: Header, placement: Placement, path: Path) -> Meta:
    meta = Meta(
        source=to_source(header),
        spatial=spatial_of(header.fields, placement, path),
        is_seg=True if is_segmentation(header) else None,
    )
    Additions(axes=positions(header, placement, path)).store(meta)
    return meta


def spatial_of(fields: dict[str, Any], placement: Placement, path: Path) -> MetaSpatial:
    """Return the spatial section that a placement makes.

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


def _units(fields: dict[str, Any], placement: Placement, labels: list[str], path: Path) -> list[str] | None:
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
    """Return what is known along the axes that aren't of space: times, b-values, by the array's axis."""
    found: dict[int, AxisValues] = {}
    units = per_axis(header.fields, "units", "", path)
    sizes = header.fields["sizes"]
    at, count = insertion(placement.roles), len(sizes) + placement.added
    for axis, role in enumerate(placement.roles):
        if role == "space":
            continue
        place = count - 1 - (axis + (placement.added if axis >= at else 0))
        start, step = (placement.steps or {}).get(axis, (0.0, math.nan))
        if role in ("temporal", "continuous") and math.isfinite(step) and sizes[axis] > 1:
            values = [start + index * step for index in range(sizes[axis])]
            name = "time" if role == "temporal" else "position"
            found[place] = AxisValues(name, units[axis], values)
        elif role == "non_spatial":
            values_b = b_values(header.pairs, sizes[axis])
            if values_b is not None:
                found[place] = AxisValues("b_value", "s/mm^2", values_b)
    return found
