"""The metadata of a layer that is saved: those of the image behind it, or what napari knows of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlarray.napari.origin import Origin, origin_of
from mlarray.napari.placement import NAMES, NO_UNIT
from mlarray.napari.straight import straight
from mlarray_core import Additions, AxisValues, Label, Meta, geometry, units
from mlarray_core.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Array = np.ndarray[Any, Any]
    Matrix = np.ndarray[Any, np.dtype[np.float64]]

LABELS = {name: label for label, name in NAMES.items()}
"""What napari's names of axes mean here."""
SPATIAL = ("spatial_z", "spatial_y", "spatial_x")
"""Of a layer that is from elsewhere, the last axes."""


class Saved(NamedTuple):
    """How a layer becomes an image."""

    order: tuple[int, ...]
    """The layer's axes, as the file has them."""
    meta: Meta


def saved(attributes: Mapping[str, Any], shape: Sequence[int], *, labels: bool) -> Saved:
    """Return how a layer is saved.

    A layer that lies where its image lay, or is set straight there, gets that image's axes and metadata, but
    for statistics. Any other keeps its axes, and the world of the image if there is one.

    Parameters
    ----------
    attributes
        Of the layer.
    shape
        Of its array, colours included.
    labels
        Whether its voxels are labels.

    Raises
    ------
    UnsupportedError
        The layer's place can't be held.
    """
    origin = origin_of(attributes)
    colours = bool(attributes.get("rgb"))
    affine = layer_affine(attributes, len(shape) - colours)
    if origin is not None and _unmoved(origin, affine, shape):
        order = tuple(int(axis) for axis in np.argsort(origin.axes))
        meta = origin.meta.copy()
    else:
        order = tuple(range(len(shape)))
        meta = _moved(attributes, origin, affine, shape)
    meta.stats = None  # voxels may have been painted
    if labels or meta.is_seg.is_seg:
        meta.is_seg = labels
    additions = Additions.of(meta)
    additions.classes = {}
    if labels:
        additions.labels = _table(additions.labels, attributes)
    additions.store(meta)
    return Saved(order, meta)


def layer_affine(attributes: Mapping[str, Any], ndim: int) -> Matrix:
    """Return what leads from a layer's indices to napari's world.

    First scale, shear, rotation and translation, then the affine (napari: layers, "Layer transforms").

    Parameters
    ----------
    attributes
        Of the layer.
    ndim
        Its axes, without colours.
    """
    own, shear = np.eye(ndim + 1), np.eye(ndim)
    given = np.asarray(attributes.get("shear", np.zeros(ndim * (ndim - 1) // 2)), np.float64)
    if given.ndim == 2:
        shear = given
    else:
        shear[np.triu_indices(ndim, 1)] = given
    rotate = np.asarray(attributes.get("rotate", np.eye(ndim)), np.float64)
    own[:-1, :-1] = rotate @ shear @ np.diag(attributes.get("scale", np.ones(ndim)))
    own[:-1, -1] = attributes.get("translate", np.zeros(ndim))
    return np.asarray(attributes.get("affine", np.eye(ndim + 1)), np.float64) @ own


def _unmoved(origin: Origin, affine: Matrix, shape: Sequence[int]) -> bool:
    stored = origin.meta.spatial.shape or []
    if sorted(origin.axes) != list(range(len(stored))) or len(shape) != len(stored):
        return False
    if [stored[axis] for axis in origin.axes] != list(shape) or affine.shape != origin.placed.affine.shape:
        return False
    upright = straight(origin, len(affine) - 1)
    return np.allclose(affine, origin.placed.affine) or (upright is not None and np.allclose(affine, upright))


def _moved(
    attributes: Mapping[str, Any], origin: Origin | None, affine: Matrix, shape: Sequence[int]
) -> Meta:
    """Return metadata of a layer whose axes are those of the display."""
    ndim = len(affine) - 1
    count = min(ndim, len(SPATIAL) if origin is None else origin.placed.spatial)
    others = ndim - count
    if np.any(affine[:others, others:-1]) or np.any(affine[others:, :others]):
        raise UnsupportedError("the layer is turned between space and another axis")
    matrix, world = affine[others:, others:], None
    if origin is not None and geometry.normal_world(origin.meta.spatial.coord_system) is not None:
        matrix, world = matrix[[*reversed(range(count)), count]], "LPS"
    names = [str(name) for name in attributes.get("axis_labels", [""] * ndim)][:others]
    unit = [_unit(one) for one in attributes.get("units", [NO_UNIT] * ndim)]
    labels = [LABELS.get(name, "non_spatial") for name in names] + list(SPATIAL[len(SPATIAL) - count :])
    if len(shape) > ndim:
        labels, unit = [*labels, "components"], [*unit, ""]
    spatial = geometry.spatial_meta(matrix, axis_labels=labels, axis_units=unit, coord_system=world)
    meta = (
        Meta(spatial=spatial)
        if origin is None
        else Meta(source=origin.meta.source, spatial=spatial, is_seg=origin.meta.is_seg)
    )
    additions = Additions() if origin is None else Additions(labels=Additions.of(origin.meta).labels)
    additions.axes = {
        axis: AxisValues(
            "time" if name == "t" else name,
            unit[axis],
            [float(affine[axis, -1] + affine[axis, axis] * index) for index in range(shape[axis])],
        )
        for axis, name in enumerate(names)
        if (affine[axis, axis], affine[axis, -1]) != (1, 0)
    }
    additions.store(meta)
    return meta


def _unit(unit: object) -> str:
    text = units.symbol_of(str(unit))
    return text if units.is_length(text) or units.is_time(text) else ""


def _table(labels: Sequence[Label], attributes: Mapping[str, Any]) -> list[Label]:
    """Return the label table, with the names that stand in the layer's features."""
    features = attributes.get("features")
    if features is None or "index" not in features or "name" not in features:
        return list(labels)
    known = {one.value: one for one in labels}
    for value, name in zip(features["index"], features["name"], strict=True):
        known[int(value)] = replace(known.get(int(value), Label(int(value))), name=str(name))
    return list(known.values())
