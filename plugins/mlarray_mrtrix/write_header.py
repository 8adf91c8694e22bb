"""What an MRtrix header says of an image: sizes, strides and transform, weighting, labels of the axes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, geometry
from mlarray_core.errors import MLArrayError, UnsupportedError
from mlarray_core.meta import is_spatial
from mlarray_io import Context
from mlarray_io.sdk import millimetres
from mlarray_mrtrix import gradients
from mlarray_mrtrix.geometry import LABEL, NO_UNIT, SPACE, WORLD, spatial_of
from mlarray_mrtrix.header import AXES, GRADIENTS, UNITS
from mlarray_mrtrix.layout import Layout, layout_of
from mlarray_mrtrix.reader import backwards_of

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Reader
    from mlarray_mrtrix.header import MrtrixHeader


@dataclass
class Plan:
    """Where the axes of an array go.

    Parameters
    ----------
    order
        The axes of the array as the file holds them, slowest first.
    axes
        For each axis of the header the axis of the array, None for a length of one that is added.
    scheme
        Diffusion weighting, a row for each volume; None where there is none.
    told
        The axes of the array whose positions the header has.
    """

    order: list[int]
    axes: list[int | None]
    scheme: np.ndarray[Any, Any] | None = None
    told: set[int] = field(default_factory=set)


def plan_of(reader: Reader, path: Path) -> Plan:
    """Decide where the axes go: x, y and z first, then the others, fastest first; in the file as they are.

    Parameters
    ----------
    reader
        The image.
    path
        The target, for errors.

    Raises
    ------
    UnsupportedError
        It has more than three axes of space, or an axis without voxels.
    """
    spatial = [axis for axis, label in enumerate(reader.labels) if is_spatial(label)]
    others = [axis for axis in range(len(reader.shape)) if axis not in spatial]
    if len(spatial) > SPACE or not reader.shape or 0 in reader.shape:
        raise UnsupportedError(
            f"MRtrix can't hold an image of shape {reader.shape} with {len(spatial)} axes of space",
            path=path,
            hint="It has three of space, and none without voxels",
        )
    axes = [*reversed(spatial), *[None] * (SPACE - len(spatial)), *reversed(others)]
    plan = Plan(list(range(len(reader.shape))), axes)
    count = reader.shape[others[-1]] if others else 1
    plan.scheme = gradients.from_bids(Additions.of(reader.meta).bids, count, reader.meta.spatial)
    return plan


def put_geometry(
    header: MrtrixHeader,
    before: MrtrixHeader | None,
    reader: Reader,
    plan: Plan,
    path: Path,
    context: Context,
) -> None:
    """Store sizes, strides, transform, weighting and labels; the source's where they still hold.

    Parameters
    ----------
    header
        Gets them.
    before
        The source's, None for that of another format.
    reader
        The image.
    plan
        Where its axes go.
    path
        The target, for messages.
    context
        Told of what the header can't say.
    """
    old = None if before is None else _layout_if_same(before, reader, path)
    if before is not None and old is not None:
        for name in ("dim", "vox", "transform"):
            if lines := before.lines(name):
                header.fields[name] = lines
        header.fields["layout"] = [_spelt(old)]
        _put_weights(header, before, plan, plan.axes[SPACE] if len(plan.axes) > SPACE else None, path)
        plan.told |= {axis for axis in Additions.of(reader.meta).axes if axis < len(reader.shape)}
        return
    _put_fresh(header, reader, plan, context)
    _put_weights(header, before, plan, plan.axes[SPACE] if len(plan.axes) > SPACE else None, path)
    _put_labels(header, reader, plan)


def _layout_if_same(before: MrtrixHeader, reader: Reader, path: Path) -> Layout | None:
    """Return the source's layout where the image still is where that header puts it."""
    try:
        layout = layout_of(before, path)
        spatial = spatial_of(before, layout, path, Context())
    except MLArrayError:
        return None
    mine, count = reader.meta.spatial, sum(map(is_spatial, reader.labels))
    if reader.labels != list(spatial.axis_labels or ()) or mine.axis_units != spatial.axis_units:
        return None
    added = len(reader.shape) - len(layout.shape)
    if reader.shape != (*[1] * added, *layout.shape) or mine.coord_system != spatial.coord_system:
        return None
    new, old = geometry.affine_of(mine, count), geometry.affine_of(spatial, count)
    return layout if np.allclose(new, old, rtol=1e-10, atol=1e-10 * np.abs(old[:-1, :-1]).max()) else None


