"""Which layout an image gets."""

import numpy as np
import pytest

from mlarray import Meta, MLArray
from mlarray_core.errors import ArgumentError, ArgumentTypeError, MetadataError, ModeError
from mlarray_core.layout.plan import is_array, normal_shape
from mlarray_core.layout.shapes import compression

VOXELS = np.zeros((40, 50, 60), np.uint16)


def sizes(image):
    stored = image.meta.blosc2
    return stored.patch_size, stored.chunk_size, stored.block_size


def test_the_default_patch_is_192():
    assert MLArray(VOXELS).meta.blosc2.patch_size == [192, 192, 192]
    labelled = MLArray(VOXELS, axis_labels=["temporal", "spatial_y", "spatial_x"])
    assert labelled.meta.blosc2.patch_size == [192, 192]


def test_patches_by_number_and_by_axis():
    assert MLArray(VOXELS, patch_size=16).meta.blosc2.patch_size == [16, 16, 16]
    assert MLArray(VOXELS, patch_size=np.int64(16)).meta.blosc2.patch_size == [16, 16, 16]
    assert MLArray(VOXELS, patch_size=np.array([8, 16, 24])).meta.blosc2.patch_size == [8, 16, 24]
    assert MLArray(VOXELS, patch_size=16).meta.blosc2.block_size != MLArray(VOXELS).meta.blosc2.block_size


def test_explicit_sizes():
    image = MLArray(VOXELS, patch_size=None, chunk_size=(20, 50, 30), block_size=[10, 25, 30])
    assert sizes(image) == (None, [20, 50, 30], [10, 25, 30])
    image = MLArray(VOXELS, chunk_size=(20, 50, 30), block_size=10)
    assert sizes(image) == (None, [20, 50, 30], [10, 10, 10])
    image = MLArray(VOXELS, chunk_size=100, block_size=100)
    assert sizes(image) == (None, [40, 50, 60], [40, 50, 60])


def test_blosc2_decides():
    patch, chunk, block = sizes(MLArray(VOXELS, patch_size=None))
    assert patch is None
    assert len(chunk) == len(block) == 3


@pytest.mark.parametrize(
    "arguments", [{"chunk_size": 5}, {"block_size": 5}, {"patch_size": None, "chunk_size": 5}]
)
def test_chunk_and_block_go_together(arguments):
    with pytest.raises(RuntimeError, match="go together"):
        MLArray(VOXELS, **arguments)


def test_patch_or_chunk():
    with pytest.raises(ModeError, match="either patch_size or chunk_size"):
        MLArray(VOXELS, patch_size=16, chunk_size=5, block_size=5)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"patch_size": (16, 16)}, MetadataError, r"blosc2.patch_size: expected 3 numbers, got 2"),
        ({"patch_size": 0}, MetadataError, "expected numbers > 0"),
        ({"patch_size": "large"}, ArgumentTypeError, "patch_size must be a whole number or a sequence"),
        ({"patch_size": 2.5}, ArgumentTypeError, "patch_size must be a whole number or a sequence"),
        (
            {"chunk_size": (1.5, 2, 3), "block_size": 1},
            ArgumentTypeError,
            "chunk_size must be a whole number or a sequence",
        ),
        ({"chunk_size": (1, 2), "block_size": 1}, MetadataError, "blosc2.chunk_size: expected 3"),
        ({"profile": "best"}, ArgumentError, "no profile"),
    ],
)
def test_impossible_sizes(arguments, error, message):
    with pytest.raises(error, match=message):
        MLArray(VOXELS, **arguments)


def test_a_stored_layout_is_kept(tmp_path):
    for arguments in ({"patch_size": 16}, {"chunk_size": (20, 50, 30), "block_size": (10, 25, 30)}):
        image = MLArray(VOXELS, **arguments)
        image.save(tmp_path / "a.mla")
        loaded = MLArray.load(tmp_path / "a.mla", compressed=False)
        loaded.save(tmp_path / "b.mla")
        assert sizes(MLArray(tmp_path / "b.mla")) == sizes(image)
        assert sizes(MLArray(VOXELS + 1, copy=loaded)) == sizes(image)
        assert sizes(MLArray(VOXELS, meta=loaded.meta)) == sizes(image)


def test_a_layout_of_other_dimensions_is_not_kept():
    base = MLArray(VOXELS, chunk_size=(20, 50, 30), block_size=(10, 25, 30))
    assert MLArray(np.zeros((9, 9)), copy=base).meta.blosc2.patch_size == [192, 192]


def test_partial_parameters_change_nothing_else():
    default = MLArray(VOXELS).meta.blosc2.cparams
    assert MLArray(VOXELS, cparams={"clevel": 1}).meta.blosc2.cparams == {**default, "clevel": 1}
    assert MLArray(VOXELS, dparams={"nthreads": 3}).meta.blosc2.dparams == {"nthreads": 3}


def test_the_layout_is_read_only():
    image = MLArray(VOXELS, meta=Meta())
    with pytest.raises(AttributeError):
        image.meta.blosc2.chunk_size = [1, 1, 1]
    with pytest.raises((AttributeError, TypeError)):
        image.meta.blosc2.chunk_size[0] = 1


@pytest.mark.parametrize(
    ("given", "shape"), [(5, (5,)), ([1, 2], (1, 2)), (np.array([3, 4]), (3, 4)), ((), ())]
)
def test_shapes(given, shape):
    assert normal_shape(given) == shape


def test_arrays():
    assert is_array(VOXELS)
    assert is_array(np.float32(1))
    assert not is_array([1])


def test_what_is_known_to_be_labels_is_smaller(tmp_path):
    """A label map whose neighbours differ in both bytes: cells with numbers anywhere."""
    random = np.random.default_rng(0)
    cells = random.integers(1, 6000, (16, 16, 16)).astype("u2").repeat(6, 0).repeat(6, 1).repeat(6, 2)
    written = []
    for name, how in (("labels", {}), ("scan", {"cparams": compression(2)})):
        MLArray(cells, meta=Meta(is_seg=True), **how).save(tmp_path / f"{name}.mla")
        written.append((tmp_path / f"{name}.mla").stat().st_size)
        assert np.array_equal(MLArray.open(tmp_path / f"{name}.mla")[...], cells)
    assert written[0] < 0.9 * written[1]
