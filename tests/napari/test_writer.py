"""Layers become files: those of an image that was read as it was, others at the place that they have."""

import nibabel
import numpy as np
import pytest

import mlarray
from mlarray import Meta, MLArray
from mlarray.napari.layers import layers_of
from mlarray.napari.metadata import layer_affine
from mlarray.napari.writer import write_image, write_labels
from mlarray_core import Additions, AxisValues, Label
from mlarray_core.errors import UnsupportedError
from tests.consumers import volumes
from tests.napari import worlds


def saved(layer, path):
    """Save a layer as napari does, and open the file."""
    data, attributes, kind = layer
    write = write_labels if kind == "labels" else write_image
    assert write(str(path), data, attributes) == [str(path)]
    return MLArray.open(path)


@pytest.mark.parametrize("kind", ["oblique", "labels", "sheared", "series", "colours"])
def test_what_was_read_is_saved_as_it_was(kind, tmp_path):
    image = MLArray.open(volumes.pair(kind, tmp_path).mla)
    for layer in layers_of(image, kind):
        again = saved(layer, tmp_path / "again.mla")
        np.testing.assert_array_equal(again, image)
        assert again.meta.spatial.to_plain() == image.meta.spatial.to_plain()
        assert again.meta.is_seg == image.meta.is_seg
        assert again.meta.source == image.meta.source


def test_axes_go_back_to_the_order_of_the_array(tmp_path):
    voxels = np.random.default_rng(0).integers(0, 99, (4, 5, 6)).astype("i2")
    image = MLArray(voxels, affine=np.diag((-2.0, 3, 4, 1)))
    image.meta.spatial.coord_system = "RAS"
    (layer,) = layers_of(image, "x first")
    again = saved(layer, tmp_path / "again.mla")
    np.testing.assert_array_equal(again, voxels)
    np.testing.assert_array_equal(again.affine, image.affine)


def test_a_moved_layer_is_saved_where_it_is(tmp_path):
    pair = volumes.pair("oblique", tmp_path)
    ((data, attributes, kind),) = layers_of(MLArray.open(pair.mla), "scan")
    scale = np.multiply(attributes["scale"], (1, 1, 2))
    attributes = {**attributes, "translate": [2.0 * scale[0], 0.0, 0.0], "scale": scale}
    again = saved((data, attributes, kind), tmp_path / "moved.mla")
    theirs = nibabel.load(pair.nifti)
    indices = np.array([(0, 0, 0), (5, 7, 9)])
    expected = worlds.by_nibabel(theirs, indices * (2, 1, 1) + (0, 0, 2))
    mlarray.convert(tmp_path / "moved.mla", tmp_path / "moved.nii.gz")
    found = worlds.by_nibabel(nibabel.load(tmp_path / "moved.nii.gz"), indices)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert again.meta.spatial.coord_system == "LPS"


def test_a_layer_from_elsewhere_has_no_world(tmp_path):
    """What napari knows is kept: its place, its units and the names of its axes."""
    attributes = {
        "scale": [2.0, 3.0, 0.5, 0.5], "translate": [1.0, 7.0, 8.0, 9.0], "affine": np.eye(5),
        "rotate": np.eye(4), "shear": [0.0] * 6, "units": ("second", *["micrometer"] * 3),
        "axis_labels": ("t", "z", "y", "x"), "metadata": {},
    }  # fmt: skip
    voxels = np.random.default_rng(0).random((3, 4, 5, 6)).astype("f4")
    again = saved((voxels, attributes, "image"), tmp_path / "new.mla")
    np.testing.assert_array_equal(again, voxels)
    assert (again.spacing, again.origin) == ([3, 0.5, 0.5], [7, 8, 9])
    assert again.meta.spatial.coord_system is None
    assert again.meta.spatial.axis_units == ["s", "um", "um", "um"]
    assert again.meta.spatial.axis_labels == ["temporal", "spatial_z", "spatial_y", "spatial_x"]
    assert Additions.of(again.meta).axes[0] == AxisValues("time", "s", [1.0, 3.0, 5.0])
    (layer,) = layers_of(again, "again")
    np.testing.assert_allclose(layer_affine(layer[1], 4), layer_affine(attributes, 4))


