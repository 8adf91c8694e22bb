"""Formats of two files: killed or failing at any rename, they are the old pair, the new one, or none."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import MLArrayError, NotFoundError

SHAPE = (3, 4, 5)
PAIRS = {".hdr": ".img", ".img": ".hdr", ".mhd": ".raw", ".nhdr": ".raw"}

DATA = {suffix: {"a.raw", f"a{suffix}.raw"} for suffix in (".mhd", ".nhdr")}
"""Names of data files that a header names: replacing it changes from one to the other."""


def image(value):
    voxels = mlarray.MLArray(np.full(SHAPE, value, "i2"), spacing=[value, value, value])
    voxels.meta.spatial.coord_system = "LPS"
    voxels.meta.spatial.origin = [0, 0, 0]
    return voxels


def options(suffix):
    return {".mhd": {"compression": "no"}, ".nhdr": {"encoding": "raw"}}.get(suffix, {})


@pytest.mark.parametrize("suffix", PAIRS)
@pytest.mark.parametrize("number", range(1, 8))
def test_a_kill_leaves_no_mix(tmp_path, suffix, number):
    """After a kill nothing cleans up: a process that ends at once."""
    target = tmp_path / f"a{suffix}"
    mlarray.write(image(1), target, options=options(suffix))
    child = os.fork()
    if child == 0:
        patched = pytest.MonkeyPatch()
        real_rename, real_replace, seen = os.rename, os.replace, [0]

        def counted(real):
            def call(*arguments, **named):
                seen[0] += 1
                if seen[0] == number:
                    os._exit(9)
                return real(*arguments, **named)

            return call

        patched.setattr(os, "rename", counted(real_rename))
        patched.setattr(os, "replace", counted(real_replace))
        try:
            mlarray.write(image(2), target, options=options(suffix), overwrite=True)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    try:
        found = mlarray.read(target)
    except NotFoundError:  # one of the two is missing, and that is said
        return
    values = {int(value) for value in np.unique(found.to_numpy())}
    assert values in ({1}, {2})
    assert found.spacing == [values.pop()] * 3


@pytest.mark.parametrize("suffix", PAIRS)
@pytest.mark.parametrize("number", range(1, 6))
def test_a_failure_puts_the_old_pair_back(tmp_path, suffix, number, monkeypatch):
    target = tmp_path / f"a{suffix}"
    mlarray.write(image(1), target, options=options(suffix))
    real, seen = Path.replace, [0]

    def failing(self, other):
        seen[0] += 1
        if seen[0] == number:
            raise OSError(5, "Input/output error")
        return real(self, other)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", failing)
        try:
            mlarray.write(image(2), target, options=options(suffix), overwrite=True)
            expected = 2
        except MLArrayError:
            expected = 1
    found = mlarray.read(target)
    np.testing.assert_array_equal(found.to_numpy(), expected)
    assert found.spacing == [expected] * 3
    (data,) = {path.name for path in tmp_path.iterdir()} - {f"a{suffix}"}
    assert data in DATA.get(suffix, {f"a{PAIRS[suffix]}"})


@pytest.mark.parametrize("suffix", [".hdr", ".img"])
def test_nothing_is_replaced_unasked(tmp_path, suffix):
    (tmp_path / f"a{PAIRS[suffix]}").write_bytes(b"somebody's")
    with pytest.raises(MLArrayError, match="exists"):
        mlarray.write(image(1), tmp_path / f"a{suffix}", options=options(suffix))
    assert (tmp_path / f"a{PAIRS[suffix]}").read_bytes() == b"somebody's"


@pytest.mark.parametrize("suffix", DATA)
def test_a_header_names_a_free_file(tmp_path, suffix):
    (tmp_path / "a.raw").write_bytes(b"somebody's")
    mlarray.write(image(1), tmp_path / f"a{suffix}", options=options(suffix))
    assert (tmp_path / "a.raw").read_bytes() == b"somebody's"
    np.testing.assert_array_equal(mlarray.read(tmp_path / f"a{suffix}").to_numpy(), 1)
