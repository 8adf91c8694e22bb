"""Sample data for napari: made here, so that it needs no file and no licence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray.napari.layers import layers_of

if TYPE_CHECKING:
    from mlarray.napari.layers import Layer

SHAPE = (48, 96, 80)
"""z, y, x."""
PARTS = (
    # name, colour, value, centre and radii in voxels, z, y, x
    ("skull", "#e6d9b8", 900, (24, 48, 40), (22, 44, 36)),
    ("brain", "#f0a0a0", 40, (24, 48, 40), (19.5, 40.5, 32.5)),
    ("left ventricle", "#3fa7d6", 10, (26, 46, 47), (7, 14, 4.5)),
    ("right ventricle", "#59cd90", 10, (26, 46, 33), (7, 14, 4.5)),
    ("lesion", "#ee6352", 75, (30, 66, 54), (5, 6, 6)),
)
AIR = -1000


def head() -> list[Layer]:
    """Return a turned head of ellipsoids in Hounsfield units, its labels, and a box around one of them."""
    from mlarray_core import Label, Meta
    from mlarray_core.array.image import MLArray

    points = np.moveaxis(np.indices(SHAPE), 0, -1)
    voxels, labels = np.full(SHAPE, AIR, np.int16), np.zeros(SHAPE, np.uint8)
    for value, (_, _, density, centre, radii) in enumerate(PARTS, 1):
        inside = (((points - centre) / radii) ** 2).sum(axis=-1) <= 1
        voxels[inside], labels[inside] = density, value
    name, (*_, centre, radii) = PARTS[-1][0], PARTS[-1]
    meta = Meta(spatial=_place(), bbox=[[[m - r, m + r + 1] for m, r in zip(centre, radii, strict=True)]])
    meta.bbox.labels = [name]
    image = MLArray(voxels, meta=meta)
    table = [Label(value, part[0], part[1]) for value, part in enumerate(PARTS, 1)]
    image.meta.labels = table
    overlay = MLArray(labels, meta=Meta(spatial=_place(), is_seg=True))
    overlay.meta.labels = table
    return [*layers_of(image, "head"), *layers_of(overlay, "head parts")]


def _place() -> dict[str, Any]:
    """Return a place in LPS: slices of 3 mm, the head turned by 15 degrees to its left."""
    turn = np.radians(15)
    return {
        "spacing": [3.0, 2.0, 2.0],
        "origin": [-80.0, -96.0, -60.0],
        "direction": [[0, -np.sin(turn), np.cos(turn)], [0, np.cos(turn), np.sin(turn)], [1, 0, 0]],
        "axis_labels": ["spatial_z", "spatial_y", "spatial_x"],
        "axis_units": ["mm"] * 3,
        "coord_system": "LPS",
    }
