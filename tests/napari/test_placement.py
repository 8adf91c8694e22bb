"""Layers lie where nibabel says that their voxels do: oblique, sheared, 4-D, in every orientation."""

import itertools

import nibabel
import numpy as np
import pytest

import mlarray
from mlarray import Meta, MLArray
from mlarray.napari.layers import layers_of
from mlarray.napari.metadata import layer_affine
from mlarray.napari.placement import placement, transform
from mlarray_core import Additions, AxisValues
from tests.consumers import volumes
from tests.napari import worlds

ORIENTATIONS = [
    "".join(letters)
    for axes in itertools.permutations(("RL", "AP", "SI"))
    for letters in itertools.product(*axes)
]


def nearest_of(layer, places):
    """Return a layer's values at points of napari's world, each within half a voxel of a voxel's centre."""
    data, attributes, _ = layer
    affine = layer_affine(attributes, places.shape[1])
    indices = np.linalg.solve(affine[:-1, :-1], (places - affine[:-1, -1]).T).T
    values = np.asarray(data)
    return values[tuple(np.rint(indices).astype(int).T)]


@pytest.mark.parametrize("kind", ["oblique", "labels", "sheared"])
def test_voxels_at_points_of_the_world_are_those_of_nibabel(kind, tmp_path):
    pair = volumes.pair(kind, tmp_path)
    (layer,) = layers_of(MLArray.open(pair.mla), kind)
    assert layer[2] == ("labels" if kind == "labels" else "image")
    assert layer[1]["axis_labels"] == ("z", "y", "x")
    assert layer[1]["units"] == ("millimeter",) * 3
    places = volumes.points(kind) @ worlds.LPS_ZYX.T
    np.testing.assert_array_equal(nearest_of(layer, places), volumes.expected(kind))


def test_a_time_series_has_its_step_and_the_place_of_its_volumes(tmp_path):
    image = MLArray.open(volumes.pair("series", tmp_path).mla)
    additions = Additions.of(image.meta)
    additions.axes = {0: AxisValues("time", "s", [1.0, 3.5, 6.0, 8.5])}
    additions.store(image.meta)
    (layer,) = layers_of(image, "bold")
    assert layer[1]["axis_labels"] == ("t", "z", "y", "x")
    assert layer[1]["units"] == ("second", *("millimeter",) * 3)
    places = volumes.points("series") @ worlds.LPS_ZYX.T
    for index, seconds in enumerate((1.0, 3.5, 6.0, 8.5)):
        at = np.column_stack([np.full(len(places), seconds), places])
        np.testing.assert_array_equal(nearest_of(layer, at), volumes.expected("series")[:, index])


def test_five_axes_lie_as_nibabel_says(tmp_path):
    """NIfTI's fifth axis of two fields, each a series: two layers of four axes, time first."""
    data = np.random.default_rng(0).integers(0, 999, (*volumes.SHAPE, 3, 2)).astype("i2")
    image = nibabel.Nifti1Image(data, volumes.oblique())
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((*image.header.get_zooms()[:3], 2.5, 1))
    nibabel.save(image, tmp_path / "five.nii.gz")
    fields = layers_of(mlarray.read(tmp_path / "five.nii.gz"), "five")
    points = volumes.points("oblique")
    expected = volumes.at(points, data, volumes.oblique())
    for field, layer in enumerate(fields):
        assert layer[0].shape == (3, 12, 30, 25)
        for time in range(3):
            places = np.column_stack([np.full(len(points), 2.5 * time), points @ worlds.LPS_ZYX.T])
            np.testing.assert_array_equal(nearest_of(layer, places), expected[:, time, field])


@pytest.mark.parametrize("code", ORIENTATIONS)
def test_the_48_orientations(code, tmp_path):
    """Every voxel lies where nibabel puts it, and the display shows it as LPS, whatever the array's order."""
    ornt = nibabel.orientations.axcodes2ornt(code)
    base = nibabel.Nifti1Image(np.arange(3 * 4 * 5, dtype="i2").reshape(3, 4, 5), volumes.oblique())
    start = nibabel.io_orientation(base.affine)
    image = base.as_reoriented(nibabel.orientations.ornt_transform(start, ornt))
    assert "".join(nibabel.aff2axcodes(image.affine)) == code
    nibabel.save(image, tmp_path / "image.nii")
    (layer,) = layers_of(mlarray.read(tmp_path / "image.nii"), code)
    values, places = worlds.all_voxels(layer)
    data = np.asarray(image.dataobj)
    indices = np.stack([axis.ravel() for axis in np.indices(data.shape)], axis=-1)
    expected = worlds.by_nibabel(image, indices)[np.argsort(data.ravel())]
    np.testing.assert_allclose(places[np.argsort(values)], expected, atol=1e-4)
    # each axis of the display follows its own world axis: nothing that is shown is singular
    turned = np.abs(layer[1]["affine"][:3, :3])  # of columns of length 1: the rest is the scale
    assert np.diag(turned).min() > 0.5


