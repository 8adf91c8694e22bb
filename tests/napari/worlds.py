"""Where voxels lie, as nibabel says it and as a layer of napari says it."""

from __future__ import annotations

import numpy as np

from mlarray.napari.metadata import layer_affine

LPS_ZYX = np.array([[0, 0, 1], [0, -1, 0], [-1, 0, 0]])
"""From RAS x, y, z to what the display shows: LPS, z first."""


def by_nibabel(image, indices):
    """Return where voxels of nibabel's image lie, as z, y, x in LPS; indices are those along x, y, z."""
    affine = np.asarray(image.affine)
    return (np.asarray(indices) @ affine[:3, :3].T + affine[:3, 3]) @ LPS_ZYX.T


def by_layer(attributes, indices):
    """Return where a layer's indices lie in napari's world."""
    affine = layer_affine(attributes, np.shape(indices)[-1])
    return np.asarray(indices) @ affine[:-1, :-1].T + affine[:-1, -1]


def all_voxels(layer):
    """Return the values of a layer and where each lies in space, one row each, in an order of their own."""
    data, attributes, _ = layer
    values = np.asarray(data[0] if attributes.get("multiscale") else data)
    indices = np.stack([axis.ravel() for axis in np.indices(values.shape)], axis=-1)
    return values.ravel(), by_layer(attributes, indices)