def test_labels_drawn_over_an_image_take_its_world_with_its_metadata(tmp_path):
    """`labels.metadata = image.metadata`, as docs/napari.md says."""
    image = MLArray.open(volumes.pair("oblique", tmp_path).mla)
    ((data, attributes, _),) = layers_of(image, "scan")
    drawn = np.zeros(data.shape, np.uint8)
    drawn[1, 2, 3] = 1
    features = {"index": [1], "name": ["lesion"]}
    given = attributes | {"features": features}
    again = saved((drawn, given, "labels"), tmp_path / "labels.mla")
    np.testing.assert_array_equal(again.affine, image.affine)
    assert again.meta.spatial.coord_system == image.meta.spatial.coord_system
    assert again.meta.is_seg == True  # noqa: E712
    assert again.meta.labels == (Label(1, "lesion"),)


def test_names_and_colours_of_labels_stay(tmp_path):
    image = MLArray(np.arange(60, dtype=np.uint8).reshape(3, 4, 5), meta=Meta(is_seg=True))
    image.meta.labels = [Label(1, "liver", "#dd8265"), Label(2, "spleen")]
    ((data, attributes, _),) = layers_of(image, "organs")
    attributes["features"] = {"index": [1, 2, 3], "name": ["liver", "milt", "kidney"]}
    again = saved((data, attributes, "labels"), tmp_path / "organs.mla")
    assert again.meta.labels == (Label(1, "liver", "#dd8265"), Label(2, "milt"), Label(3, "kidney"))


def test_statistics_and_places_of_classes_do_not_outlive_painting(tmp_path):
    image = MLArray(np.ones((3, 4, 5), np.uint8), meta=Meta(is_seg=True))
    image.save(tmp_path / "image.mla", stats=True)
    image = MLArray.open(tmp_path / "image.mla")
    assert image.class_locations is not None
    again = saved(layers_of(image, "mask")[0], tmp_path / "again.mla")
    assert (again.class_locations, again.meta.stats.max) == (None, None)


def test_resolutions_are_built_anew(tmp_path):
    MLArray(np.random.default_rng(0).integers(0, 999, (40, 512, 512)).astype("u2")).save(
        tmp_path / "image.mla", levels="auto"
    )
    image = MLArray.open(tmp_path / "image.mla")
    again = saved(layers_of(image, "large")[0], tmp_path / "again.mla")
    np.testing.assert_array_equal(again, image)
    assert [one.shape for one in again.levels] == [one.shape for one in image.levels] != []


def test_it_is_written_slab_by_slab(tmp_path, monkeypatch):
    monkeypatch.setattr("mlarray.napari.writer.SLAB", 1)
    voxels = np.random.default_rng(0).integers(0, 999, (70, 40, 50)).astype("u2")

    class Array:
        shape, dtype, read = voxels.shape, voxels.dtype, []

        def __getitem__(self, key):
            self.read.append(key[0])
            return voxels[key]

    again = saved((Array(), {}, "image"), tmp_path / "new.mla")
    np.testing.assert_array_equal(again, voxels)
    assert len(Array.read) > 1


def test_space_turned_into_time_is_refused(tmp_path):
    affine = np.eye(5)
    affine[0, 1] = 1
    with pytest.raises(UnsupportedError, match="turned"):
        saved((np.zeros((2, 3, 4, 5)), {"affine": affine}, "image"), tmp_path / "x.mla")
    assert not (tmp_path / "x.mla").exists()


@pytest.mark.parametrize(("data", "words"), [(np.zeros((0, 4)), "no voxels"), (np.full((2, 2), "a"), "<U1")])
def test_what_can_not_be_saved(data, words, tmp_path):
    with pytest.raises(UnsupportedError, match=words):
        saved((data, {}, "image"), tmp_path / "x.mla")
    assert not (tmp_path / "x.mla").exists()
