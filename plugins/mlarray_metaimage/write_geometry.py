"""Which fields place an image: the source's where they still hold, else new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, geometry
from mlarray_core.meta import is_spatial
from mlarray_core.units import factor
from mlarray_io.sdk import world_parts
from mlarray_metaimage.geometry import LABELS, NAME, NO_UNIT, PLACES, UNITS_OF_AXES, positions, spatial_of

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Context, Reader
    from mlarray_metaimage.header import Fields, MetaHeader

Numbers = np.ndarray[Any, np.dtype[np.float64]]


def is_unchanged(reader: Reader, header: MetaHeader, path: Path) -> bool:
    """Say whether the image still is where the source's header puts it, with the same axes and units.

    Parameters
    ----------
    reader
        The image.
    header
        The source's.
    path
        The target, for messages.
    """
    spatial, steps = spatial_of(header.fields, path)
    mine, labels = reader.meta.spatial, reader.labels
    same = labels == list(spatial.axis_labels or ()) and mine.coord_system == spatial.coord_system
    if not same or mine.axis_units != spatial.axis_units:
        return False
    if positions(steps, reader.shape, spatial) != Additions.of(reader.meta).axes:
        return False
    count = sum(label.startswith("spatial") for label in labels)
    new, old = geometry.affine_of(mine, count), geometry.affine_of(spatial, count)
    return bool(np.allclose(new, old, rtol=1e-10, atol=1e-10 * np.abs(old[:-1, :-1]).max()))


def fresh_fields(reader: Reader, order: list[int], context: Context) -> Fields:
    """Return the fields for a geometry that is written anew, in LPS and millimetres.

    Parameters
    ----------
    reader
        The image.
    order
        Its axes as the file holds them, slowest first.
    context
        Where to report what the fields can't say.
    """
    spatial, labels = reader.meta.spatial, reader.labels
    count = sum(label.startswith("spatial") for label in labels)
    others = [
        axis for axis in order if not labels[axis].startswith("spatial") and labels[axis] != "components"
    ]
    size = (max(count, 3) if others and count else count) + len(others) or 1
    matrix, origin, spacing = np.eye(size), np.zeros(size), np.ones(size)
    fields: Fields = {}
    if count:
        affine = geometry.affine_of(spatial, count)
        world = geometry.normal_world(spatial.coord_system)
        if world is not None:
            affine = geometry.to_world(affine, world, "LPS")
        else:
            context.loss(f"that the world is {spatial.coord_system or 'unset'}", "MetaImage's is always LPS")
        factor = _factor(spatial.axis_units, labels, fields, context)
        steps, start, direction = geometry.decompose(affine)
        spacing[:count] = np.array(steps[::-1]) * factor
        origin[:count] = np.array(start) * factor
        matrix[:count, :count] = np.array(direction)[:, ::-1].T
        if count == 3 and world is not None:
            code = geometry.orientation(affine, "LPS")
            fields["AnatomicalOrientation"] = code.translate(str.maketrans("RLAPSI", "LRPAIS"))
    _put_positions(reader, others, size, spacing, origin, context)
    _put_names(fields, reader, others, size)
    fields |= {"TransformMatrix": (matrix + 0.0).ravel().tolist(), "Offset": (origin + 0.0).tolist()}
    return fields | {"CenterOfRotation": [0.0] * size, "ElementSpacing": spacing.tolist()}


def _factor(units: list[str] | None, labels: list[str], fields: Fields, context: Context) -> float:
    """Return what turns lengths into millimetres, and note in the header what they were."""
    lengths = {unit for unit, label in zip(units or (), labels, strict=False) if is_spatial(label)} - {""}
    if not lengths:
        return 1.0
    unit = min(lengths)
    millimetres = factor(unit, "mm")
    if len(lengths) > 1 or millimetres is None:
        context.loss(f"unit of length {', '.join(sorted(lengths))}", "MetaImage knows millimetres only")
        return 1.0
    if millimetres != 1.0:
        fields["Comment"] = f"lengths were in {unit}"
    return millimetres


def _put_positions(
    reader: Reader, others: list[int], size: int, spacing: Numbers, origin: Numbers, context: Context
) -> None:
    """Store even positions along other axes as spacing and start."""
    parts = world_parts(reader.meta, reader.labels)
    for axis, known in sorted(Additions.of(reader.meta).axes.items()):
        if parts is not None and axis == parts.axis:
            context.loss(f"that the parts are a {parts.kind}", "MetaImage has no place for it")
            continue
        if known.name and reader.labels[axis] == "non_spatial":
            context.loss(f"the name of axis {axis}, {known.name}", "MetaImage has none for other axes")
        line = known.even_step()
        if axis in others and line is not None and line.step:
            place = size - 1 - others.index(axis)
            spacing[place], origin[place] = line.step, line.start
        else:
            context.loss(f"positions along axis {axis}", "MetaImage holds only even steps")


def _put_names(fields: Fields, reader: Reader, others: list[int], size: int) -> None:
    """Name the axes that aren't of space, and their units, in fields of our own, which ITK passes over."""
    labels, units = reader.labels, reader.units
    words, measures = list(PLACES)[:size], ["mm"] * min(size, 3)
    words += ["spatial"] * (size - len(others) - len(words))
    measures += ["mm"] * (size - len(others) - len(measures))
    words += [labels[axis] for axis in reversed(others)]
    measures += [units[axis] or NO_UNIT for axis in reversed(others)]
    known = Additions.of(reader.meta).axes
    plain = all(labels[axis] == "non_spatial" and not units[axis] for axis in others)
    plain |= not any(units[axis] or axis in known for axis in others)
    if plain or len(words) != size or not all(NAME.fullmatch(word) for word in [*words, *measures]):
        return
    fields[LABELS], fields[UNITS_OF_AXES] = " ".join(words), " ".join(measures)
