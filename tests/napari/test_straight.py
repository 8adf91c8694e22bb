"""Oblique layers are set straight about their middle, with their boxes, and turned back exactly."""

from types import SimpleNamespace

import numpy as np
import pytest

from mlarray import MLArray
from mlarray.napari.layers import layers_of
from mlarray.napari.metadata import layer_affine
from mlarray.napari.straight import straight, turn
from mlarray.napari.writer import write_image
from tests.consumers import volumes


def viewer_of(layers):
    """Return what `turn` sees of a viewer."""
    made = []
    for _, attributes, _ in layers:
        ndim = len(attributes["scale"])
        made.append(
            SimpleNamespace(
                ndim=ndim, scale=attributes["scale"], metadata=attributes["metadata"],
                affine=attributes.get("affine", np.eye(ndim + 1)),
            )
        )  # fmt: skip
    return SimpleNamespace(layers=made)


@pytest.mark.parametrize("kind", ["oblique", "sheared", "series"])
def test_image_and_boxes_are_set_straight_and_back(kind, tmp_path):
    image = MLArray.open(volumes.pair(kind, tmp_path).mla)
    image.meta.bbox = [[[1, 3], [2, 6], [3, 8]]]
    layers = layers_of(image, kind)
    viewer = viewer_of(layers)
    before = [layer_affine(one[1], len(one[1]["scale"])) for one in layers]
    turn(viewer)
    middle = (np.array(volumes.SHAPE[::-1]) - 1) / 2
    for layer, old in zip(viewer.layers, before, strict=True):
        now = layer.affine @ np.diag([*layer.scale, 1])
        space = now[-4:-1, -4:-1]
        np.testing.assert_allclose(space, np.diag(np.linalg.norm(old[-4:-1, -4:-1], axis=0)), atol=1e-9)
        np.testing.assert_allclose(
            now[-4:-1, -1] + space @ middle, old[-4:-1, -4:-1] @ middle + old[-4:-1, -1]
        )
    turn(viewer)
    for layer, old in zip(viewer.layers, before, strict=True):
        np.testing.assert_allclose(layer.affine @ np.diag([*layer.scale, 1]), old)


def test_what_is_straight_or_from_elsewhere_stays():
    (layer,) = layers_of(MLArray(np.zeros((3, 4, 5)), spacing=(3, 2, 1)), "straight")
    viewer = viewer_of([layer, (None, {"scale": [1, 1], "metadata": {}}, "image")])
    before = [one.affine for one in viewer.layers]
    turn(viewer)
    assert all(one.affine is old for one, old in zip(viewer.layers, before, strict=True))
    assert straight(layer[1]["metadata"]["mlarray"], 3) is None


def test_a_straight_layer_is_saved_where_its_image_lies(tmp_path):
    image = MLArray.open(volumes.pair("sheared", tmp_path).mla)
    ((data, attributes, _),) = layers_of(image, "sheared")
    viewer = viewer_of([(data, attributes, "image")])
    turn(viewer)
    write_image(str(tmp_path / "again.mla"), data, attributes | {"affine": viewer.layers[0].affine})
    np.testing.assert_array_equal(MLArray.open(tmp_path / "again.mla").affine, image.affine)
