"""TorchIO: images are what they are from NIfTI, and samplers read the patches alone."""

import pickle

import numpy as np
import pytest

from mlarray import Meta, MLArray
from mlarray_core.errors import ArgumentError, UnsupportedError
from tests.consumers import volumes

tio = pytest.importorskip("torchio", reason="TorchIO isn't installed: pip install 'mlarray[consumers]'")
pytestmark = pytest.mark.consumers

import torch  # noqa: E402

from mlarray.torchio import LabelMap, Reader, ScalarImage, read  # noqa: E402


@pytest.mark.parametrize("kind", volumes.KINDS)
def test_voxels_at_the_same_points_are_equal(kind, pairs):
    pair = pairs(kind)
    images = [tio.ScalarImage(pair.mla, reader=read), ScalarImage(pair.mla)]
    # SimpleITK, by which TorchIO reads NIfTI, refuses shear and reads a flat image without its place in space
    if kind not in ("sheared", "flat"):
        images.append(tio.ScalarImage(pair.nifti))
        np.testing.assert_allclose(images[0].affine, images[-1].affine, atol=1e-5)
        assert images[0].shape == images[-1].shape
    for image in images:
        data = np.moveaxis(image.numpy(), 0, -1)
        if kind not in ("series", "colours"):
            data = data[..., 0]
        found = volumes.at(volumes.points(kind), data, image.affine)
        np.testing.assert_array_equal(found, volumes.expected(kind))


@pytest.mark.parametrize("kind", ["oblique", "series"])
@pytest.mark.parametrize("transform", [tio.ToCanonical(), tio.Resample((1.3, 0.9, 1.7))])
def test_transforms_in_space_give_the_same(kind, transform, pairs):
    theirs = transform(tio.ScalarImage(pairs(kind).nifti))
    for image in (tio.ScalarImage(pairs(kind).mla, reader=read), ScalarImage(pairs(kind).mla)):
        ours = transform(image)
        assert ours.shape == theirs.shape
        # a header's float32 decides what a voxel at the very border is
        inside = (slice(None), *[slice(1, -1)] * 3)
        np.testing.assert_allclose(ours.data[inside], theirs.data[inside], atol=1)
        np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-5)


@pytest.fixture
def boxes(monkeypatch):
    """Record how many voxels each read gives."""
    sizes, whole = [], MLArray.read
    monkeypatch.setattr(
        MLArray,
        "read",
        lambda self, key=..., **rest: sizes.append(np.size(box := whole(self, key, **rest))) or box,
    )
    return sizes


def subject(pairs, kind):
    if kind == "mla":
        return tio.Subject(
            image=ScalarImage(pairs("oblique").mla), label=LabelMap(pairs("labels").mla), name="one"
        )
    return tio.Subject(
        image=tio.ScalarImage(pairs("oblique").nifti), label=tio.LabelMap(pairs("labels").nifti), name="one"
    )


def patches(pairs, kind, sampler, **how):
    torch.manual_seed(0)
    found = []
    for patch in sampler(subject(pairs, kind), **how):
        found.append(patch)
        if len(found) == 8:
            break
    return found


@pytest.mark.parametrize(
    "sampler", [tio.UniformSampler((8, 6, 5)), tio.LabelSampler((8, 6, 5), "label", {1: 1, 3: 2})]
)
def test_samplers_draw_the_same_patches(sampler, pairs):
    for theirs, ours in zip(patches(pairs, "nifti", sampler), patches(pairs, "mla", sampler), strict=True):
        np.testing.assert_array_equal(ours["location"], theirs["location"])
        np.testing.assert_array_equal(ours["image"].data, theirs["image"].data)
        np.testing.assert_array_equal(ours["label"].data, theirs["label"].data)
        np.testing.assert_allclose(ours["image"].affine, theirs["image"].affine, atol=1e-5)
        assert ours["name"] == "one"


def test_a_sampler_reads_no_more_than_the_patches(pairs, boxes):
    found = patches(pairs, "mla", tio.UniformSampler((8, 6, 5)), num_patches=8)
    assert max(boxes) == 8 * 6 * 5
    assert found[0]["image"].data.is_contiguous()
    boxes.clear()
    patches(pairs, "mla", tio.LabelSampler((8, 6, 5), "label"), num_patches=8)
    assert sorted(boxes)[-2:] == [8 * 6 * 5, np.prod(volumes.SHAPE)], "of the label map all, of the image not"


