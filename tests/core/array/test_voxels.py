"""NumPy's protocol, and reading into given buffers."""

import threading

import numpy as np
import pytest

from mlarray import MLArray
from mlarray_core.errors import ArgumentError

VOXELS = np.arange(4 * 30 * 40, dtype=np.int16).reshape(4, 30, 40)
IMAGES = {"compressed": MLArray(VOXELS, patch_size=8), "plain": MLArray(VOXELS.copy(), compressed=False)}


@pytest.fixture(params=IMAGES)
def image(request):
    return IMAGES[request.param]


def test_numpy_takes_images(image):
    assert np.array_equal(np.asarray(image), VOXELS)
    assert np.array_equal(np.add(image, 1), VOXELS + 1)
    assert np.mean(image) == VOXELS.mean()
    assert np.asarray(image, np.float32).dtype == np.float32
    assert np.array_equal(np.stack([image, image])[1], VOXELS)


def test_copies_on_demand(image):
    copied = np.array(image, copy=True)
    copied[...] = 0
    assert np.array_equal(image, VOXELS)
    if image is IMAGES["plain"]:
        assert np.shares_memory(np.asarray(image), image.to_numpy())
        assert np.shares_memory(np.array(image, copy=False), image.to_numpy())
    else:
        with pytest.raises(ValueError, match="without a copy"):
            np.array(image, copy=False)
    with pytest.raises(ValueError, match="copy"):
        np.array(image, dtype=np.float64, copy=False)


def test_images_are_sequences_of_their_first_axis(image):
    assert len(image) == 4
    assert all(np.array_equal(plane, expected) for plane, expected in zip(image, VOXELS, strict=True))
    with pytest.raises(TypeError, match="0-d"):
        len(MLArray(np.array(1)))
    with pytest.raises(TypeError, match="0-d"):
        iter(MLArray(np.array(1)))
    assert bool(MLArray(np.zeros((0, 3))))


@pytest.mark.parametrize("key", [..., np.s_[1:3], np.s_[:, 5:9, 3:], np.s_[2:2]])
def test_reading_into_a_buffer(image, key):
    out = np.full_like(VOXELS[key], -1)
    assert image.read(key, out=out) is out
    assert np.array_equal(out, VOXELS[key])


@pytest.mark.parametrize(
    ("key", "out"),
    [
        (..., np.zeros((4, 30, 41), "i2")),
        (..., np.zeros((4, 30, 40), "i4")),
        (..., np.zeros((4, 30, 80), "i2")[..., ::2]),
        (..., np.broadcast_to(np.int16(0), (4, 30, 40))),
        (np.s_[::2], np.zeros((2, 30, 40), "i2")),
        (np.s_[[0, 1]], np.zeros((2, 30, 40), "i2")),
        (0, np.zeros((30, 40), "i2")),
    ],
)
def test_unfit_buffers_are_refused(image, key, out):
    with pytest.raises(ArgumentError, match="out"):
        image.read(key, out=out)


def test_read_only_arrays_are_copied_when_written_to():
    voxels = VOXELS.copy()
    voxels.flags.writeable = False
    image = MLArray(voxels, compressed=False)
    image[0] = 5
    assert (image[0] == 5).all()
    assert np.array_equal(voxels, VOXELS)


def test_threads_share_one_image():
    image = IMAGES["compressed"]
    wrong = []

    def read(seed):
        random = np.random.default_rng(seed)
        for _ in range(50):
            z, y, x = (int(random.integers(0, size)) for size in VOXELS.shape)
            if not np.array_equal(image[z:, y:, x:], VOXELS[z:, y:, x:]):
                wrong.append((z, y, x))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
