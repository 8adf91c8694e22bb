"""How much memory an array may take."""

from __future__ import annotations

import os

import numpy as np
import pytest

from mlarray_core import memory
from mlarray_core.errors import LimitError


def test_what_is_larger_than_the_machine_or_a_limit_is_refused() -> None:
    memory.check_size((1000, 1000), np.dtype("i2"))
    memory.check_size((10, 10), np.dtype("i2"), 200)
    with pytest.raises(LimitError, match=r"a\.mla.*202 bytes of voxels are asked for, the limit is 200"):
        memory.check_size((101,), np.dtype("i2"), 200, "a.mla")
    with pytest.raises(LimitError, match="max_bytes"):
        memory.check_size((1 << 40, 1 << 20), np.dtype("i2"))


def test_systems_that_do_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sysconf", raising=False)
    memory._memory.cache_clear()
    try:
        memory.check_size((1 << 39,), np.dtype("u1"))
        with pytest.raises(LimitError):
            memory.check_size((1 << 41,), np.dtype("u1"))
    finally:
        memory._memory.cache_clear()
