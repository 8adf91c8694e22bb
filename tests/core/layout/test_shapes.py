"""Chunk and block shapes: what holds for all of them, whatever is measured to be fastest."""

import functools
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlarray import MLArray
from mlarray_core.layout import shapes as layout

GOLDEN = json.loads((Path(__file__).parents[2] / "data" / "api" / "layout_golden.json").read_text("utf-8"))
LARGEST_CHUNK = 4 << 20


@st.composite
def requests(draw):
    shape = draw(st.lists(st.integers(1, 3000), min_size=1, max_size=5))
    spatial = draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
    patch = draw(st.lists(st.integers(1, 600), min_size=sum(spatial), max_size=sum(spatial)))
    return shape, draw(st.sampled_from([1, 2, 4, 8, 16])), spatial, patch


@given(requests())
def test_shapes_fit_into_each_other(request):
    shape, itemsize, spatial, patch = request
    chunks, blocks = layout.partition(shape, itemsize, spatial, patch)
    assert len(chunks) == len(blocks) == len(shape)
    for size, chunk, block in zip(shape, chunks, blocks, strict=True):
        assert 1 <= block <= chunk <= size
        assert chunk % block == 0 or chunk == size
    if sum(spatial):
        assert math.prod(chunks) * itemsize <= LARGEST_CHUNK


@given(requests())
def test_axes_that_patches_do_not_cross_are_cut_singly(request):
    shape, itemsize, spatial, patch = request
    chunks, blocks = layout.partition(shape, itemsize, spatial, patch)
    if any(spatial):
        assert all(
            flag or (chunk, block) == (1, 1)
            for flag, chunk, block in zip(spatial, chunks, blocks, strict=True)
        )


@given(st.lists(st.integers(1, 500), min_size=2, max_size=3), st.integers(1, 8))
def test_inner_axes_stay_together(shape, components):
    spatial, inner = [True] * len(shape) + [False], [False] * len(shape) + [True]
    chunks, blocks = layout.partition([*shape, components], 1, spatial, [192] * len(shape), inner)
    assert chunks[-1] == blocks[-1] == components


def test_small_patches_have_small_blocks():
    small = layout.partition((512, 512, 512), 2, [True] * 3, (8, 8, 8))[1]
    assert all(size <= 8 for size in small)


def test_large_volumes_have_blocks_short_along_the_last_axis():
    small, large = (400, 512, 512), (800, 1024, 1024)

    def cut(shape, itemsize=2):
        spatial = [axis >= len(shape) - 3 for axis in range(len(shape))]
        return layout.partition(shape, itemsize, spatial, (192,) * 3)

    assert cut(small) == ((32, 64, 64), (16, 16, 32))
    assert cut(large) == ((32, 48, 128), (16, 24, 16))
    assert cut((7, *large)) == ((1, 32, 48, 128), (1, 16, 24, 16))
    assert cut((100, *small)) == ((1, 32, 64, 64), (1, 16, 16, 32))
    assert cut(large, 4) == cut(small, 4)


def test_zero_length_axes():
    for shape in ([0], [0, 5], [5, 0, 7]):
        chunks, blocks = layout.partition(shape, 2, [True] * len(shape), [192] * len(shape))
        assert all(b <= c <= s for s, c, b in zip(shape, chunks, blocks, strict=True))


@pytest.mark.parametrize("profile", layout.PROFILES)
@pytest.mark.parametrize("itemsize", [1, 2, 4, 8, 16])
def test_profiles_use_codecs_that_every_reader_has(profile, itemsize):
    params = layout.compression(itemsize, profile)
    assert params["codec"] in (layout.LZ4, layout.LZ4HC, layout.ZSTD)
    assert set(params["filters"]) <= {layout.NOFILTER, layout.SHUFFLE, layout.BYTEDELTA}
    assert len(params["filters"]) == len(params["filters_meta"])


@pytest.mark.parametrize(
    "case", GOLDEN["cases"], ids=lambda case: f"{case['image_size']} {case['patch_size']}"
)
def test_what_the_reference_takes_is_taken(case):
    mask = case["spatial_axis_mask"]
    call = functools.partial(
        MLArray.comp_blosc2_params,
        case["image_size"], case["patch_size"], mask, case["bytes_per_pixel"], **case["kwargs"],
    )  # fmt: skip
    axes = [True] * len(case["image_size"]) if mask is None else mask
    if len(case["patch_size"]) != sum(axes) or len(axes) != len(case["image_size"]):
        with pytest.raises(ValueError, match="one number for each spatial axis"):
            call()
        return
    chunks, blocks = call()
    assert isinstance(chunks, list)
    assert isinstance(blocks, list)
    assert all(b <= c <= s for s, c, b in zip(case["image_size"], chunks, blocks, strict=True))


def test_comp_blosc2_params_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="one number for each spatial axis"):
        MLArray.comp_blosc2_params((5, 6, 7), (3, 3))
    with pytest.raises(ValueError, match="one number for each spatial axis"):
        MLArray.comp_blosc2_params((5, 6, 7), (3, 3), [True, True])


@pytest.mark.parametrize("itemsize", [1, 2, 4])
def test_labels_arent_shuffled(itemsize):
    params = layout.compression(itemsize, labels=True)
    assert (params["codec"], params["clevel"], params["filters"]) == (layout.LZ4HC, 9, [layout.NOFILTER])
    assert layout.compression(itemsize, "small", labels=True) == layout.compression(itemsize, "small")


def test_what_is_hardly_smaller_stays_fast_to_write():
    assert layout.choose_labels({"plain": 90, "shuffled": 95, "default": 100}) == "default"
    assert layout.choose_labels({"plain": 90, "shuffled": 80, "default": 100}) == "shuffled"
    assert layout.choose_labels({"plain": 90, "shuffled": 95}) == "plain"