def _spelt(layout: Layout) -> str:
    """Return the strides; volumes that were stored backwards are written forwards."""
    back = {layout.order[place] for place in backwards_of(layout)}
    signs = ["-" if reverse and axis not in back else "+" for axis, reverse in enumerate(layout.backwards)]
    return ",".join(f"{sign}{rank}" for sign, rank in zip(signs, layout.ranks, strict=True))


def _put_fresh(header: MrtrixHeader, reader: Reader, plan: Plan, context: Context) -> None:
    spatial, ndim = reader.meta.spatial, len(reader.shape)
    known = [axis for axis in plan.axes[:SPACE] if axis is not None]
    affine = np.eye(SPACE + 1)
    if known:
        own = geometry.affine_of(spatial, len(known))
        count = len(known)
        affine[:count, :count], affine[:count, SPACE] = own[:count, :count][:, ::-1], own[:count, count]
    world = geometry.normal_world(spatial.coord_system)
    if world is None:
        context.loss(f"that the world is {spatial.coord_system or 'unset'}", f"MRtrix's is always {WORLD}")
    else:
        affine = geometry.to_world(affine, world, WORLD)
    affine[:SPACE] *= millimetres(reader, context, "MRtrix")
    sizes = np.linalg.norm(affine[:SPACE, :SPACE], axis=0)
    if geometry.is_sheared(affine):
        context.loss("shear", "MRtrix has axes at right angles only")
    columns = np.column_stack([affine[:SPACE, :SPACE] / sizes, affine[:SPACE, SPACE]]) + 0.0
    # an axis of length one that is added lies nowhere among the strides: it is the slowest of all
    places = [axis if axis is not None else -1 - number for number, axis in enumerate(plan.axes)]
    ranks = {place: rank for rank, place in enumerate(sorted(places, reverse=True))}
    header.fields["dim"] = [",".join(str(1 if axis is None else reader.shape[axis]) for axis in plan.axes)]
    steps = [_step(reader, axis, plan) for axis in plan.axes[SPACE:]]
    header.fields["vox"] = [",".join([*(repr(float(size)) for size in sizes), *steps])]
    header.fields["layout"] = [",".join(f"+{ranks[place]}" for place in places)]
    header.fields["transform"] = [", ".join(repr(float(value)) for value in row) for row in columns]
    assert len(ranks) == max(ndim, len(plan.axes))


def _step(reader: Reader, axis: int | None, plan: Plan) -> str:
    """Return the step of time along an axis of the array, in the unit that its label's unit tells."""
    known = None if axis is None else Additions.of(reader.meta).axes.get(axis)
    line = None if known is None else known.even_step()
    first = len(plan.axes) > SPACE and axis == plan.axes[SPACE]
    if axis is None or not first or reader.labels[axis] != "temporal" or line is None or line.start:
        return "nan"
    plan.told.add(axis)
    return repr(line.step)


def _put_weights(
    header: MrtrixHeader,
    before: MrtrixHeader | None,
    plan: Plan,
    axis: int | None,
    path: Path,
) -> None:
    """Store the scheme in the source's words where it says the same, else anew, or none."""
    if plan.scheme is None:
        volumes = 1 if axis is None else int(header.fields["dim"][0].split(",")[SPACE])
        if len(header.lines(GRADIENTS)) != volumes:
            header.fields.pop(GRADIENTS, None)
        return
    plan.told |= set() if axis is None else {axis}
    old = None if before is None else gradients.scheme_of(before, len(plan.scheme), path)
    if gradients.is_same(old, plan.scheme):
        return
    header.fields[GRADIENTS] = [",".join(repr(float(value)) for value in row) for row in plan.scheme]


def _put_labels(header: MrtrixHeader, reader: Reader, plan: Plan) -> None:
    """Name axes that aren't of space, and their units, in keys of our own, which MRtrix keeps."""
    header.fields.pop(AXES, None)
    header.fields.pop(UNITS, None)
    others = [axis for axis in plan.axes[SPACE:] if axis is not None]
    units = reader.units
    labels = [reader.labels[axis] for axis in others]
    measures = [units[axis] or NO_UNIT for axis in others]
    if all(label == "non_spatial" for label in labels) and set(measures) <= {NO_UNIT}:
        return
    if all(map(LABEL.fullmatch, [*labels, *measures])):
        header.fields[AXES] = [",".join(["spatial_x", "spatial_y", "spatial_z", *labels])]
        header.fields[UNITS] = [",".join(["mm"] * SPACE + measures)]
