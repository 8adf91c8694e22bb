"""What layers are: images, colours, channels, label maps, boxes, levels, and their contrast."""

import numpy as np
import pytest

from mlarray import Meta, MLArray
from mlarray.napari.layers import MOST_CHANNELS, layers_of
from mlarray.napari.lazy_voxels import LazyVoxels
from mlarray_core import Additions, Channel, Label
from mlarray_core.errors import UnsupportedError

ZYX = ["spatial_z", "spatial_y", "spatial_x"]


def test_an_image_is_read_when_it_is_shown_and_has_a_contrast():
    voxels = np.arange(1000, dtype=np.int16).reshape(10, 10, 10)
    ((data, attributes, kind),) = layers_of(MLArray(voxels), "scan")
    assert (kind, attributes["name"]) == ("image", "scan")
    assert isinstance(data, LazyVoxels)
    np.testing.assert_allclose(attributes["contrast_limits"], np.percentile(voxels, (1, 99)))


def test_contrast_comes_from_statistics_where_there_are_any():
    image = MLArray(np.zeros((3, 4, 5)), meta=Meta(stats={"percentile_min": -100.0, "percentile_max": 250.0}))
    ((_, attributes, _),) = layers_of(image, "scan")
    assert attributes["contrast_limits"] == (-100, 250)


@pytest.mark.parametrize("value", [0, np.nan, np.inf])
def test_contrast_of_an_image_without_any(value):
    ((_, attributes, _),) = layers_of(MLArray(np.full((3, 4), value)), "flat")
    low, high = attributes["contrast_limits"]
    assert np.isfinite([low, high]).all()
    assert low < high


def test_contrast_of_a_large_image_is_that_of_a_part(monkeypatch):
    monkeypatch.setattr("mlarray.napari.layers.SAMPLE", 1000)
    voxels = np.repeat(np.arange(11, dtype=np.uint8), 400).reshape(11, 20, 20)
    ((_, attributes, _),) = layers_of(MLArray(voxels), "scan")
    assert attributes["contrast_limits"] == (5, 6)  # the middle slice holds nothing but 5


def test_colours():
    voxels = np.random.default_rng(0).integers(0, 255, (6, 7, 3)).astype("u1")
    image = MLArray(voxels, axis_labels=["spatial_y", "spatial_x", "components"])
    ((data, attributes, kind),) = layers_of(image, "slide")
    assert (kind, attributes["rgb"], attributes["scale"]) == ("image", True, [1, 1])
    np.testing.assert_array_equal(data, voxels)


def test_colours_that_come_first_go_last():
    voxels = np.random.default_rng(0).integers(0, 255, (3, 6, 7)).astype("u1")
    image = MLArray(voxels, axis_labels=["components", "spatial_y", "spatial_x"])
    ((data, attributes, _),) = layers_of(image, "slide")
    assert attributes["rgb"]
    np.testing.assert_array_equal(data, voxels.transpose(1, 2, 0))


def test_vectors_are_no_colours():
    image = MLArray(np.zeros((4, 6, 7, 3), np.float32), axis_labels=[*ZYX, "components"])
    ((data, attributes, _),) = layers_of(image, "flow")
    assert (data.shape, attributes["axis_labels"][0]) == ((3, 4, 6, 7), "components")
    assert "rgb" not in attributes


def test_channels_are_layers_with_their_names_and_colours():
    voxels = np.random.default_rng(0).integers(0, 999, (2, 4, 6, 7)).astype("u2")
    image = MLArray(voxels, axis_labels=["channel", *ZYX])
    Additions(channels=[Channel(name="DAPI", color="0000FF"), Channel(label="GFP")]).store(image.meta)
    made = layers_of(image, "cell")
    assert [one[1]["name"] for one in made] == ["cell DAPI", "cell GFP"]
    assert [one[1]["colormap"] for one in made] == ["#0000ff", "magenta"]
    assert {one[1]["blending"] for one in made} == {"additive"}
    for index, (data, attributes, _) in enumerate(made):
        np.testing.assert_array_equal(data, voxels[index])
        np.testing.assert_allclose(attributes["contrast_limits"], np.percentile(voxels[index], (1, 99)))


def test_many_channels_are_a_slider():
    image = MLArray(np.zeros((MOST_CHANNELS + 1, 6, 7)), axis_labels=["channel", *ZYX[1:]])
    ((data, attributes, _),) = layers_of(image, "bands")
    assert (data.shape[0], attributes["axis_labels"]) == (MOST_CHANNELS + 1, ("c", "axis 1", "axis 2"))


