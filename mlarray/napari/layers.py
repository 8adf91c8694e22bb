"""An image as layers of napari: what is in a ``LayerData`` tuple."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray.napari.boxes import box_layer
from mlarray.napari.lazy_voxels import LazyVoxels
from mlarray.napari.origin import KEY, Origin
from mlarray.napari.placement import Placement, placement, transform
from mlarray_core import Additions
from mlarray_core.errors import UnsupportedError
from mlarray_core.exchange.notebook import color_for, window_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlarray_core.array.image import MLArray
    from mlarray_core.meta import Label, Meta

    Array = np.ndarray[Any, Any]
    Layer = tuple[Any, dict[str, Any], str]
    Conversion = tuple[Callable[[Array], Array], np.dtype[Any]] | None

EDITABLE = 256 << 20
"""Bytes of a label map up to which it is read at once, so that it can be painted on."""
SAMPLE = 64 << 20
"""Bytes that are read to find a contrast."""
MOST_CHANNELS = 16
"""Up to so many, channels are layers of their own; more are a slider."""
COLOURS = ("cyan", "magenta", "yellow", "red", "green", "blue")
"""Of channels whose colour isn't known, in turn."""
HEX = re.compile(r"#?([0-9A-Fa-f]{6})")
UNKNOWN_LABEL = (0.5, 0.5, 0.5, 1.0)
"""Colour of values that a label table with colours doesn't have."""


def layers_of(image: MLArray, name: str) -> list[Layer]:
    """Return the layers of an image: itself, or each of its channels, and its boxes.

    Parameters
    ----------
    image
        The image; its voxels are read when they are shown.
    name
        Of the layers.

    Raises
    ------
    UnsupportedError
        There are no voxels that can be shown, or fewer than two axes.
    """
    if image.shape is None or image.size == 0:
        raise UnsupportedError("there are no voxels to show", path=image.filepath)
    colours, channels = _colours(image), _channels(image)
    hidden = [axis for axis in (colours, channels) if axis is not None]
    placed = placement(image, hidden)
    if len(placed.order) < 2:
        raise UnsupportedError("napari shows images of two axes or more", path=image.filepath)
    origin = Origin(image.meta.copy(), placed, colours)
    common = {
        **transform(placed.affine),
        "axis_labels": placed.names,
        "units": placed.units,
        "metadata": {KEY: origin},
    }
    if channels is None:
        made = [_layer(image, origin, {}, {"name": name, **common})]
    else:
        made = [
            _layer(
                image, origin, {channels: index}, _channel(image, name, index, image.shape[channels]) | common
            )
            for index in range(image.shape[channels])
        ]
    boxes = box_layer(image, origin, name)
    return made if boxes is None else [*made, boxes]


def _colours(image: MLArray) -> int | None:
    """Return the axis of red, green and blue, if there is one that napari takes for it."""
    labels, shape = image.meta.spatial.axis_labels or [], image.shape or ()
    if image.dtype != np.uint8 or image.meta.is_seg.is_seg:
        return None
    return next((i for i, label in enumerate(labels) if label == "components" and shape[i] in (3, 4)), None)


def _channels(image: MLArray) -> int | None:
    labels, shape = image.meta.spatial.axis_labels or [], image.shape or ()
    found = [i for i, label in enumerate(labels) if label == "channel" and shape[i] <= MOST_CHANNELS]
    return found[0] if len(found) == 1 else None


def _channel(image: MLArray, name: str, index: int, count: int) -> dict[str, Any]:
    """Return name and colour of a channel."""
    known = Additions.of(image.meta).channels
    one = known[index] if len(known) == count else None
    title = f"{name} {(one.name if one else '') or index}"
    if image.meta.is_seg.is_seg or count == 1:
        return {"name": title}
    spelt = HEX.fullmatch((one.color if one else None) or "")
    colour = f"#{spelt[1].lower()}" if spelt else COLOURS[index % len(COLOURS)]
    return {"name": title, "colormap": colour, "blending": "additive"}


