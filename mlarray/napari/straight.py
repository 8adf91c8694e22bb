"""Oblique layers, set straight to be looked at slice by slice, and turned back.

In 2-D, napari shows slices of voxels, and chooses which by the axis of its slider alone: of the others it
takes world 0 (`napari.layers.utils._slice_input`). An oblique image that lies elsewhere is black then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray.napari.origin import origin_of
from mlarray.napari.placement import transform

if TYPE_CHECKING:
    from mlarray.napari.origin import Origin
    from mlarray.napari.placement import Matrix


def straight(origin: Origin, ndim: int) -> Matrix | None:
    """Return the affine of a layer that is set straight: its scale alone, the middle where it was.

    None for a layer that is straight as it lies.

    Parameters
    ----------
    origin
        The image behind the layer.
    ndim
        Axes of the layer, the last ones of the image.
    """
    affine = origin.placed.affine[-ndim - 1 :, -ndim - 1 :]
    given = transform(affine)
    if "affine" not in given:
        return None
    stored = origin.meta.spatial.shape or []
    middle = (np.array([stored[axis] for axis in origin.placed.order[-ndim:]]) - 1) / 2
    made = np.diag([*given["scale"], 1.0])
    made[:-1, -1] = affine[:-1, :-1] @ middle + affine[:-1, -1] - made[:-1, :-1] @ middle
    return made


def turn(viewer: Any = None) -> None:
    """Set the oblique layers of a viewer straight, or back to where they lie.

    Parameters
    ----------
    viewer
        A viewer of napari's; None for the one that was used last.
    """
    if viewer is None:
        import napari

        viewer = napari.current_viewer()
    for layer in viewer.layers:
        origin = origin_of({"metadata": layer.metadata})
        upright = None if origin is None else straight(origin, layer.ndim)
        if origin is None or upright is None:
            continue
        scale = np.diag([*layer.scale, 1.0])
        is_straight = np.allclose(np.asarray(layer.affine) @ scale, upright)
        oblique = origin.placed.affine[-layer.ndim - 1 :, -layer.ndim - 1 :]
        layer.affine = (oblique if is_straight else upright) @ np.linalg.inv(scale)
