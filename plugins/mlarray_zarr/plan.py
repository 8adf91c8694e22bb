"""How an image becomes OME-Zarr: order and names of its axes, its place, its resolutions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mlarray_core import Additions, geometry
from mlarray_core.errors import OptionError
from mlarray_core.units import name_of
from mlarray_io.sdk import default_labels, fitting_levels
from mlarray_zarr.ngff import Axis, Level, world_rows
from mlarray_zarr.orientation import orientations, places_of, turned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_io import Context, Reader
    from mlarray_zarr.options import ZarrOptions

SMALL = 256
"""A level whose longest axes are no longer needs no coarser one."""
DEFAULT_CHUNK = {1: (1 << 20,), 2: (1024, 1024), 3: (64, 128, 128)}
"""About a million voxels, by number of spatial axes."""


@dataclass(frozen=True)
class Plan:
    """What is written.

    Parameters
    ----------
    order
        Which axis of the image each axis of the array is.
    axes
        Of the array.
    levels
        The resolutions, the finest first.
    shapes
        The shape of each.
    factors
        How many voxels of the level before make one, for each level after the first and each axis.
    chunks, shards
        Of every array.
    taken
        Where the coarser levels come from, each written as it is; empty when they are made.
    method
        How the voxels of levels that are made follow from finer ones.
    """

    order: tuple[int, ...]
    axes: tuple[Axis, ...]
    levels: tuple[Level, ...]
    shapes: tuple[tuple[int, ...], ...]
    factors: tuple[tuple[int, ...], ...]
    chunks: tuple[int, ...]
    shards: tuple[int, ...] | None
    taken: tuple[Reader, ...] = ()
    method: Literal["mean", "mode"] = "mean"


def plan_of(reader: Reader, options: ZarrOptions, context: Context) -> Plan:
    """Decide everything. An image that OME-Zarr can't hold gets no levels, and a loss is reported.

    Parameters
    ----------
    reader
        The image that is written.
    options
        The format's settings.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.
    """
    labels = list(reader.meta.spatial.axis_labels or default_labels(len(reader.shape)))
    axes = _axes(reader, labels)
    order = tuple(range(len(labels)))
    if _fits(axes):
        order = tuple(sorted(order, key=lambda index: _rank(axes[index].kind)))
    else:
        context.loss("OME-Zarr metadata", "it needs 2 or 3 axes of space, at most one of time and one other")
    shape = tuple(reader.shape[axis] for axis in order)
    ordered = [axes[axis] for axis in order]
    chunks, shards = _boxes(shape, ordered, options)
    if not _fits(axes):
        return Plan(order, tuple(ordered), (), (shape,), (), chunks, shards)
    levels = [_finest(reader, ordered, order, context)]
    stored = tuple(ordered)
    taken = _taken(reader, levels, order, options, context)
    if taken:
        shapes = [shape, *(tuple(level.shape[axis] for axis in order) for level in taken)]
        return Plan(order, stored, tuple(levels), tuple(shapes), (), chunks, shards, taken)
    shapes, factors = _pyramid(shape, stored, levels, options)
    return Plan(order, stored, tuple(levels), tuple(shapes), tuple(factors), chunks, shards)


def _taken(
    reader: Reader, levels: list[Level], order: Sequence[int], options: ZarrOptions, context: Context
) -> tuple[Reader, ...]:
    """Return the levels of the source that are written as they are, and add where they lie to `levels`."""
    asked = 0 if options.levels == "none" else options.levels
    if asked == 0:
        return ()
    found, reasons = fitting_levels(reader)
    if asked == "source":
        for reason in reasons:
            context.warn(reason)
    elif asked == "auto":
        found = [] if reasons else found
    else:
        found = found[:asked] if len(found) >= asked else []
    space = geometry.spatial_axes(reader.meta.spatial.axis_labels, len(order))
    fine = levels[0]
    for number, (_, place) in enumerate(found, 1):
        shifts = dict(zip(space, place.shifts, strict=True))
        scale = [step * place.factors[axis] for step, axis in zip(fine.scale, order, strict=True)]
        moved = [
            start + step * shifts.get(axis, 0)
            for start, step, axis in zip(fine.translation, fine.scale, order, strict=True)
        ]
        levels.append(Level(str(number), tuple(scale), tuple(moved)))
    return tuple(level for level, _ in found)


def _axes(reader: Reader, labels: Sequence[str]) -> list[Axis]:
    units = reader.meta.spatial.axis_units or [""] * len(labels)
    names = _names(labels)
    kinds = {"temporal": "time", "channel": "channel", "components": "channel"}
    kinds |= {label: "space" for label in labels if label.startswith("spatial")}
    return [
        Axis(name, kinds.get(label, "custom"), name_of(unit) or unit)
        for name, label, unit in zip(names, labels, units, strict=True)
    ]


def _names(labels: Sequence[str]) -> list[str]:
    """Name the axes of space x, y, z by their labels where those differ, else by their place."""
    space = [index for index, label in enumerate(labels) if label.startswith("spatial")]
    own = [labels[index].removeprefix("spatial_") for index in space]
    if len(set(own)) < len(own) or not set(own) <= {"x", "y", "z"}:
        own = list("zyx"[-len(space) :]) if 0 < len(space) <= 3 else [f"s{n}" for n in range(len(space))]
    named = dict(zip(space, own, strict=True))
    letters = {"temporal": "t", "channel": "c", "components": "c"}
    names = [named.get(index) or letters.get(label, label) for index, label in enumerate(labels)]
    return [name if names.count(name) == 1 else f"{name}{index}" for index, name in enumerate(names)]


def _rank(kind: str) -> int:
    return {"time": 0, "space": 2}.get(kind, 1)


def _fits(axes: Sequence[Axis]) -> bool:
    """Whether OME-Zarr allows these axes (0.4 and 0.5, "axes" metadata)."""
    ranks = [_rank(axis.kind) for axis in axes]
    return 2 <= ranks.count(2) <= 3 and ranks.count(0) <= 1 and ranks.count(1) <= 1


def _finest(reader: Reader, axes: list[Axis], order: Sequence[int], context: Context) -> Level:
    """Return scale and translation of the image, and orient its axes; what can't be said is a loss."""
    at = [index for index, axis in enumerate(axes) if axis.kind == "space"]
    scale, translation = [1.0] * len(axes), [0.0] * len(axes)
    spatial = reader.meta.spatial
    affine = geometry.affine_of(spatial, len(at))
    named = orientations(affine, spatial.coord_system)
    if named is not None:
        for index, name in zip(at, named, strict=True):
            axes[index] = replace(axes[index], orientation=name)
        straight, position = turned(affine, spatial.coord_system), [0.0] * len(at)
        for column, (row, sign) in enumerate(places_of(axes) or ()):
            position[column] = float(sign * straight[row, -1])
    else:
        rows = world_rows([axes[index].name for index in at])
        position = [float(affine[row, -1]) for row in rows]
        straight = np.zeros_like(affine[:-1, :-1])
        straight[rows, range(len(at))] = np.linalg.norm(affine[:-1, :-1], axis=0)
        placed = spatial.direction is not None or spatial.affine is not None
        if placed and not np.allclose(affine[:-1, :-1], straight, rtol=1e-6, atol=1e-9):
            context.loss("direction of the axes", "OME-Zarr has scale and translation only; mlarray reads it")
    for column, index in enumerate(at):
        scale[index] = float(np.linalg.norm(affine[:-1, column]))
        translation[index] = position[column]
    for index, axis in enumerate(axes):
        if axis.kind == "time":
            scale[index], translation[index] = _steps(reader, order[index])
    return Level("0", tuple(scale), tuple(translation))


