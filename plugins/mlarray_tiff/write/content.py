"""What is said about an image in a TIFF file: sizes, times, channels, resolution; and what can't be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, geometry, units
from mlarray_core.meta import KEY
from mlarray_io.sdk import tell_labels
from mlarray_tiff.ome.write import OmeContent
from mlarray_tiff.scales import Scale, Scales
from mlarray_tiff.tags import FORMAT
from mlarray_tiff.write.colours import lost_meaning
from mlarray_tiff.write.geo_tags import geo_tags

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlarray_io import Context, Reader
    from mlarray_tiff.write.plan import Plan

_RESOLVED = ("m", "cm", "mm", "um", "nm", "inch")
"""Units of pixel sizes that are written as resolution, in centimetres."""
_IMAGEJ_UNITS = {"um": "\\u00B5m"}
_LETTERS = {"temporal": "T", "channel": "C", "components": "S"}


def content_of(reader: Reader, plan: Plan, target: Path) -> OmeContent:
    """Return what there is to say about an image.

    Parameters
    ----------
    reader
        The image that is written.
    plan
        What was decided about the file.
    target
        The file to write, for its name.
    """
    additions = Additions.of(reader.meta)
    scales = _spatial_scales(reader, plan)
    times = _times(reader, plan, additions, scales)
    name = reader.meta.source.get("name") if reader.meta.source.get("format") == FORMAT else None
    channels = additions.channels if isinstance(additions.channels, list) else []
    return OmeContent(
        plan=plan,
        dtype=np.dtype(reader.dtype).newbyteorder("="),
        name=str(name or target.name.split(".")[0]),
        scales=scales,
        times=times,
        channels=channels,
        rescale=additions.rescale,
        value_unit=str(_imagej_info(reader).get("vunit", "Gray Value")),
    )


def _imagej_info(reader: Reader) -> Mapping[str, Any]:
    info = reader.meta.source.get("imagej") if reader.meta.source.get("format") == FORMAT else None
    return info if isinstance(info, dict) else {}


def _spatial_scales(reader: Reader, plan: Plan) -> Scales:
    spatial = reader.meta.spatial
    labels = reader.labels
    axes = geometry.spatial_axes(labels, len(labels))
    if spatial.spacing is None and spatial.affine is None:
        return {}
    steps = geometry.decompose(geometry.affine_of(spatial, len(axes)))[0]
    where: dict[int | None, str] = {plan.row: "Y", plan.column: "X"}
    where.update({one.axis: one.letter for one in plan.outer})
    told = spatial.axis_units or [""] * len(labels)
    scales: Scales = {}
    for axis, step in zip(axes, steps, strict=True):
        letter = where.get(axis, "")
        invented = step == 1 and not told[axis] and any(told)  # what reading puts where a size is missing
        if letter in ("X", "Y", "Z") and not invented:
            scales[letter] = Scale(float(step), told[axis])
    return scales


def _times(reader: Reader, plan: Plan, additions: Additions, scales: Scales) -> list[float]:
    """Add the time increment to `scales`; return time points that it doesn't say."""
    axis = next((one.axis for one in plan.outer if one.letter == "T"), None)
    known = None if axis is None else additions.axes.get(axis)
    if axis is None or known is None:
        return []
    values = known.values
    if values is None or len(values) != reader.shape[axis] or len(values) < 2:
        return []
    told = reader.meta.spatial.axis_units or [""] * len(reader.shape)
    unit = known.unit or told[axis] or "s"
    numbers = [float(value) for value in values]
    step = (numbers[-1] - numbers[0]) / (len(numbers) - 1)
    even = all(
        math.isclose(value, step * at, rel_tol=1e-9, abs_tol=1e-12) for at, value in enumerate(numbers)
    )
    scales["T"] = Scale(step, unit)
    return [] if even and step > 0 else numbers


def resolution(scales: Scales, *, imagej: bool = False) -> dict[str, Any]:
    """Return tifffile's arguments for the resolution tags: pixels per centimetre, or per unit for ImageJ."""
    if "X" not in scales or "Y" not in scales:
        return {}
    sizes = [scales["X"].step, scales["Y"].step]
    if imagej:
        return {"resolution": tuple(1 / size for size in sizes)}
    told = [scales[axis].unit for axis in "XY"]
    factors = [units.factor(unit, "cm") for unit in told if unit in _RESOLVED]
    if len(factors) < len(told):
        return {}
    per = [1 / (size * factor) for size, factor in zip(sizes, factors, strict=True) if factor]
    if not all(1e-9 < value < 4e9 for value in per):
        return {}
    return {"resolution": tuple(per), "resolutionunit": "CENTIMETER"}