def test_labels_have_names_and_colours_and_can_be_painted():
    image = MLArray(np.arange(60, dtype=np.uint8).reshape(3, 4, 5) % 4, meta=Meta(is_seg=True))
    image.meta.labels = [Label(1, "liver", "#dd8265"), Label(2, "spleen", "#9d6ca280"), Label(3, "kidney")]
    ((data, attributes, kind),) = layers_of(image, "organs")
    assert kind == "labels"
    data[0, 0, 0] = 3  # an array of its own
    assert attributes["features"] == {"index": [1, 2, 3], "name": ["liver", "spleen", "kidney"]}
    colours = attributes["colormap"]
    assert colours[0] == (0, 0, 0, 0)
    np.testing.assert_allclose(colours[1], np.array((0xDD, 0x82, 0x65, 255)) / 255)
    np.testing.assert_allclose(colours[2], np.array((0x9D, 0x6C, 0xA2, 0x80)) / 255)
    assert colours[3][3] == 1
    assert None in colours


def test_labels_without_a_table_have_naparis_colours():
    ((_, attributes, kind),) = layers_of(MLArray(np.ones((3, 4, 5), bool), meta=Meta(is_seg=True)), "mask")
    assert kind == "labels"
    assert not {"features", "colormap"} & attributes.keys()


def test_large_labels_are_read_when_they_are_shown(monkeypatch):
    monkeypatch.setattr("mlarray.napari.layers.EDITABLE", 10)
    image = MLArray(np.ones((3, 4, 5), bool), meta=Meta(is_seg=True))
    ((data, _, kind),) = layers_of(image, "mask")
    assert (kind, type(data), data.dtype, data[0].dtype) == ("labels", LazyVoxels, np.uint8, np.uint8)


def test_fractions_are_no_labels():
    ((_, _, kind),) = layers_of(MLArray(np.ones((3, 4), np.float32), meta=Meta(is_seg=True)), "mask")
    assert kind == "image"


def test_complex_voxels_are_shown_by_their_magnitude():
    ((data, _, _),) = layers_of(MLArray(np.full((3, 4), 3 + 4j, np.complex64)), "k-space")
    assert (data.dtype, data[1, 2]) == (np.float32, 5)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (MLArray(np.zeros(5)), "two axes"),
        (MLArray(np.zeros((0, 5))), "no voxels"),
        (MLArray(), "no voxels"),
        (MLArray(np.full((2, 2), "a")), "numbers"),
    ],
)
def test_what_can_not_be_shown(image, words):
    with pytest.raises(UnsupportedError, match=words):
        layers_of(image, "x")


def test_levels_lie_where_they_belong(tmp_path):
    """napari takes the ratio of shapes, with corners in one place: our voxels are where it draws them."""
    image = MLArray(
        np.random.default_rng(0).integers(0, 99, (40, 101, 96)).astype("u1"),
        spacing=(3, 0.8, 0.7),
        origin=(5, 6, 7),
    )
    image.save(tmp_path / "image.mla", levels=2)
    image = MLArray.open(tmp_path / "image.mla")
    ((data, attributes, _),) = layers_of(image, "scan")
    assert attributes["multiscale"]
    assert [one.shape for one in data] == [image.shape, *(level.shape for level in image.levels)]
    for level, shown in zip(image.levels, data[1:], strict=True):
        ratio = np.array(image.shape) / shown.shape
        last = np.array(shown.shape) - 1
        drawn = (last * ratio + (ratio - 1) / 2) * image.spacing + image.origin
        there = (level.affine @ [*last, 1])[:3]
        assert (np.abs(drawn - there) < level.spacing).all()
        np.testing.assert_allclose((drawn - there)[[0, 2]], 0, atol=1e-9)  # sizes that halve are exact


def test_a_level_that_napari_would_misplace_is_left_out(tmp_path, monkeypatch):
    image = MLArray(np.zeros((40, 96, 96), np.uint8), spacing=(1, 1, 1), origin=(0, 0, 0))
    image.save(tmp_path / "image.mla", levels=2)
    opened = MLArray.open(tmp_path / "image.mla")
    first, second = opened.levels
    first.meta.spatial.origin = [9.0, 0.0, 0.0]
    monkeypatch.setattr(MLArray, "levels", [first, second])
    ((data, _, _),) = layers_of(opened, "scan")
    assert [one.shape for one in data] == [(40, 96, 96), second.shape]
