"""napari itself: files open by our manifest, lie where nibabel says, are drawn there, and are saved again."""

import subprocess
import sys

import nibabel
import numpy as np
import pytest

import mlarray
from mlarray import Meta, MLArray
from mlarray_core import Label
from tests.consumers import volumes
from tests.napari import worlds

napari = pytest.importorskip("napari", reason="napari isn't installed: pip install napari")
pytestmark = [pytest.mark.consumers, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def viewer():
    """Return a viewer without a window: layers, dimensions and plugins, and no Qt."""
    from napari.components import ViewerModel

    npe2 = pytest.importorskip("npe2")
    npe2.PluginManager.instance().discover()
    return ViewerModel()


def values_at(layer, places):
    """Return a layer's values at points of its world."""
    indices = np.rint([layer.world_to_data(place) for place in places]).astype(int)
    return np.asarray(layer.data)[tuple(indices.T)]


@pytest.mark.parametrize("kind", volumes.KINDS)
def test_voxels_at_points_of_the_world_are_those_of_nibabel(kind, pairs, viewer):
    (layer,) = viewer.open(pairs(kind).mla, plugin="mlarray")
    assert type(layer).__name__ == ("Labels" if kind == "labels" else "Image")
    assert layer.rgb == (kind == "colours") if kind != "labels" else True
    places, expected = volumes.points(kind) @ worlds.LPS_ZYX.T, volumes.expected(kind)
    if kind != "series":
        np.testing.assert_array_equal(values_at(layer, places[:, -layer.ndim :]), expected)
    for time in range(4 if kind == "series" else 0):
        seconds = layer.data_to_world((time, 0, 0, 0))[0]
        at = np.column_stack([np.full(len(places), seconds), places])
        np.testing.assert_array_equal(values_at(layer, at), expected[:, time])


def test_units_and_names_of_axes(pairs, viewer):
    (layer,) = viewer.open(pairs("series").mla, plugin="mlarray")
    assert [str(unit) for unit in layer.units[1:]] == ["millimeter"] * 3
    assert layer.axis_labels == ("t", "z", "y", "x")


def test_other_formats_open_too(pairs, viewer):
    (layer,) = viewer.open(pairs("sheared").nifti, plugin="mlarray")
    theirs = nibabel.load(pairs("sheared").nifti)
    indices = np.array([(0, 0, 0), (24, 29, 11), (3, 20, 7)])
    found = [layer.data_to_world(index[::-1]) for index in indices]
    np.testing.assert_allclose(found, worlds.by_nibabel(theirs, indices), atol=1e-3)


def test_the_three_layers_of_a_case_lie_together(pairs, tmp_path, viewer):
    """An oblique CT, its labels with names and colours, and a box around one of them."""
    box = [[2, 7], [5, 20], [3, 9]]
    image = MLArray.load(pairs("oblique").mla)
    image.meta.bbox = [box]
    image.save(tmp_path / "ct.mla")
    labels = np.zeros(image.shape, np.uint8)
    labels[2:7, 5:20, 3:9] = 2
    mask = MLArray(labels, meta=Meta(spatial=image.meta.spatial, is_seg=True))
    mask.meta.labels = [Label(2, "liver", "#dd8265")]
    mask.save(tmp_path / "liver.mla")
    ct, boxes = viewer.open(tmp_path / "ct.mla", plugin="mlarray")
    (liver,) = viewer.open(tmp_path / "liver.mla", plugin="mlarray")
    np.testing.assert_array_equal(ct.extent.world, liver.extent.world)
    theirs = nibabel.load(pairs("oblique").nifti)
    corners = worlds.by_nibabel(
        theirs, [(x, y, z) for z in range(2, 7) for y in (4.5, 19.5) for x in (2.5, 8.5)]
    )
    found = np.array([boxes.data_to_world(corner) for one in boxes.data for corner in one])
    np.testing.assert_allclose(sorted(found.tolist()), sorted(corners.tolist()), atol=1e-3)
    inside = worlds.by_nibabel(theirs, [(4, 10, 3)])[0]
    assert values_at(liver, [inside]) == [2]
    assert liver.features["name"].tolist() == ["liver"]
    np.testing.assert_allclose(liver.get_color(2), np.array((0xDD, 0x82, 0x65, 255)) / 255, atol=1e-6)


def test_levels_are_chosen_and_the_rest_is_not_read(tmp_path, viewer, monkeypatch):
    MLArray(np.ones((100, 1024, 1024), np.uint8), spacing=(1, 1, 1), origin=(0, 0, 0)).save(
        tmp_path / "large.mla", levels="auto"
    )
    read, voxels = MLArray.read, []

    def counted(image, key=..., **kwargs):
        found = read(image, key, **kwargs)
        voxels.append(np.size(found))
        return found

    monkeypatch.setattr(MLArray, "read", counted)
    (layer,) = viewer.open(tmp_path / "large.mla", plugin="mlarray")
    assert layer.multiscale
    assert sum(voxels) < 100 * 1024 * 1024 / 10


def test_layers_are_saved_by_napari(pairs, tmp_path, viewer):
    for kind in ("oblique", "labels", "series"):
        (layer,) = viewer.open(pairs(kind).mla, plugin="mlarray")
        (path,) = layer.save(str(tmp_path / f"{kind}.mla"), plugin="mlarray")
        again, image = MLArray.open(path), MLArray.open(pairs(kind).mla)
        np.testing.assert_array_equal(again, image)
        np.testing.assert_array_equal(again.affine, image.affine)


def test_a_turned_layer_is_saved_where_napari_shows_it(pairs, tmp_path, viewer):
    (layer,) = viewer.open(pairs("oblique").mla, plugin="mlarray")
    layer.scale, layer.translate, layer.rotate = (1, 2, 1.5), (3, 4, 5), (10, 20, 30)
    layer.shear = (0.1, 0.2, 0.3)
    layer.save(str(tmp_path / "turned.mla"), plugin="mlarray")
    mlarray.convert(tmp_path / "turned.mla", tmp_path / "turned.nii.gz")
    theirs = nibabel.load(tmp_path / "turned.nii.gz")
    indices = np.array([(0, 0, 0), (24, 29, 11), (3, 20, 7)])
    expected = [layer.data_to_world(index[::-1]) for index in indices]
    np.testing.assert_allclose(worlds.by_nibabel(theirs, indices), expected, atol=1e-3)


def test_an_oblique_layer_that_is_set_straight_is_sliced(pairs, viewer):
    """napari finds the slice at world 0 of the displayed axes: this image lies elsewhere."""
    from mlarray.napari.straight import turn

    (layer,) = viewer.open(pairs("oblique").mla, plugin="mlarray")
    image = np.asarray(layer.data)
    turn(viewer)
    place = layer.data_to_world((5, 15, 12))
    viewer.dims.set_point(0, place[0])
    np.testing.assert_array_equal(layer._slice.image.raw, image[5])
    turn(viewer)
    np.testing.assert_allclose(layer.data_to_world((0, 0, 0)), layer.affine.translate, atol=1e-9)


def test_the_sample_opens(viewer):
    layers = viewer.open_sample("mlarray", "head")
    assert [type(one).__name__ for one in layers] == ["Image", "Shapes", "Labels"]


DRAW = """
import sys, napari, numpy as np
from mlarray.napari.sample import head
viewer = napari.Viewer()
for layer in head():
    viewer._add_layer_from_data(*layer)
for name in ("head", "head boxes"):
    viewer.layers[name].visible = False
parts = viewer.layers["head parts"]
parts.opacity = 1
viewer.reset_view()
camera = viewer.scene.camera
viewer.dims.set_point(0, parts.data_to_world((24, 48, 40))[0])
picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3]
voxels = [(24, 48, 40), (24, 6, 40), (24, 1, 1), (24, 48, 7), (24, 48, 74)]
places = np.array([parts.data_to_world(one)[-2:] for one in voxels])
pixels = (np.array(picture.shape[:2]) - 1) / 2 + (places - camera.center[-2:]) * camera.zoom
np.savez(sys.argv[1], picture=picture, pixels=pixels)
"""
"""A process of its own: without a display, Qt ends the one that it is in."""


def test_it_is_drawn_where_it_lies(tmp_path):
    """A picture of a slice of the sample's labels: the brain, the skull on three sides, and the air."""
    command = [sys.executable, "-W", "ignore", "-c", DRAW, str(tmp_path / "drawn.npz")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if not (tmp_path / "drawn.npz").exists():
        pytest.skip(f"napari can't draw here (no Qt, display or OpenGL): {done.stderr[-200:]}")
    drawn = np.load(tmp_path / "drawn.npz")
    rows, columns = np.rint(drawn["pixels"]).astype(int).T
    brain, skull, air = (list(bytes.fromhex(one)) for one in ("f0a0a0", "e6d9b8", "000000"))
    found = drawn["picture"][rows, columns]
    np.testing.assert_allclose(found, [brain, skull, air, skull, skull], atol=3)
