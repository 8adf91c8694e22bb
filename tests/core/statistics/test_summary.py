"""Statistics that are gathered in pieces, against NumPy's of the whole."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mlarray_core import errors
from mlarray_core.statistics.summary import HIGH, LOW, Statistics


def gathered(voxels, pieces=3, above=None):
    found = Statistics(voxels.dtype, above)
    for piece in np.array_split(voxels, pieces):
        found.add(piece)
    return found.meta()


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "?", "i4", "u4", "f2", "f4", "f8", "i8"])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_they_are_numpys(dtype, data):
    kind = np.dtype(dtype)
    elements = {"min_value": -1e4, "max_value": 1e4} if kind.kind == "f" else {}
    voxels = data.draw(
        arrays.arrays(kind, arrays.array_shapes(max_dims=3, max_side=12), elements=elements or None)
    )
    exact = kind.kind != "f" and kind.itemsize <= 2
    stats, wide = gathered(voxels), voxels.astype("f8")
    assert (stats.min, stats.max) == (wide.min(), wide.max())
    scale = max(1, np.abs(wide).max())
    assert stats.mean == pytest.approx(wide.mean(), abs=1e-9 * scale)
    assert stats.std == pytest.approx(wide.std(), abs=1e-7 * scale)
    for share, found in ((0.5, stats.median), (LOW, stats.percentile_min), (HIGH, stats.percentile_max)):
        wanted = np.quantile(wide, share)
        assert found == pytest.approx(wanted, rel=1e-9, abs=(1e-9 if exact else 5e-4) * scale)


def test_percentiles_of_floats_err_little():
    voxels = np.random.default_rng(0).normal(50, 400, 300_000).astype("f4")
    stats = gathered(voxels)
    inside = voxels[(voxels >= np.quantile(voxels, LOW)) & (voxels <= np.quantile(voxels, HIGH))]
    assert stats.percentile_min == pytest.approx(np.quantile(voxels, LOW), rel=5e-4)
    assert stats.percentile_max == pytest.approx(np.quantile(voxels, HIGH), rel=5e-4)
    assert stats.percentile_mean == pytest.approx(inside.mean(dtype="f8"), abs=0.1)
    assert stats.percentile_std == pytest.approx(inside.std(dtype="f8"), rel=1e-3)


def test_a_large_mean_costs_no_precision():
    voxels = np.random.default_rng(0).normal(1e8, 1, 100_000)
    assert gathered(voxels, 17).std == pytest.approx(voxels.std(), rel=1e-9)


@pytest.mark.parametrize("dtype", ["i2", "f4", "f8"])
def test_parts_merge_to_the_same_in_any_order(dtype):
    voxels = np.random.default_rng(0).normal(1e4, 400, 90_000).astype(dtype)
    parts = []
    for piece in np.array_split(voxels, 7):
        parts.append(Statistics(voxels.dtype, 9e3))
        parts[-1].add(piece)
    for order in (parts, parts[::-1], parts[3:] + parts[:3]):
        merged = Statistics(voxels.dtype, 9e3)
        for part in order:
            merged.merge(pickle.loads(pickle.dumps(part)))
        assert merged.meta().to_plain() == gathered(voxels, 7, 9e3).to_plain()


def test_sums_beyond_float64():
    stats = gathered(np.array([1.5e308, 1.5e308, -1e308]), 1)
    assert stats.mean == pytest.approx(2 / 3 * 1e308)
    assert stats.std == np.inf


def test_foreground_and_what_is_no_number():
    voxels = np.array([0, 0, 0, 5, 7, np.nan, np.inf, -np.inf], "f4")
    stats = gathered(voxels, above=0)
    assert (stats.min, stats.max, stats.mean) == (5, 7, 6)
    assert gathered(voxels).min == 0
    assert gathered(voxels, above=99).mean is None
    with pytest.raises(errors.UnsupportedError):
        Statistics(np.dtype("c8"))
