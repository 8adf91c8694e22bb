"""MONAI: `LoadImage` gives what it gives for NIfTI, and `SaveImage` saves what it saves there."""

import nibabel
import numpy as np
import pytest

from mlarray import Meta, MLArray
from mlarray_core.errors import ArgumentError, UnsupportedError
from tests.consumers import volumes

monai = pytest.importorskip("monai", reason="MONAI isn't installed: pip install 'mlarray[consumers]'")
pytestmark = [pytest.mark.consumers, pytest.mark.filterwarnings("ignore:NvImgCodec")]

from monai.data.image_writer import SUPPORTED_WRITERS  # noqa: E402
from monai.transforms import (  # noqa: E402
    EnsureChannelFirst,
    LoadImage,
    LoadImaged,
    Orientation,
    SaveImage,
    Spacing,
)
from monai.transforms.io.array import SUPPORTED_READERS  # noqa: E402

from mlarray.monai import MLArrayReader, MLArrayWriter, register  # noqa: E402


@pytest.fixture(autouse=True)
def _registered():
    register()
    yield
    SUPPORTED_READERS.pop("mlarrayreader")
    SUPPORTED_WRITERS.pop("mla")


def both(kind, pairs):
    """Return the tensors of MONAI's own reader and of ours."""
    pair = pairs(kind)
    return LoadImage(dtype=None)(pair.nifti), LoadImage(dtype=None)(pair.mla)


@pytest.mark.parametrize("kind", ["oblique", "labels", "sheared", "flat", "series"])
def test_voxels_at_the_same_points_are_equal(kind, pairs):
    theirs, ours = both(kind, pairs)
    for image in (theirs, ours):
        found = volumes.at(volumes.points(kind), image.numpy(), image.affine.numpy())
        np.testing.assert_array_equal(found, volumes.expected(kind))
    np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-5)
    assert ours.meta["space"] == theirs.meta["space"]
    if kind != "flat":  # a slice with a place in space has three axes here
        assert ours.shape == theirs.shape
        np.testing.assert_array_equal(ours.meta["spatial_shape"], theirs.meta["spatial_shape"])


def test_colours(pairs):
    """MONAI's own reader has no RGB: the last axis is made channels as that of a series is."""
    ours = LoadImage(dtype=None)(pairs("colours").mla)
    found = volumes.at(volumes.points("colours"), ours.numpy(), ours.affine.numpy())
    np.testing.assert_array_equal(found, volumes.expected("colours"))
    assert EnsureChannelFirst()(ours).shape == (3, *volumes.SHAPE)


@pytest.mark.parametrize("kind", ["oblique", "sheared", "series"])
def test_transforms_in_space_give_the_same(kind, pairs):
    for transform in (Orientation("RAS", labels=None), Spacing(1.5, mode="nearest")):
        theirs, ours = (transform(EnsureChannelFirst()(image.float())) for image in both(kind, pairs))
        assert ours.shape == theirs.shape
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-5)


def test_several_files_are_channels(pairs, tmp_path):
    paths = [pairs("oblique").mla, pairs("oblique").mla]
    ours = LoadImage(dtype=None, ensure_channel_first=True)(paths)
    assert ours.shape == (2, *volumes.SHAPE)
    np.testing.assert_array_equal(ours[0], ours[1])
    series = LoadImage(dtype=None, ensure_channel_first=True)([pairs("series").mla] * 2)
    assert series.shape == (8, *volumes.SHAPE)
    with pytest.raises(ArgumentError, match=r"sheared\.mla.*differs from that of .*oblique\.mla"):
        LoadImage(dtype=None)([pairs("oblique").mla, pairs("sheared").mla])


def test_dictionaries_and_names_of_readers(pairs):
    item = LoadImaged(["image", "label"], dtype=None)(
        {"image": pairs("oblique").mla, "label": pairs("labels").mla}
    )
    assert item["label"].numpy().dtype == np.uint8
    named = LoadImage(reader="mlarray.monai.MLArrayReader", dtype=None)(pairs("oblique").mla)
    np.testing.assert_array_equal(named, item["image"])
    assert MLArrayReader().verify_suffix(["a.mla", "B.MLA"])
    assert not MLArrayReader().verify_suffix(["a.mla", "a.nii"])


def test_a_world_that_is_not_known_is_asked_for(tmp_path):
    MLArray(np.zeros((2, 3, 4), "i2"), spacing=(3, 2, 1)).save(tmp_path / "a.mla")
    with pytest.raises(ArgumentError, match=r"world is not known.*coord_system='RAS'"):
        LoadImage()(tmp_path / "a.mla")
    image = LoadImage(reader=MLArrayReader(coord_system="LPS"))(tmp_path / "a.mla")
    np.testing.assert_array_equal(image.affine[:3, 0], [0, 0, 1])
    np.testing.assert_array_equal(image.affine[:3, 2], [-3, 0, 0])


