"""Sets of voxel values, against Python's own."""

from __future__ import annotations

import numpy as np
import pytest

from mlarray_core.levels.values import FEW, ValueSet, few_values


@pytest.mark.parametrize("dtype", ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4"])
def test_strangers_are_what_was_not_added(dtype):
    random = np.random.default_rng(0)
    known = [random.integers(0, 2 if dtype == "?" else 90, (7, 5)).astype(dtype) for _ in range(3)]
    asked = random.integers(-1 if dtype[0] in "if" else 0, 2 if dtype == "?" else 120, (40, 6)).astype(dtype)
    values = ValueSet(np.dtype(dtype))
    for one in known:
        values.add(one[:, ::-1])
    wanted = sorted(set(asked.ravel().tolist()) - {value for one in known for value in one.ravel().tolist()})
    assert values.strangers(asked[::2].T).tolist() == sorted(set(asked[::2].ravel().tolist()) & set(wanted))
    assert values.strangers(known[0]).size == 0


def test_extremes():
    values = ValueSet(np.dtype("i2"))
    values.add(np.array([-32768, 32767, 0], np.int16))
    assert values.strangers(np.array([-32768, 32767, -1, 1], np.int16)).tolist() == [-1, 1]


def test_values_are_counted_until_there_are_many():
    def count(voxels):
        return few_values(iter(voxels), voxels.dtype)

    assert count(np.arange(FEW, dtype="i4").reshape(4, -1)) == FEW
    assert count(np.arange(FEW + 1, dtype="i4").reshape(5, -1)) is None
    late = np.zeros((64, 512, 512), "u1")
    late[-1, -1, -9:] = range(9)
    assert count(late) == 9
