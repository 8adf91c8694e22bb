"""Rounding: the promised error holds for every value, and what must not be rounded is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlarray_core.errors import ArgumentError
from mlarray_io.engine.lossy import Tolerance, check_lossy, rounded

integers = st.sampled_from(["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])


@given(st.data(), integers, st.floats(0.3, 1e6))
@settings(max_examples=200, deadline=None)
def test_integers_stay_within_the_tolerance(data, dtype, error):
    array = data.draw(hnp.arrays(dtype, hnp.array_shapes(max_side=8)))
    near = rounded(array, Tolerance(error))
    assert near.dtype == array.dtype
    off = [abs(int(a) - int(b)) for a, b in zip(near.ravel(), array.ravel(), strict=True)]
    assert max(off) <= error


@given(st.data(), st.sampled_from(["f2", "f4", "f8"]), st.floats(1e-4, 1e4))
@settings(max_examples=200, deadline=None)
def test_floats_stay_within_the_tolerance(data, dtype, error):
    array = data.draw(hnp.arrays(dtype, hnp.array_shapes(max_side=8)))
    near = rounded(array, Tolerance(error))
    assert near.dtype == array.dtype
    finite = np.isfinite(array)
    np.testing.assert_array_equal(near[~finite], array[~finite])
    assert (np.abs(near[finite].astype("f8") - array[finite].astype("f8")) <= error).all()


@given(st.data(), st.sampled_from(["f4", "f8"]), st.floats(1e-5, 0.5))
@settings(max_examples=200, deadline=None)
def test_floats_stay_within_a_relative_tolerance(data, dtype, error):
    array = data.draw(hnp.arrays(dtype, hnp.array_shapes(max_side=8)))
    near = rounded(array, Tolerance(error, relative=True))
    finite = np.isfinite(array)
    np.testing.assert_array_equal(near[~finite], array[~finite])
    normal = finite & (np.abs(array) > np.finfo(dtype).tiny)
    off = np.abs(near[normal].astype("f8") - array[normal].astype("f8"))
    assert (off <= error * np.abs(array[normal].astype("f8"))).all()


def test_rounding_makes_files_smaller(tmp_path):
    from mlarray_core import MLArray

    array = np.random.default_rng(0).normal(0, 100, (60, 60, 60)).astype(np.float32)
    sizes = []
    for values in (array, rounded(array, Tolerance(0.5))):
        MLArray(values).save(tmp_path / "values.mla")
        sizes.append((tmp_path / "values.mla").stat().st_size)
    assert sizes[1] < 0.6 * sizes[0]


def test_small_tolerances_leave_integers_alone():
    array = np.arange(100, dtype=np.int16)
    np.testing.assert_array_equal(rounded(array, Tolerance(0.4)), array)


@pytest.mark.parametrize(
    "text",
    [
        "0.5",
        "tolerance",
        "tolerance=x",
        "percent=3",
        "tolerance=-1",
        "tolerance=0",
        "relative=2",
        "tolerance=inf",
    ],
)
def test_nonsense_is_refused(text):
    with pytest.raises(ArgumentError):
        Tolerance.parse(text)


def test_parsing():
    assert Tolerance.parse("tolerance=0.5") == Tolerance(0.5)
    assert Tolerance.parse("relative=1e-3") == Tolerance(1e-3, relative=True)


@pytest.mark.parametrize(
    ("dtype", "tolerance", "is_seg"),
    [
        ("u1", Tolerance(1), True),
        ("?", Tolerance(1), False),
        ("c8", Tolerance(1), False),
        ("i2", Tolerance(0.1, relative=True), False),
    ],
)
def test_what_must_not_be_rounded(dtype, tolerance, is_seg):
    with pytest.raises(ArgumentError):
        check_lossy(np.dtype(dtype), tolerance, is_seg=is_seg)
