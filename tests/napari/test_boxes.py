"""Boxes go around the voxels that they hold, in each slice that they reach through."""

import numpy as np
import pytest

from mlarray import Meta, MLArray
from mlarray.napari.layers import layers_of
from mlarray_core import Label
from tests.consumers import volumes
from tests.napari import worlds

BOX = [[2, 4], [5, 9], [1, 3]]
"""z, y, x: 2 x 4 x 2 voxels."""


def boxes_of(image):
    *_, (rectangles, attributes, kind) = layers_of(image, "scan")
    assert kind == "shapes"
    return rectangles, attributes


def test_rectangles_go_around_the_voxels_of_a_box():
    rectangles, attributes = boxes_of(MLArray(np.zeros((8, 10, 12)), meta=Meta(bbox=[BOX])))
    assert attributes["shape_type"] == "rectangle"
    assert [one[0, 0] for one in rectangles] == [2, 3]
    for one in rectangles:
        np.testing.assert_array_equal(one.min(axis=0)[1:], (4.5, 0.5))
        np.testing.assert_array_equal(one.max(axis=0)[1:], (8.5, 2.5))


def test_boxes_of_an_oblique_image_lie_where_nibabel_puts_their_voxels(tmp_path):
    pair = volumes.pair("oblique", tmp_path)
    image = MLArray.open(pair.mla)
    image.meta.bbox = [BOX]
    rectangles, attributes = boxes_of(image)
    import nibabel

    theirs = nibabel.load(pair.nifti)
    corners = np.array(
        [(x, y, z) for z in (2, 3) for x, y in ((0.5, 4.5), (2.5, 4.5), (2.5, 8.5), (0.5, 8.5))]
    )
    expected = worlds.by_nibabel(theirs, corners)
    found = worlds.by_layer(attributes, np.concatenate(rectangles))
    np.testing.assert_allclose(sorted(found.round(3).tolist()), sorted(expected.round(3).tolist()), atol=2e-3)
    assert attributes["axis_labels"] == ("z", "y", "x")


def test_boxes_of_all_axes_are_drawn_at_their_times():
    labels = ["temporal", "spatial_z", "spatial_y", "spatial_x"]
    image = MLArray(np.zeros((3, 8, 10, 12)), axis_labels=labels, meta=Meta(bbox=[[[1, 3], *BOX]]))
    rectangles, attributes = boxes_of(image)
    assert [tuple(one[0, :2]) for one in rectangles] == [(1, 2), (1, 3), (2, 2), (2, 3)]
    assert len(attributes["scale"]) == 4
    image.meta.bbox = [BOX]
    assert len(boxes_of(image)[1]["scale"]) == 3  # at all times


def test_boxes_of_two_axes():
    rectangles, _ = boxes_of(MLArray(np.zeros((10, 12)), meta=Meta(bbox=[BOX[1:]])))
    np.testing.assert_array_equal(rectangles, [[(4.5, 0.5), (4.5, 2.5), (8.5, 2.5), (8.5, 0.5)]])


def test_boxes_have_their_classes_scores_and_colours():
    meta = Meta(bbox={"bboxes": [BOX, BOX], "scores": [0.5, 0.75], "labels": [1, "cyst"]})
    meta.labels = [Label(1, "tumour", "#ff0000")]
    _, attributes = boxes_of(MLArray(np.zeros((8, 10, 12)), meta=meta))
    assert attributes["features"] == {
        "box": [0, 0, 1, 1], "label": ["tumour", "tumour", "cyst", "cyst"], "score": [0.5, 0.5, 0.75, 0.75],
    }  # fmt: skip
    assert attributes["edge_color"] == ["#ff0000", "#ff0000", "yellow", "yellow"]
    assert attributes["text"]["string"] == "{label} {score:.2f}"


def test_a_box_between_two_slices_and_one_outside_are_drawn_in_the_nearest():
    meta = Meta(bbox=[[[2.2, 2.8], [5, 9], [1, 3]], [[20, 30], [5, 9], [1, 3]]])
    rectangles, _ = boxes_of(MLArray(np.zeros((8, 10, 12)), meta=meta))
    assert [one[0, 0] for one in rectangles] == [3, 7]


def test_very_many_slices_are_drawn_in_part_with_a_warning(monkeypatch):
    monkeypatch.setattr("mlarray.napari.boxes.MOST", 10)
    meta = Meta(bbox=[[[0, 100], [5, 9], [1, 3]]])
    with pytest.warns(UserWarning, match="first, middle and last"):
        rectangles, _ = boxes_of(MLArray(np.zeros((100, 10, 12), np.uint8), meta=meta))
    assert [one[0, 0] for one in rectangles] == [0, 50, 99]