def test_a_grid_and_its_aggregator(pairs, boxes):
    sampler = tio.GridSampler(subject(pairs, "mla"), (10, 10, 6), (2, 2, 2))
    aggregator = tio.GridAggregator(sampler)
    for patch in sampler:
        aggregator.add_batch(patch["image"].data[None].float(), patch["location"][None])
    assert max(boxes) == 600
    theirs = tio.ScalarImage(pairs("oblique").nifti)
    np.testing.assert_array_equal(aggregator.get_output_tensor(), theirs.data)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_queue(pairs, workers):
    dataset = tio.SubjectsDataset([subject(pairs, "mla")] * 3, load_getitem=False)
    queue = tio.Queue(dataset, 8, 4, tio.UniformSampler((8, 6, 5)), num_workers=workers)
    loader = tio.SubjectsLoader(queue, batch_size=2)
    whole = tio.ScalarImage(pairs("oblique").nifti).data
    count = 0
    for batch in loader:
        for image, location in zip(batch["image"][tio.DATA], batch["location"], strict=True):
            (i, j, k, *_), (i1, j1, k1) = location, location[3:]
            np.testing.assert_array_equal(image, whole[:, i:i1, j:j1, k:k1])
            count += 1
    assert count == 12


def test_a_lazy_image_is_one_like_any_other(pairs, boxes):
    image, theirs = ScalarImage(pairs("oblique").mla), tio.ScalarImage(pairs("oblique").nifti)
    assert image.shape == theirs.shape
    assert image.spacing == pytest.approx(theirs.spacing)
    assert image.orientation_str == theirs.orientation_str
    assert "ScalarImage(shape: (1, 25, 30, 12)" in repr(image)
    assert image.num_channels == 1
    assert sum(boxes) <= 1, "nothing is read yet"
    part = image[2:8, 3:9, 4:10]
    np.testing.assert_array_equal(part.data, theirs[2:8, 3:9, 4:10].data)
    assert max(boxes) == 6**3
    again = pickle.loads(pickle.dumps(image))
    assert len(pickle.dumps(image)) < 2000
    data = again.data
    assert isinstance(data, torch.Tensor)
    np.testing.assert_array_equal(data * 2 + data, theirs.data * 3)
    np.testing.assert_array_equal(data[0, 3], theirs.data[0, 3])
    np.testing.assert_array_equal(torch.flip(again.data, (1,)), torch.flip(theirs.data, (1,)))
    assert again.data is again.data, "loaded once"


def test_a_file_that_was_replaced_is_read_anew(tmp_path):
    meta = Meta(spatial={"coord_system": "RAS", "spacing": [1, 1, 1]})
    for value in (1, 2):
        MLArray(np.full((4, 5, 6), value, "i2"), meta=meta).save(tmp_path / "a.mla")
        assert (ScalarImage(tmp_path / "a.mla")[1:3].data == value).all()


def test_stored_types(tmp_path):
    for dtype, expected in (
        ("u2", torch.int32),
        ("?", torch.uint8),
        ("f2", torch.float16),
        ("i1", torch.int8),
    ):
        voxels = np.arange(24).reshape(2, 3, 4).astype(dtype)
        meta = Meta(spatial={"coord_system": "RAS", "spacing": [1, 1, 1]})
        path = tmp_path / f"{np.dtype(dtype).name}.mla"
        MLArray(voxels, meta=meta).save(path)
        for image in (ScalarImage(path), tio.ScalarImage(path, reader=read)):
            assert image.data.dtype == expected
            np.testing.assert_array_equal(image.data[0].numpy(), voxels.T)


def test_a_world_that_is_not_known_is_asked_for(tmp_path):
    MLArray(np.zeros((2, 3, 4), "i2"), spacing=(3, 2, 1)).save(tmp_path / "a.mla")
    for image in (tio.ScalarImage(tmp_path / "a.mla", reader=read), ScalarImage(tmp_path / "a.mla")):
        with pytest.raises(ArgumentError, match=r"world is not known.*coord_system='RAS'"):
            _ = image.affine
    image = ScalarImage(tmp_path / "a.mla", reader=Reader(coord_system="LPS"))
    np.testing.assert_array_equal(image.affine[:3, :3], [[0, 0, -3], [0, -2, 0], [1, 0, 0]])
    np.testing.assert_array_equal(image[1:3].affine[:3, :3], image.affine[:3, :3])


def test_two_axes_of_channels_are_refused(tmp_path):
    labels = ["temporal", "channel", "spatial_y", "spatial_x"]
    meta = Meta(spatial={"axis_labels": labels, "coord_system": "LPS"})
    MLArray(np.zeros((2, 3, 4, 5)), meta=meta).save(tmp_path / "a.mla")
    with pytest.raises(UnsupportedError, match="TorchIO has one axis of channels, and 2 axes"):
        tio.ScalarImage(tmp_path / "a.mla", reader=read).load()