def _layer(image: MLArray, origin: Origin, fixed: dict[int, int], attributes: dict[str, Any]) -> Layer:
    dtype, whole = image.dtype, origin.axes
    assert dtype is not None
    if dtype.kind not in "biufc":
        raise UnsupportedError(f"napari shows numbers, the voxels are {dtype}", path=image.filepath)
    labels = bool(image.meta.is_seg.is_seg) and dtype.kind in "biu"
    convert = _conversion(dtype, labels=labels)
    data = [LazyVoxels(one, whole, fixed, convert) for one in (image, *_fitting(image, origin.placed))]
    if labels:
        attributes = attributes | _label_table(image.meta)
        if data[0].nbytes <= EDITABLE:
            return np.array(data[0]), attributes, "labels"
    elif origin.colours is not None:
        attributes = attributes | {"rgb": True}
    else:
        attributes = attributes | {"contrast_limits": _contrast(image.meta, data[-1], split=bool(fixed))}
    kind = "labels" if labels else "image"
    if len(data) == 1:
        return data[0], attributes, kind
    return data, attributes | {"multiscale": True}, kind


def _conversion(dtype: np.dtype[Any], *, labels: bool) -> Conversion:
    """Return how voxels become numbers that napari shows: complex ones by their magnitude."""
    if dtype.kind == "c":
        return np.abs, np.abs(np.zeros(1, dtype)).dtype
    if dtype.kind == "b" and labels:
        return lambda voxels: voxels.astype(np.uint8), np.dtype(np.uint8)
    return None


def _fitting(image: MLArray, placed: Placement) -> list[MLArray]:
    """Return the levels that lie where napari will show them, to a voxel of theirs.

    napari knows nothing of a level but its shape: it takes the ratio to the image's for its voxels' size, and
    has the corners of the two in one place. Levels of an image without a place have none either.
    """
    if image.meta.spatial.affine is None and image.meta.spatial.origin is None:
        return list(image.levels)
    shape, fitting = image.shape or (), []
    space = placed.order[len(placed.order) - placed.spatial :]
    for level in image.levels:
        own = placement(level, [axis for axis in range(len(shape)) if axis not in placed.order])
        if own.order != placed.order:
            continue
        ratios = np.array([shape[axis] / (level.shape or shape)[axis] for axis in space])
        first = (ratios - 1) / 2
        count = placed.spatial
        matrix, theirs = (one.affine[-count - 1 :, -count - 1 :] for one in (placed, own))
        corners = np.array([[0.0] * count, [(level.shape or shape)[axis] - 1.0 for axis in space]])
        expected = (corners * ratios + first) @ matrix[:-1, :-1].T + matrix[:-1, -1]
        meant = corners @ theirs[:-1, :-1].T + theirs[:-1, -1]
        apart = np.linalg.solve(theirs[:-1, :-1], (expected - meant).T)
        if np.abs(apart).max(initial=0) <= 1:
            fitting.append(level)
    return fitting


def _contrast(meta: Meta, voxels: LazyVoxels, *, split: bool) -> tuple[float, float]:
    """Return what is black and white: the statistics' percentiles, else percentiles 1 and 99 of a part."""
    low, high = meta.stats.percentile_min, meta.stats.percentile_max
    if split or low is None or high is None or not np.isfinite([low, high]).all() or not low < high:
        low, high = window_of([_part(voxels)])
    return float(low), float(high if high > low else low + 1)


def _part(voxels: LazyVoxels) -> Array:
    """Return the middle along so many of the first axes that what is left is small."""
    key: list[int | slice] = [slice(None)] * voxels.ndim
    size = voxels.nbytes
    for axis in range(voxels.ndim - 1):
        if size <= SAMPLE:
            break
        key[axis] = voxels.shape[axis] // 2
        size //= voxels.shape[axis]
    return np.asarray(voxels[tuple(key)])


def _label_table(meta: Meta) -> dict[str, Any]:
    """Return names, which napari shows under the pointer, and colours."""
    table: Sequence[Label] = meta.labels
    if not table:
        return {}
    known = {"features": {"index": [one.value for one in table], "name": [one.name for one in table]}}
    if not any(one.color for one in table):
        return known
    colours: dict[int | None, tuple[float, ...]] = {None: UNKNOWN_LABEL, 0: (0.0, 0.0, 0.0, 0.0)}
    for one in table:
        if one.value or one.color:
            colours[one.value] = tuple(part / 255 for part in one.rgba or (*color_for(one.value), 255))
    return known | {"colormap": colours}