def imagej_metadata(content: OmeContent, context: Context) -> dict[str, Any]:
    """Return tifffile's metadata for ImageJ."""
    metadata: dict[str, Any] = {}
    scales = content.scales
    if "X" in scales:
        metadata["unit"] = _imagej_unit(scales["X"].unit)
        for axis in "YZ":
            if axis in scales and scales[axis].unit != scales["X"].unit:
                metadata[f"{axis.lower()}unit"] = _imagej_unit(scales[axis].unit)
    if "Z" in scales:
        metadata["spacing"] = scales["Z"].step
    if "T" in scales and not content.times:
        metadata["finterval"] = scales["T"].step
        if scales["T"].unit != "s":
            metadata["tunit"] = scales["T"].unit
    rescale = content.rescale
    if rescale is not None and not rescale.applied:
        metadata.update(c0=rescale.intercept, c1=rescale.slope, cf=0, vunit=content.value_unit)
    if "X" in scales and not scales["X"].unit:
        context.loss("the voxel size", "ImageJ has none without a unit")
    if content.times:
        context.loss("time points", "ImageJ has one interval for all")
    names = [str(channel.get("name", "")) for channel in content.channels]
    if len(names) == content.plan.size_of("C") and all(names):
        metadata["Labels"] = names * (content.plan.pages // len(names))
    return metadata


def _imagej_unit(unit: str) -> str:
    spelt = _IMAGEJ_UNITS.get(unit, unit or "pixel")
    return spelt.encode("ascii", "backslashreplace").decode()


def json_metadata(content: OmeContent) -> dict[str, Any]:
    """Return tifffile's metadata for plain TIFF, in the words that it has for OME."""
    metadata: dict[str, Any] = {"axes": content.plan.letters}
    for axis in "XYZ":
        if axis in content.scales:
            step, unit = content.scales[axis]
            metadata[f"PhysicalSize{axis}"] = step
            metadata[f"PhysicalSize{axis}Unit"] = unit
    if "T" in content.scales and not content.times:
        metadata.update(TimeIncrement=content.scales["T"].step, TimeIncrementUnit=content.scales["T"].unit)
    names = [str(channel.get("name", "")) for channel in content.channels]
    if any(names):
        metadata["Channel"] = {"Name": names}
    return metadata


def tell_losses(reader: Reader, plan: Plan, flavour: str, context: Context) -> None:
    """Report what the image has and TIFF has no place for.

    Parameters
    ----------
    reader
        The image that is written.
    plan
        What was decided about the file.
    flavour
        ``ome``, ``imagej``, ``geotiff`` or ``plain``.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.
    """
    meta, additions = reader.meta, Additions.of(reader.meta)
    source = meta.source if meta.source.get("format") == FORMAT else {}
    _tell_geometry(reader, source, context)
    _tell_labels(reader, plan, flavour, context)
    colours = lost_meaning(plan, reader)
    if colours is not None:
        context.loss(f"that samples are {colours}", "they are written as samples without that meaning")
    if meta.source and not source:
        context.loss("the header of the source", "TIFF has no place for that of another format")
    if source.get("other_series"):
        context.warn(f"{len(source['other_series'])} other series of the source are not in this file")
    if flavour != "ome" and source.get("ome_xml"):
        context.loss("OME-XML", f"{flavour} TIFF has no place for it")
    if not meta.bbox.is_default():
        context.loss("bounding boxes", "TIFF has no place for them")
    if not meta.stats.is_default():
        context.loss("statistics", "TIFF has no place for them")
    if meta.is_seg.is_seg:
        context.loss("that the voxels are labels", "TIFF has no place for it")
    tell_labels(additions.labels, context, "TIFF")
    unheld = ("bids",) if flavour == "imagej" and _is_stored(additions) else ("bids", "rescale")
    for what in unheld:
        if getattr(additions, what):
            context.loss(f"extra[{KEY!r}].{what}", "TIFF has no place for it")
    others = sorted(name for name in meta.extra if name != KEY)
    if others:
        context.loss(f"extra: {', '.join(others)}", "TIFF has no place for it")
    named = {one.axis for one in plan.outer}
    for axis, known in additions.axes.items():
        if known.values and not (axis in named and reader.labels[axis] == "temporal"):
            context.loss(f"positions along axis {axis}", "TIFF has time points only")


def _is_stored(additions: Additions) -> bool:
    """Say whether slope and intercept are of the stored values, which ImageJ has a place for."""
    return additions.rescale is not None and not additions.rescale.applied


def _tell_geometry(reader: Reader, source: Mapping[str, object], context: Context) -> None:
    spatial = reader.meta.spatial
    if geo_tags(reader, source):
        return
    if spatial.coord_system:
        context.loss(f"the world {spatial.coord_system}", "TIFF has none")
    count = len(geometry.spatial_axes(reader.labels, len(reader.shape)))
    if count == 0 or (spatial.affine is None and spatial.origin is None and spatial.direction is None):
        return
    affine = geometry.affine_of(spatial, count)
    directions = np.asarray(geometry.decompose(affine)[2])
    labels = list(reader.labels)
    named = [labels[axis][-1] for axis in geometry.spatial_axes(labels, len(labels))]
    rows = ["xyz".index(name) if name in "xyz" else column for column, name in enumerate(named)]
    # what TIFF means by X, Y and Z: each leads along its own coordinate of the world
    upright = np.eye(max(count, *rows) + 1)[:count, rows] if sorted(rows) == list(range(count)) else None
    if affine[:-1, -1].any():
        context.loss("the origin", "TIFF has no place for it")
    if upright is None or not np.allclose(directions, upright, atol=1e-9):
        context.loss("the direction of the axes", "TIFF has no place for it")


def _tell_labels(reader: Reader, plan: Plan, flavour: str, context: Context) -> None:
    """Report labels that reading the file back won't give, and axes that are stored in another order."""
    labels = reader.labels
    for axis, letter in ((plan.row, "Y"), (plan.column, "X")):
        if axis is not None and not labels[axis].startswith("spatial"):
            context.loss(f"axis label {labels[axis]}", f"TIFF reads it as {letter}")
    for one in plan.outer:
        if one.native:
            continue
        if flavour == "imagej":
            context.loss(f"axis label {labels[one.axis]}", f"ImageJ reads it as {one.within}")
        elif labels[one.axis] != "non_spatial":
            context.loss(f"axis label {labels[one.axis]}", "TIFF has no such axis")
    stored = [axis for axis in plan.order if axis not in plan.single]
    if stored != sorted(stored):
        context.warn(f"the axes are stored as {plan.letters}")
