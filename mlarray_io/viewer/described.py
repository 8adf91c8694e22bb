"""What the page is told of the images before it asks for voxels: no more than headers say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import units
from mlarray_io.pictures.colours import colour_of
from mlarray_io.printing.text import amount, flat
from mlarray_io.viewer.space import SMALL
from mlarray_io.viewer.tiles import SIDE, plane_axes, plane_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_io.viewer.shown import ShownImage
    from mlarray_io.viewer.space import Matrix

MOST_ROWS = 5000
"""Rows of a header that the page lists."""


def scale_of(images: Sequence[ShownImage]) -> tuple[str, float]:
    """Return the unit of length of the page, and how many of it a millimetre is: for what is small, um."""
    first = images[0]
    if _unit(first) and min(_spacing(first, 0)) < SMALL:
        return "µm", 1000.0
    return ("mm" if _unit(first) else ""), 1.0


def describe(image: ShownImage, scale: float) -> dict[str, object]:
    """Return what the page knows of an image.

    Parameters
    ----------
    image
        The image.
    scale
        How many units of the page a millimetre is.
    """
    columns, rows = plane_axes(image)
    return {
        "title": image.title,
        "flat": image.flat,
        "labels": image.is_labels,
        "colour": image.colour is not None,
        "known": image.space.known,
        "letters": image.space.letters,
        "affine": scaled(image.space.affine, scale).tolist(),
        "shape": image.shape(0),
        "levels": [_level(image, number, scale) for number in range(len(image.versions))],
        "entries": image.entries(),
        "plane": {
            "columns": columns,
            "rows": rows,
            "side": SIDE,
            "sizes": [plane_shape(image, number) for number in range(len(image.versions))],
        },
        "table": _table(image),
        "facts": list(_facts(image)),
        "notes": image.notes,
    }


def header(image: ShownImage) -> list[list[str]]:
    """Return names and values of all metadata."""
    rows = [list(row) for row in flat(image.reader.meta.to_plain(include_none=False))]
    more = [["…", f"and {len(rows) - MOST_ROWS} more"]] if len(rows) > MOST_ROWS else []
    return rows[:MOST_ROWS] + more


def value_at(image: ShownImage, point: Sequence[float], entry: Sequence[int]) -> dict[str, object]:
    """Return what is at a point of the world: the voxel, its centre, its exact value and what that means.

    Parameters
    ----------
    image
        The image.
    point
        In millimetres.
    entry
        Along all axes that aren't spatial.
    """
    place = image.space.index_at(point)
    if not all(math.isfinite(part) for part in place):
        return {"inside": False}
    index = [math.floor(part + 0.5) for part in place]
    if not all(0 <= at < size for at, size in zip(index, image.shape(0), strict=True)):
        return {"inside": False}
    values = image.voxel(entry, index)
    names = {label.value: label.name for label in image.reader.meta.labels} if image.is_labels else {}
    kind = values.dtype.kind
    name = names.get(int(values[0]), "") if kind in "iu" else ""
    return {
        "inside": True,
        "voxel": index,
        "centre": image.space.point_at(index),
        "values": [value_text(value) for value in values],
        "name": name,
    }


def value_text(value: np.generic) -> str:
    """Return a value as it is stored: whole numbers with every digit, others with what tells them apart."""
    return str(value.item()) if value.dtype.kind in "biu" else str(value)


def scaled(affine: Matrix, scale: float) -> Matrix:
    """Return an affine that leads to the units of the page."""
    moved = affine.copy()
    moved[:3] *= scale
    return moved


def _unit(image: ShownImage) -> bool:
    given = image.reader.meta.spatial.axis_units or []
    return any(units.factor(given[axis], "mm") for axis in image.spatial if axis < len(given))


def _spacing(image: ShownImage, level: int) -> list[float]:
    affine = image.space.at(image.versions[level], image.spatial)
    steps: list[float] = np.linalg.norm(affine[:3, : len(image.spatial)], axis=0).tolist()
    return steps


def _level(image: ShownImage, number: int, scale: float) -> dict[str, object]:
    return {
        "shape": image.shape(number),
        "spacing": [step * scale for step in _spacing(image, number)],
        "factor": max(image.versions[number].factors),
        "bytes": image.nbytes(number),
        "sampled": image.versions[number].sampled,
    }


def _table(image: ShownImage) -> list[list[object]]:
    """Return value, name and colour of the labels that the metadata name."""
    if not image.is_labels:
        return []
    return [
        [label.value, label.name, *colour_of(label.value, label)]
        for label in image.reader.meta.labels[:MOST_ROWS]
    ]


def _facts(image: ShownImage) -> list[tuple[str, str]]:
    reader, spatial = image.reader, image.reader.meta.spatial
    unit, world = "mm" if _unit(image) else "(no unit)", " (RAS)" if image.space.known else ""
    return [
        ("file", str(image.opened.source.where)),
        ("format", image.opened.format.title or image.opened.format.name),
        ("shape", " x ".join(map(str, reader.shape)) + f" ({', '.join(reader.labels)})"),
        ("type", f"{reader.dtype}, {amount(reader.nbytes)} of voxels"),
        ("spacing", " x ".join(f"{step:.6g}" for step in _spacing(image, 0)) + f" {unit} (x first)"),
        ("orientation", image.space.letters or "unknown"),
        ("world", str(spatial.coord_system or "unknown")),
        ("first voxel at", ", ".join(f"{part:.6g}" for part in image.space.point_at([0, 0, 0])) + world),
    ]
