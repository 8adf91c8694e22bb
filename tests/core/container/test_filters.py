"""Parts of arrays, whatever filters their chunks went through: those of the whole array, voxel by voxel."""

import blosc2
import numpy as np
import pytest

from mlarray import MLArray, errors

FILTERS = {
    "none": [blosc2.Filter.NOFILTER],
    "shuffle": [blosc2.Filter.SHUFFLE],
    "bitshuffle": [blosc2.Filter.BITSHUFFLE],
    "delta": [blosc2.Filter.DELTA],
    "delta and shuffle": [blosc2.Filter.DELTA, blosc2.Filter.SHUFFLE],
    "bytedelta": [blosc2.Filter.SHUFFLE, blosc2.Filter.BYTEDELTA],
}
VOXELS = np.random.default_rng(5).integers(0, 1000, (13, 14, 15)).astype(np.int32)
BOXES = [np.s_[4, 5, 6], np.s_[2:3, 3:9, 1:14], np.s_[5:12, 6:7, 8:15], np.s_[:, 13, :], np.s_[12:, :3, 4:6]]


@pytest.fixture(params=FILTERS.values(), ids=FILTERS)
def path(request, tmp_path):
    """Written by Blosc2 itself, with one thread."""
    cparams = {
        "codec": blosc2.Codec.ZSTD,
        "filters": request.param,
        "filters_meta": [0] * len(request.param),
        "nthreads": 1,
    }
    made = str(tmp_path / "made.mla")
    blosc2.asarray(VOXELS, chunks=(8, 8, 8), blocks=(4, 4, 4), cparams=cparams, urlpath=made, mode="w")
    return tmp_path / "made.mla"


@pytest.mark.parametrize("box", BOXES, ids=str)
def test_parts_are_those_of_the_whole(path, box):
    with MLArray.open(path) as image:
        assert np.array_equal(image[box], VOXELS[box])


def test_many_parts_at_once(path):
    boxes = [np.s_[start : start + 4, 3:9, 6:13] for start in (0, 3, 9)]
    with MLArray.open(path) as image:
        assert np.array_equal(image.read_many(boxes), [VOXELS[box] for box in boxes])


def test_edits_and_copies_keep_them(path, tmp_path):
    with MLArray.open(path, mmap_mode="r+") as image:
        image[3:5, 3:5, 3:5] = -7
    wanted = VOXELS.copy()
    wanted[3:5, 3:5, 3:5] = -7
    with MLArray.open(path) as image:
        assert [bool((image[index] == wanted[index]).all()) for index in BOXES] == [True] * len(BOXES)
        image.save(tmp_path / "copy.mla")
    assert np.array_equal(MLArray(tmp_path / "copy.mla"), wanted)


def test_the_delta_filter_is_not_written():
    # c-blosc2 4.14.1 reads single blocks of what went through it wrongly, and other programs read by it
    with pytest.raises(errors.ArgumentError, match="gives other voxels when parts of a chunk are read"):
        MLArray(VOXELS, cparams={"filters": [blosc2.Filter.DELTA]})


def test_filters_without_their_numbers(tmp_path):
    MLArray(VOXELS, cparams={"filters": [1, 35], "codec": 5}).save(tmp_path / "a.mla")
    assert np.array_equal(MLArray(tmp_path / "a.mla"), VOXELS)


def test_filters_and_other_numbers_of_numbers():
    with pytest.raises(errors.ArgumentError, match="2 filters and 1 numbers"):
        MLArray(VOXELS, cparams={"filters": [1, 35], "filters_meta": [0]})
