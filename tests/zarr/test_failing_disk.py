"""A disk that refuses one chunk, while the library's other tasks are still writing theirs."""

from __future__ import annotations

import errno
import os
import time
from itertools import count

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import WriteError

local = pytest.importorskip("zarr.storage._local")


def test_nothing_appears_after_an_error(tmp_path, monkeypatch):
    """They wrote on into the temporary folder after it was removed, and so made it anew."""
    numbers = count()
    real = local._put

    def put(path, value, exclusive=False):
        number = next(numbers)
        if number == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        if number > 3:
            time.sleep(0.05)
        return real(path, value, exclusive)

    monkeypatch.setattr(local, "_put", put)
    voxels = np.random.default_rng(0).integers(0, 99, (32, 32, 32)).astype("u1")
    with pytest.raises(WriteError, match="the disk is full"):
        mlarray.write(voxels, tmp_path / "a.zarr", options={"chunk_size": (8, 8, 8), "levels": "none"})
    time.sleep(0.3)
    assert list(tmp_path.iterdir()) == []
    assert next(numbers) < 64 + 3