def test_axes_by_their_labels(tmp_path):
    """An array whose first axis is labelled x stays as it is: nothing is reversed by habit."""
    voxels = np.arange(24, dtype="i2").reshape(2, 3, 4)
    meta = Meta(
        spatial={
            "axis_labels": ["spatial_x", "spatial_y", "spatial_z"],
            "affine": np.diag((0.5, 0.7, 3, 1)).tolist(),
            "coord_system": "RAS",
        }
    )
    MLArray(voxels, meta=meta).save(tmp_path / "a.mla")
    image = LoadImage(dtype=None)(tmp_path / "a.mla")
    np.testing.assert_array_equal(image, voxels)
    np.testing.assert_array_equal(image.affine, np.diag((0.5, 0.7, 3, 1)))


def test_two_axes_of_channels_are_refused(tmp_path):
    labels = ["temporal", "channel", "spatial_y", "spatial_x"]
    meta = Meta(spatial={"axis_labels": labels, "coord_system": "LPS"})
    MLArray(np.zeros((2, 3, 4, 5)), meta=meta).save(tmp_path / "a.mla")
    with pytest.raises(UnsupportedError, match="MONAI has one axis of channels, and 2 axes"):
        LoadImage()(tmp_path / "a.mla")


def saved(image, folder, **options):
    """Return what `SaveImage` writes of an image: MONAI's own NIfTI, and ours."""
    for suffix in (".nii.gz", ".mla"):
        save = SaveImage(folder, output_ext=suffix, output_dtype=None, separate_folder=False, **options)
        save(image, filename=folder / "saved")
    return nibabel.load(folder / "saved.nii.gz"), MLArray.open(folder / "saved.mla")


@pytest.mark.parametrize("kind", ["oblique", "labels", "sheared", "flat", "series"])
@pytest.mark.filterwarnings("ignore:.*qform:UserWarning")
def test_what_is_saved_lies_where_it_lay(kind, pairs, tmp_path):
    image = LoadImage(dtype=None, ensure_channel_first=True)(pairs(kind).mla)
    theirs, ours = saved(image, tmp_path)
    assert ours.dtype == volumes.voxels(kind).dtype
    back = LoadImage(dtype=None)(tmp_path / "saved.mla")
    for data, affine in ((theirs.get_fdata(), theirs.affine), (back.numpy(), back.affine.numpy())):
        found = volumes.at(volumes.points(kind), data, affine)
        np.testing.assert_array_equal(found, volumes.expected(kind))
    np.testing.assert_allclose(back.affine, image.affine, atol=1e-9)
    assert ours.meta.spatial.coord_system == "LPS"


def test_turned_images_are_saved_on_the_grid_that_they_were_read_on(pairs, tmp_path):
    image = LoadImage(dtype=None, ensure_channel_first=True)(pairs("oblique").mla)
    turned = Orientation("PIR", labels=None)(image.float())
    theirs, ours = saved(turned, tmp_path, resample=True)
    np.testing.assert_array_equal(np.asarray(ours).T, theirs.get_fdata())
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(MLArray.open(pairs("oblique").mla)))
    np.testing.assert_allclose(ours.affine, MLArray.open(pairs("oblique").mla).affine, atol=1e-5)
    _, kept = saved(turned, tmp_path, resample=False)
    assert kept.shape == turned.shape[:0:-1]
    back = LoadImage(dtype=None)(tmp_path / "saved.mla")
    np.testing.assert_allclose(back.affine, turned.affine, atol=1e-9)


def test_classes_are_saved_as_they_are(pairs, tmp_path):
    """MONAI's own writers pass labels through float32, which has no whole numbers beyond 24 bits."""
    image = LoadImage(dtype=None, ensure_channel_first=True)(pairs("labels").mla)
    labels = (image.long() + (1 << 40)).as_subclass(type(image))
    save = SaveImage(tmp_path, output_ext=".mla", output_dtype=None, separate_folder=False)
    save.set_options(init_kwargs={"is_seg": True})(labels, filename=tmp_path / "labels")
    ours = MLArray.open(tmp_path / "labels.mla")
    assert ours.meta.is_seg == True  # noqa: E712
    np.testing.assert_array_equal(np.asarray(ours).T, volumes.voxels("labels").astype("i8") + (1 << 40))


def test_an_array_without_a_place_is_given_none(tmp_path):
    writer = MLArrayWriter(output_dtype=np.uint8)
    writer.set_data_array(np.arange(24).reshape(2, 3, 4), channel_dim=None)
    writer.set_metadata(None)
    writer.write(tmp_path / "a.mla")
    found = MLArray.open(tmp_path / "a.mla")
    assert (found.shape, found.dtype, found.spacing) == ((4, 3, 2), np.uint8, None)
    assert found.meta.spatial.coord_system is None
    with pytest.raises(UnsupportedError, match="3 spatial axes"):
        writer.set_data_array(np.zeros((1, 2, 3, 4, 5)))


def test_registering_leaves_other_writers_where_they_are(tmp_path):
    from monai.data.image_writer import resolve_writer

    SUPPORTED_WRITERS.clear()
    register()
    assert resolve_writer("nii.gz")[0].__name__ == "NibabelWriter"
    assert resolve_writer(".mla") == (MLArrayWriter,)
