"""Images of nibabel's and SimpleITK's: every voxel keeps its value and its place in the world."""

import itertools

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - as its documentation does

import mlarray
from mlarray import Meta, MLArray
from mlarray_core import Additions, AxisValues, geometry
from mlarray_core.errors import ArgumentError, ArgumentTypeError, UnsupportedError

SHAPE = (3, 4, 5)
VOXELS = np.arange(60, dtype="i2").reshape(SHAPE)
CODES = [
    "".join(letters)
    for order in itertools.permutations(("RL", "AP", "SI"))
    for letters in itertools.product(*order)
]
"""All 48 orientations of the axes of an array."""


def placed(code, world="RAS"):
    """Return an affine to RAS or LPS whose columns point to the letters of `code`, turned a little."""
    axes = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, (letter, step) in enumerate(zip(code, (3.0, 0.7, 1.1), strict=True)):
        row, sign = axes[letter]
        affine[row, column] = sign * step
    angle = 0.2
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine[:3, :3] = turn @ affine[:3, :3]
    affine[:3, 3] = [12.5, -40.25, 7.0]
    return geometry.to_world(affine, "RAS", world)


def image_at(code, world):
    return MLArray(VOXELS, affine=placed(code, world), meta=Meta(spatial={"coord_system": world}))


def in_ras(image):
    """Return, for every voxel, its value by its place in RAS, rounded to a thousandth."""
    affine = geometry.to_world(image.affine, image.meta.spatial.coord_system, "RAS")
    return by_place(image.to_numpy(), affine)


def by_place(voxels, affine):
    indices = np.stack(np.meshgrid(*map(np.arange, voxels.shape), indexing="ij"), -1).reshape(-1, 3)
    places = indices @ affine[:3, :3].T + affine[:3, 3]
    found = {
        tuple(np.round(place, 3) + 0.0): value for place, value in zip(places, voxels.ravel(), strict=True)
    }
    assert len(found) == voxels.size
    return found


def sitk_by_place(image):
    """Return the values by place in RAS, the places computed by SimpleITK itself, one voxel at a time."""
    found = {}
    for index in itertools.product(*map(range, image.GetSize())):
        x, y, z = image.TransformIndexToPhysicalPoint(index)
        found[tuple(np.round((-x, -y, z), 3) + 0.0)] = image.GetPixel(*index)
    return found


@pytest.mark.parametrize("world", ["RAS", "LPS", "LPS+"])
@pytest.mark.parametrize("code", CODES)
def test_every_voxel_keeps_its_place(code, world):
    image = image_at(code, "LPS" if world == "LPS+" else world)
    image.meta.spatial.coord_system = world
    expected = in_ras(image)
    theirs = image.to_nibabel()
    assert by_place(np.asarray(theirs.dataobj), theirs.affine) == expected
    assert nibabel.aff2axcodes(theirs.affine) == tuple(geometry.orientation(image.affine, world))
    assert in_ras(MLArray.from_nibabel(theirs)) == expected
    itk = image.to_sitk()
    assert sitk_by_place(itk) == expected
    assert in_ras(MLArray.from_sitk(itk)) == expected


def test_a_file_that_nibabel_saves_is_what_we_read(tmp_path):
    image = image_at("LPS", "LPS")
    nibabel.save(image.to_nibabel(), tmp_path / "a.nii.gz")
    assert in_ras(mlarray.read(tmp_path / "a.nii.gz")) == in_ras(image)


def test_nibabel_keeps_the_affine_bit_by_bit_shear_too():
    affine = placed("RAS")
    affine[0, 1] += 0.3
    image = MLArray(VOXELS, affine=affine, meta=Meta(spatial={"coord_system": "RAS"}))
    theirs = image.to_nibabel()
    np.testing.assert_array_equal(theirs.affine, affine[:, [2, 1, 0, 3]])
    assert (theirs.header["sform_code"], theirs.header["qform_code"]) == (2, 0)
    np.testing.assert_array_equal(
        MLArray.from_nibabel(theirs).affine, geometry.to_world(affine, "RAS", "LPS")
    )


def test_shear_is_refused_by_simpleitk_with_a_way_out():
    affine = placed("RAS")
    affine[0, 1] += 0.3
    image = MLArray(VOXELS, affine=affine, meta=Meta(spatial={"coord_system": "RAS"}))
    with pytest.raises(UnsupportedError, match=r"not at right angles.*Use to_nibabel"):
        image.to_sitk()


def test_a_world_that_is_not_known_is_asked_for():
    image = MLArray(VOXELS, spacing=(3, 2, 1))
    for convert in (image.to_nibabel, image.to_sitk):
        with pytest.raises(ArgumentError, match=r"world is not known.*coord_system='RAS'"):
            convert()
        with pytest.raises(ArgumentError, match="expected RAS or LPS, got 'XYZ'"):
            convert(coord_system="XYZ")
    np.testing.assert_array_equal(
        image.to_nibabel(coord_system="RAS").affine,
        [[0, 0, 3, 0], [0, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]],
    )
    assert image.to_sitk(coord_system="LPS").GetSpacing() == (1, 2, 3)
    with pytest.raises(ArgumentError, match="the image's world is LPS, not RAS"):
        image_at("RAS", "LPS").to_nibabel(coord_system="RAS")


