"""Writing an image that is open: what a disk says while it is written."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from mlarray_core import syncing
from mlarray_core.errors import WriteError
from mlarray_io.api import convert


def test_a_disk_that_is_full_meanwhile_leaves_nothing_behind(tmp_path, monkeypatch):
    given = []

    def sync(handle):
        given.append(handle)
        if len(given) == 1:  # the system tells of an error once
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fdatasync", sync, raising=False)
    monkeypatch.setattr(syncing, "STEP", 1 << 18)
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 1 << 16, (40, 128, 128), "u2"))
    with pytest.raises(WriteError, match=r"a\.mla.*the disk is full"):
        convert(tmp_path / "a.npy", tmp_path / "a.mla")
    assert given
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]
