"""Attributes of an image: NumPy's sizes, names that don't exist, and what a closed image says."""

import copy
import pickle
import weakref

import numpy as np
import pytest

import mlarray
from mlarray import MLArray
from mlarray_core.errors import ArgumentTypeError, ModeError

VOXELS = np.arange(24, dtype="i2").reshape(2, 3, 4)


@pytest.mark.parametrize("shape", [(2, 3, 4), (0, 3), (), (7,)])
@pytest.mark.parametrize("dtype", ["i2", "f8", "u1"])
def test_sizes_are_numpys(shape, dtype):
    array = np.ones(shape, dtype)
    image = MLArray(array)
    assert (image.size, image.itemsize, image.nbytes) == (array.size, array.itemsize, array.nbytes)


def test_metadata_only_have_no_size():
    image = MLArray()
    assert (image.size, image.itemsize, image.nbytes, image.shape) == (None, None, None, None)


@pytest.mark.parametrize(
    ("name", "near"),
    [("orgin", "; did you mean 'origin'?"), ("spaceing", "; did you mean 'spacing'?"), ("xyz123", "")],
)
def test_unknown_attributes_are_refused(name, near):
    image = MLArray(VOXELS)
    with pytest.raises(AttributeError) as caught:
        setattr(image, name, (1, 2, 3))
    assert str(caught.value) == f"MLArray has no attribute {name!r}{near}"
    assert not hasattr(image, name)


def test_what_is_read_only_says_so():
    image = MLArray(VOXELS)
    for name in ("shape", "filepath", "levels"):
        with pytest.raises(AttributeError):
            setattr(image, name, None)


def test_subclasses_have_attributes_of_their_own():
    class Case(MLArray):
        def __init__(self, array, case):
            super().__init__(array)
            self.case = case

    image = Case(VOXELS, 7)
    assert image.case == 7
    assert weakref.ref(image)() is image


@pytest.fixture
def closed(tmp_path):
    """An image that was closed, and its path."""
    MLArray(VOXELS).save(tmp_path / "a.mla")
    image = MLArray.open(tmp_path / "a.mla")
    image.close()
    return image, str(tmp_path / "a.mla")


@pytest.mark.parametrize(
    "use",
    [
        lambda image: image.meta,
        lambda image: image.shape,
        lambda image: image.dtype,
        lambda image: image.ndim,
        lambda image: image.size,
        lambda image: image.nbytes,
        lambda image: image.spatial_ndim,
        lambda image: image.spacing,
        lambda image: image.origin,
        lambda image: image.direction,
        lambda image: image.affine,
        lambda image: image.shear,
        lambda image: image.levels,
        lambda image: image.at(spacing=1),
        lambda image: image.thumbnail(),
        lambda image: image[0],
        lambda image: image.read(),
        lambda image: image.read_many([(slice(0, 1),) * 3]),
        lambda image: image.prefetch([(slice(0, 1),) * 3]),
        lambda image: image.__setitem__(0, 1),
        lambda image: image.to_numpy(),
        lambda image: image.to_blosc2(),
        lambda image: np.asarray(image),
        lambda image: iter(image),
        lambda image: len(image),
        lambda image: image.verify(),
        lambda image: image.save("other.mla"),
        lambda image: image.flush(),
        lambda image: image.compress(),
        lambda image: image.decompress(),
        lambda image: setattr(image, "spacing", (1, 1, 1)),
        lambda image: setattr(image, "affine", np.eye(4)),
    ],
)
def test_a_closed_image_says_so(closed, use):
    image, path = closed
    with pytest.raises(ArgumentTypeError) as caught:
        use(image)
    assert str(caught.value) == f"{path}: the image is closed"


def test_what_a_closed_image_still_does(closed):
    image, _ = closed
    image.close()
    assert repr(image) == "<MLArray closed>"
    assert (image.filepath, image.mode, image.mmap_mode) == (None, None, None)
    assert image
    for twin in (copy.copy(image), copy.deepcopy(image), pickle.loads(pickle.dumps(image))):
        assert repr(twin) == "<MLArray closed>"


def test_other_formats_are_sent_to_read_and_write(tmp_path):
    for use in (MLArray, MLArray.open, MLArray.load):
        with pytest.raises(ModeError, match=r"ends in \.mla\. mlarray\.read reads other formats"):
            use(tmp_path / "a.nii.gz")
    with pytest.raises(ModeError, match=r"ends in \.mla\. mlarray\.write writes other formats"):
        MLArray(VOXELS).save(tmp_path / "a.nii.gz")


def test_a_missing_file_has_a_public_error(tmp_path):
    for use in (MLArray, MLArray.open, MLArray.load):
        with pytest.raises(mlarray.errors.MissingFileError) as caught:
            use(tmp_path / "a.mla")
        assert isinstance(caught.value, FileNotFoundError)
        assert isinstance(caught.value, RuntimeError)
        assert not type(caught.value).__name__.startswith("_")


def test_secrets_of_a_url_are_not_shown():
    from mlarray_core.array.state import ImageState

    image = MLArray(VOXELS)
    image._state.path = "https://user:secret@host/a.mla?token=abc"
    assert isinstance(image._state, ImageState)
    assert "host/a.mla" in repr(image)
    assert "secret" not in repr(image)
    assert "abc" not in repr(image)
