"""Whether one image is a coarser version of another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlarray_core import geometry
from mlarray_core.errors import MetadataError
from mlarray_core.levels import pyramid
from mlarray_core.levels.overlay import factor_between, fit

LABELS = ["spatial_z", "spatial_y", "spatial_x"]


def spatial(affine, labels=LABELS, spacing=None):
    return geometry.spatial_meta(affine, axis_labels=labels, coord_system="LPS", spacing=spacing)


def turned(seed, spacing):
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return geometry.compose(spacing, (100.0, -200.0, 30.0), rotation)


@given(
    st.lists(st.integers(20, 60_000), min_size=3, max_size=3),
    st.lists(st.floats(0.01, 5), min_size=3, max_size=3),
    st.integers(1, 4),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_our_own_levels_fit(shape, spacing, count, seed):
    affine = turned(seed, spacing)
    for level in pyramid.plan(shape, (0, 1, 2), spacing, count):
        place = fit(shape, spatial(affine), level.shape, spatial(pyramid.affine_at(affine, level.factors)))
        assert place.factors == level.factors
        np.testing.assert_allclose(place.shifts, [(factor - 1) / 2 for factor in level.factors])


@given(st.integers(1, 5000), st.integers(0, 6))
def test_sizes_rounded_up_and_down_have_the_same_factor(size, halvings):
    by = 2**halvings
    if size < 3 * by:  # where rounding is most of the size, nobody can tell
        return
    assert factor_between(size, size // by) == by
    assert factor_between(size, -(-size // by)) == by


@pytest.mark.parametrize(("size", "small"), [(100, 33), (100, 101), (100, 0), (100, 48), (100, 52), (10, 7)])
def test_other_sizes_have_none(size, small):
    with pytest.raises(MetadataError, match="divided by"):
        factor_between(size, small)


@pytest.mark.parametrize("shifts", [(0.0, 0.0, 0.0), (1.0, 3.0, 0.0), (0.5, 1.5, 0.0), (0.25, 2.0, 0.0)])
def test_where_the_first_voxel_lies_is_kept(shifts):
    affine = turned(3, (1.0, 0.5, 0.7))
    coarse = pyramid.affine_at(affine, (2, 4, 1), shifts)
    place = fit((10, 40, 7), spatial(affine), (5, 10, 7), spatial(coarse))
    np.testing.assert_allclose(place.shifts, shifts, atol=1e-9)


@pytest.mark.parametrize("shifts", [(-0.1, 1.5, 0), (0.5, 3.2, 0), (0.5, 1.5, 0.1)])
def test_beside_its_block_it_does_not_fit(shifts):
    affine = turned(4, (1.0, 0.5, 0.7))
    coarse = pyramid.affine_at(affine, (2, 4, 1), shifts)
    with pytest.raises(MetadataError, match="beside"):
        fit((10, 40, 7), spatial(affine), (5, 10, 7), spatial(coarse))


def test_flipped_images_fit_only_where_blocks_end_together():
    affine = geometry.compose((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))

    def flipped(matrix, size):
        turn = np.diag([-1.0, 1.0, 1.0, 1.0])
        turn[0, 3] = size - 1
        return matrix @ turn

    coarse = pyramid.affine_at(affine, (2, 2, 2))
    even = fit((10, 8, 8), spatial(flipped(affine, 10)), (5, 4, 4), spatial(flipped(coarse, 5)))
    assert even.shifts == (0.5, 0.5, 0.5)
    with pytest.raises(MetadataError, match="beside"):
        fit((9, 8, 8), spatial(flipped(affine, 9)), (5, 4, 4), spatial(flipped(coarse, 5)))


def test_turned_axes_do_not_fit():
    affine = geometry.compose((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))
    with pytest.raises(MetadataError, match="times as large"):
        fit(
            (8, 8, 8), spatial(affine), (4, 4, 4), spatial(pyramid.affine_at(turned(1, (1, 1, 1)), (2, 2, 2)))
        )


def test_without_geometry_sizes_decide():
    bare = geometry.spatial_meta(None, axis_labels=["spatial_y", "spatial_x", "components"])
    place = fit((101, 100, 3), bare, (51, 50, 3), bare)
    assert place.factors == (2, 2, 1)
    assert place.shifts == (0.5, 0.5)
    sized = geometry.spatial_meta(None, axis_labels=["spatial_y", "spatial_x"], spacing=[1.0, 1.0])
    wrong = geometry.spatial_meta(None, axis_labels=["spatial_y", "spatial_x"], spacing=[2.0, 2.02])
    with pytest.raises(MetadataError, match=r"2, 2\.02 times as large"):
        fit((100, 100), sized, (50, 50), wrong)


@pytest.mark.parametrize(
    ("coarse", "why"),
    [((50, 50), "2 axes"), ((50, 50, 2), "isn't spatial"), ((100, 100, 3), "isn't coarser")],
)
def test_other_axes_must_stay(coarse, why):
    labels = ["spatial_y", "spatial_x", "components"]
    bare = geometry.spatial_meta(None, axis_labels=labels)
    other = geometry.spatial_meta(None, axis_labels=labels[: len(coarse)])
    with pytest.raises(MetadataError, match=why):
        fit((100, 100, 3), bare, coarse, other)