def _steps(reader: Reader, axis: int) -> tuple[float, float]:
    """Return step and start of time, where it is even."""
    known = Additions.of(reader.meta).axes.get(axis)
    values = None if known is None else known.values
    if values is None or len(values) < 2 or not all(type(value) in (int, float) for value in values):
        return 1.0, 0.0
    steps = np.diff(np.asarray(values, np.float64))
    if not np.allclose(steps, steps[0], rtol=1e-6) or steps[0] <= 0:
        return 1.0, 0.0
    return float(steps[0]), float(values[0])


def _pyramid(
    shape: tuple[int, ...], axes: Sequence[Axis], levels: list[Level], options: ZarrOptions
) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """Add coarser levels: axes with fine voxels are halved until voxels are even, then all."""
    space = [index for index, axis in enumerate(axes) if axis.kind == "space"]
    shapes: list[tuple[int, ...]] = [shape]
    factors: list[tuple[int, ...]] = []
    counted = isinstance(options.levels, int)
    wanted = options.levels if isinstance(options.levels, int) else 0 if options.levels == "none" else 16
    while len(factors) < wanted and (counted or max(shape[i] for i in space) > SMALL):
        before = levels[-1]
        long = [index for index in space if shape[index] > 1]
        if not long:
            break
        limit = 1.5 * min(before.scale[index] for index in long)
        halved = [index for index in long if before.scale[index] < limit]
        factor = tuple(2 if index in halved else 1 for index in range(len(shape)))
        shape = tuple(-(-size // by) for size, by in zip(shape, factor, strict=True))
        move = [(by - 1) / 2 for by in factor]
        levels.append(
            Level(
                str(len(levels)),
                tuple(step * by for step, by in zip(before.scale, factor, strict=True)),
                tuple(t + m * s for t, m, s in zip(before.translation, move, before.scale, strict=True)),
            )
        )
        shapes.append(shape)
        factors.append(factor)
    return shapes, factors


def _boxes(
    shape: tuple[int, ...], axes: Sequence[Axis], options: ZarrOptions
) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    space = [index for index, axis in enumerate(axes) if axis.kind == "space"]
    default = DEFAULT_CHUNK.get(len(space), (64,) * len(space))
    chunks = _box(options.chunk_size or default, space, len(shape), "chunk_size")
    if options.shard_size is None:
        return tuple(max(1, min(chunk, size)) for chunk, size in zip(chunks, shape, strict=True)), None
    if options.version == "0.4":
        raise OptionError("Zarr 2 has no shards", field="shard_size", hint="Leave out -o version=0.4")
    shards = _box(options.shard_size, space, len(shape), "shard_size")
    if any(shard % chunk for shard, chunk in zip(shards, chunks, strict=True)):
        raise OptionError(f"{shards} are no multiples of the chunks {chunks}", field="shard_size")
    return chunks, shards


def _box(given: Sequence[int], space: Sequence[int], ndim: int, field: str) -> tuple[int, ...]:
    if any(size < 1 for size in given) or len(given) not in (1, len(space), ndim):
        what = f"expected one number, {len(space)} or {ndim}, each over 0; got {tuple(given)}"
        raise OptionError(what, field=field)
    if len(given) == ndim:
        return tuple(given)
    sizes = dict(zip(space, given if len(given) > 1 else list(given) * len(space), strict=True))
    return tuple(sizes.get(index, 1) for index in range(ndim))