def test_time_is_the_fourth_axis():
    meta = Meta(
        spatial={
            "axis_labels": ["temporal", "spatial_z", "spatial_y", "spatial_x"],
            "spacing": [3, 2, 1],
            "coord_system": "LPS",
        }
    )
    Additions(axes={0: AxisValues("time", "ms", [500.0, 2500.0])}).store(meta)
    image = MLArray(np.arange(120, dtype="f4").reshape(2, 3, 4, 5), meta=meta)
    theirs = image.to_nibabel()
    assert theirs.shape == (5, 4, 3, 2)
    assert theirs.header.get_zooms()[3] == 2.0
    assert theirs.header["toffset"] == 0.5
    assert theirs.header.get_xyzt_units() == ("mm", "sec")
    np.testing.assert_array_equal(np.asarray(theirs.dataobj), image.to_numpy().T)
    back = MLArray.from_nibabel(theirs)
    assert back.meta.spatial.axis_labels == meta.spatial.axis_labels
    assert Additions.of(back.meta).axes[0] == AxisValues("time", "s", [0.5, 2.5])
    np.testing.assert_array_equal(back.to_numpy(), image.to_numpy())
    itk = image.to_sitk()
    assert itk.GetSize() == (5, 4, 3, 2)
    np.testing.assert_array_equal(MLArray.from_sitk(itk).to_numpy(), image.to_numpy())


def test_components_are_vectors():
    labels = ["spatial_z", "spatial_y", "spatial_x", "components"]
    image = MLArray(
        np.arange(180, dtype="f4").reshape(3, 4, 5, 3),
        meta=Meta(spatial={"axis_labels": labels, "spacing": [1, 1, 1], "coord_system": "LPS"}),
    )
    theirs = image.to_nibabel()
    assert theirs.shape == (5, 4, 3, 1, 3)
    assert theirs.header.get_intent()[0] == "vector"
    itk = image.to_sitk()
    assert (itk.GetSize(), itk.GetNumberOfComponentsPerPixel()) == ((5, 4, 3), 3)
    for back in (MLArray.from_nibabel(theirs), MLArray.from_sitk(itk)):
        assert back.meta.spatial.axis_labels == labels
        np.testing.assert_array_equal(back.to_numpy(), image.to_numpy())


def test_two_axes():
    meta = Meta(spatial={"spacing": [2.0, 1.0], "origin": [5.0, 6.0], "coord_system": "LPS"})
    image = MLArray(VOXELS[0], meta=meta)
    itk = image.to_sitk()
    assert (itk.GetSize(), itk.GetOrigin()) == ((5, 4), (5.0, 6.0))
    np.testing.assert_array_equal(MLArray.from_sitk(itk).affine, image.affine)
    theirs = image.to_nibabel()
    assert theirs.shape == (5, 4)
    np.testing.assert_array_equal(MLArray.from_nibabel(theirs).affine, image.affine)


@pytest.mark.parametrize(
    ("dtype", "theirs"), [("?", "u1"), ("f2", "f4"), ("i8", "i8"), ("u4", "u4"), ("c8", "c8")]
)
def test_types(dtype, theirs):
    image = MLArray((VOXELS % 2).astype(dtype), meta=Meta(spatial={"coord_system": "RAS"}))
    assert image.to_nibabel().get_data_dtype() == theirs
    assert sitk.GetArrayFromImage(image.to_sitk()).dtype == theirs
    np.testing.assert_array_equal(np.asarray(image.to_nibabel().dataobj).T, image.to_numpy())


def test_units_become_millimetres():
    meta = Meta(spatial={"spacing": [3000, 2000, 1000], "axis_units": ["um"] * 3, "coord_system": "LPS"})
    image = MLArray(VOXELS, meta=meta)
    assert image.to_sitk().GetSpacing() == pytest.approx((1, 2, 3))
    assert image.to_nibabel().header.get_zooms() == pytest.approx((1, 2, 3))
    image.meta.spatial.axis_units = ["um", "mm", "mm"]
    with pytest.raises(UnsupportedError, match="different units: mm, um"):
        image.to_sitk()


def test_labels_are_marked():
    image = MLArray(VOXELS.astype("u1"), meta=Meta(is_seg=True, spatial={"coord_system": "LPS"}))
    theirs = image.to_nibabel()
    assert theirs.header.get_intent()[0] == "label"
    assert MLArray.from_nibabel(theirs).meta.is_seg.is_seg is True


def test_scaled_values_are_those_that_reading_the_file_gives(tmp_path):
    theirs = nibabel.Nifti1Image(VOXELS, np.eye(4))
    theirs.header.set_slope_inter(1, -1024)
    theirs.header.set_data_dtype("i2")
    nibabel.save(theirs, tmp_path / "a.nii")
    loaded = nibabel.load(tmp_path / "a.nii")
    image = MLArray.from_nibabel(loaded)
    expected = mlarray.read(tmp_path / "a.nii")
    assert image.dtype == expected.dtype
    np.testing.assert_array_equal(image.to_numpy(), expected.to_numpy())
    np.testing.assert_array_equal(image.affine, expected.affine)


def test_a_header_without_a_world_gives_voxel_sizes_only():
    theirs = nibabel.Nifti1Image(VOXELS, None)
    theirs.header.set_zooms((1, 2, 3))
    assert (theirs.header["sform_code"], theirs.header["qform_code"]) == (0, 0)
    image = MLArray.from_nibabel(theirs)
    assert image.spacing == [3, 2, 1]
    assert (image.meta.spatial.coord_system, image.origin) == (None, None)


def test_what_is_no_image_is_refused():
    for make in (MLArray.from_nibabel, MLArray.from_sitk):
        with pytest.raises(ArgumentTypeError, match="got ndarray"):
            make(VOXELS)
    with pytest.raises(TypeError, match="holds no array"):
        MLArray().to_nibabel()