@pytest.mark.parametrize("world", ["RAS", "LPS", "LAS"])
def test_worlds_meet(world):
    """The same place told in three worlds is one place."""
    signs = {"LPS": (1, 1, 1), "RAS": (-1, -1, 1), "LAS": (1, -1, 1)}[world]
    affine = np.array([[0, 0, 2.0, 5], [0, 1.5, 0, 6], [3.0, 0, 0, 7], [0, 0, 0, 1]])
    affine[:3] *= np.array(signs)[:, None]
    image = MLArray(np.zeros((2, 3, 4)), affine=affine)
    image.meta.spatial.coord_system = world
    expected = [[3, 0, 0, 7], [0, 1.5, 0, 6], [0, 0, 2, 5], [0, 0, 0, 1]]
    np.testing.assert_array_equal(placement(image).affine, expected)


def test_axes_stored_x_first_are_shown_z_first():
    """As mlarray 0.0.54 stores what it converts from NIfTI: the array is x, y, z, the affine nibabel's."""
    image = MLArray(np.zeros((4, 5, 6)), affine=np.diag((-2.0, 3, 4, 1)))
    image.meta.spatial.coord_system = "RAS"
    placed = placement(image)
    assert placed.order == (2, 1, 0)
    np.testing.assert_array_equal(placed.affine, np.diag((4.0, -3, 2, 1)))


def test_a_world_that_nobody_knows_stays_in_the_order_of_the_array():
    placed = placement(MLArray(np.zeros((2, 3, 4)), spacing=(3, 2, 1), origin=(7, 8, 9)))
    assert (placed.order, placed.names) == ((0, 1, 2), ("axis 0", "axis 1", "axis 2"))
    np.testing.assert_array_equal(placed.affine, [[3, 0, 0, 7], [0, 2, 0, 8], [0, 0, 1, 9], [0, 0, 0, 1]])
    x_last = np.array([[0, 0, 1.0, 9], [0, 2, 0, 8], [3, 0, 0, 7], [0, 0, 0, 1]])
    placed = placement(MLArray(np.zeros((2, 3, 4)), affine=x_last))
    assert placed.order == (0, 1, 2)
    np.testing.assert_array_equal(placed.affine, [[3, 0, 0, 7], [0, 2, 0, 8], [0, 0, 1, 9], [0, 0, 0, 1]])


def test_a_slide_has_two_axes_and_its_unit():
    meta = Meta(spatial={"spacing": [0.25, 0.5], "axis_units": ["um", "um"], "origin": [3, 4]})
    placed = placement(MLArray(np.zeros((6, 7)), meta=meta))
    assert placed.units == ("micrometer", "micrometer")
    np.testing.assert_array_equal(placed.affine, [[0.25, 0, 3], [0, 0.5, 4], [0, 0, 1]])


def test_a_plane_of_a_known_world(tmp_path):
    image = mlarray.read(volumes.pair("flat", tmp_path).nifti)
    placed = placement(image)
    assert len(placed.order) == image.ndim
    assert np.linalg.matrix_rank(placed.affine[-3:-1, -3:-1]) == 2


def test_uneven_values_along_an_axis_are_counted():
    image = MLArray(np.zeros((3, 4, 5)), axis_labels=["temporal", "spatial_y", "spatial_x"])
    Additions(axes={0: AxisValues("time", "s", [0, 1, 5])}).store(image.meta)
    placed = placement(image)
    assert (placed.affine[0, 0], placed.units[0]) == (1, "pixel")


@pytest.mark.parametrize("affine", [np.diag((-4.0, -3, 2, 1)), volumes.oblique(), volumes.oblique(shear=0.2)])
def test_a_layer_has_its_affine_and_a_scale(affine):
    """napari places coarse levels by the scale."""
    given = transform(affine)
    np.testing.assert_allclose(layer_affine(given, 3), affine)
    np.testing.assert_allclose(np.abs(given["scale"]), np.linalg.norm(affine[:3, :3], axis=0))
    assert ("affine" in given) == bool(affine[0, 1])
