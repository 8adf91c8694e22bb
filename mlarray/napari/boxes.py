"""Boxes of an image as a layer of shapes: a rectangle in each slice that they reach through."""

from __future__ import annotations

import math
import warnings
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray.napari.origin import KEY
from mlarray.napari.placement import transform
from mlarray_core import geometry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray.napari.origin import Origin
    from mlarray.napari.placement import Placement
    from mlarray_core.array.image import MLArray
    from mlarray_core.meta import Meta

    Array = np.ndarray[Any, Any]
    Layer = tuple[Any, dict[str, Any], str]
    Ends = tuple[float, float]

MOST = 5000
"""Rectangles up to which a box is drawn in each of its slices: napari draws a few thousand in a second."""
EDGE = 1 / 200
"""Width of edges, of the longer side of a slice: thinner ones are lost on a small screen."""
COLOUR = "yellow"
"""Of boxes whose label has none in the label table."""


def box_layer(image: MLArray, origin: Origin, name: str) -> Layer | None:
    """Return the boxes of an image as a layer of shapes; None without any.

    A box holds the voxels from `min` on up to `max`, which is the first one behind it, as slices do. The
    rectangle goes around these voxels.

    Parameters
    ----------
    image
        The image.
    origin
        What its layer remembers of it.
    name
        Of the image's layer.
    """
    placed = origin.placed
    boxes = image.meta.bbox.bboxes
    if not boxes:
        return None
    ends = [_shown(box, image, placed) for box in boxes]
    count = len(ends[0])
    shape = _sizes(image, placed)[len(placed.order) - count :]
    slices = [list(product(*map(_within, box[:-2], shape))) for box in ends]
    if sum(map(len, slices)) > MOST:
        warnings.warn(f"{name}: boxes are drawn in their first, middle and last slices only", stacklevel=2)
        slices = [[every[0], every[len(every) // 2], every[-1]] for every in slices]
    which = [number for number, every in enumerate(slices) for _ in every]
    rectangles = [_rectangle(at, box) for box, every in zip(ends, slices, strict=True) for at in every]
    features, text = _features(image.meta, which)
    drawn: dict[str, Any] = {
        "name": f"{name} boxes",
        "shape_type": "rectangle",
        **transform(placed.affine[-count - 1 :, -count - 1 :]),
        "axis_labels": placed.names[-count:],
        "units": placed.units[-count:],
        "edge_color": _colours(image.meta, which),
        "edge_width": max(1.0, max(_sizes(image, placed)[-2:]) * EDGE),
        "face_color": "transparent",
        "metadata": {KEY: origin},
        "features": features,
    }
    return rectangles, drawn | ({"text": text} if text else {}), "shapes"


def _sizes(image: MLArray, placed: Placement) -> list[int]:
    return [(image.shape or ())[axis] for axis in placed.order]


def _shown(box: Sequence[Sequence[float]], image: MLArray, placed: Placement) -> list[Ends]:
    """Return the ends of a box along the axes of the display: all of them, or the spatial ones."""
    shape = image.shape or ()
    whole = len(box) == len(shape)
    space = geometry.spatial_axes(image.meta.spatial.axis_labels, len(shape))
    axes = range(len(shape)) if whole else space
    ends = dict(zip(axes, box, strict=True))
    order = placed.order if whole else placed.order[len(placed.order) - placed.spatial :]
    return [(float(min(ends[axis])), float(max(ends[axis]))) for axis in order]


def _within(ends: Ends, size: int) -> range:
    """Return the indices along an axis that a box holds: the nearest one of a box that holds none."""
    first = min(max(math.ceil(ends[0]), 0), size - 1)
    return range(first, max(min(math.ceil(ends[1]), size), first + 1))


def _rectangle(at: tuple[int, ...], box: Sequence[Ends]) -> Array:
    """Return the corners of a box in one slice; voxels reach half of one to each side of their centres."""
    (top, bottom), (left, right) = ((low - 0.5, high - 0.5) for low, high in box[-2:])
    corners = ((top, left), (top, right), (bottom, right), (bottom, left))
    return np.array([(*at, *corner) for corner in corners], dtype=np.float64)


def _features(meta: Meta, which: Sequence[int]) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Return number, class and score of each rectangle, and how napari writes them beside it."""
    features: dict[str, list[Any]] = {"box": list(which)}
    words = []
    if meta.bbox.labels is not None:
        names: dict[Any, str] = {one.value: one.name for one in meta.labels if one.name}
        features["label"] = [str(names.get(meta.bbox.labels[box], meta.bbox.labels[box])) for box in which]
        words.append("{label}")
    if meta.bbox.scores is not None:
        features["score"] = [float(meta.bbox.scores[box]) for box in which]
        words.append("{score:.2f}")
    text = {"string": " ".join(words), "color": COLOUR, "anchor": "upper_left"}
    return features, text if words else {}


def _colours(meta: Meta, which: Sequence[int]) -> list[Any]:
    known: dict[Any, str] = {
        key: one.color for one in meta.labels if one.color for key in (one.value, one.name)
    }
    labels = meta.bbox.labels
    return [COLOUR if labels is None else known.get(labels[box], COLOUR) for box in which]
