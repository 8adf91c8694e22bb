"""A file that ends early is refused, also where SimpleITK hands back memory that nothing was read into."""

from __future__ import annotations

import re

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import CorruptError, MLArrayError
from tests.by_simpleitk import bruker, by_simpleitk, text_vtk

MADE = {
    "GIPL": lambda folder: by_simpleitk(folder / "a.gipl"),
    "gzipped GIPL": lambda folder: by_simpleitk(folder / "a.gipl.gz"),
    "VTK": lambda folder: by_simpleitk(folder / "a.vtk"),
    "VTK as text": lambda folder: text_vtk(folder / "a.vtk"),
    "Bruker": lambda folder: bruker(folder / "1"),
    "MRC": lambda folder: by_simpleitk(folder / "a.mrc"),
    "MetaImage": lambda folder: by_simpleitk(folder / "a.mha"),
    "NRRD": lambda folder: by_simpleitk(folder / "a.nrrd"),
    "NIfTI": lambda folder: by_simpleitk(folder / "a.nii"),
    "BMP": lambda folder: by_simpleitk(folder / "a.bmp", "u1", (4, 5)),
}
"""What SimpleITK reads and writes, by whichever plugin it is read here."""


@pytest.mark.parametrize("lost", [4, 20, 60])
@pytest.mark.parametrize("kind", MADE)
def test_refused(tmp_path, kind, lost):
    path = MADE[kind](tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: max(len(content) - lost, 10)])
    with pytest.raises(CorruptError, match=re.escape(str(path))):
        mlarray.convert(path, tmp_path / "a.mla")
    assert not (tmp_path / "a.mla").exists()
    path.write_bytes(content)
    mlarray.convert(path, tmp_path / "a.mla")


@pytest.mark.parametrize("lost", [1, 40, 60])
def test_data_beside_a_header(tmp_path, lost):
    path = by_simpleitk(tmp_path / "a.mhd")
    voxels = tmp_path / "a.raw"
    voxels.write_bytes(voxels.read_bytes()[:-lost])
    with pytest.raises(CorruptError, match=r"a\.raw"):
        mlarray.convert(path, tmp_path / "a.mla")


@pytest.mark.parametrize("suffix", [".gipl", ".vtk"])
def test_one_byte_or_all(tmp_path, suffix):
    """At no length but the whole is a file taken."""
    path = by_simpleitk(tmp_path / f"a{suffix}", "u1", (2, 2, 3))
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(MLArrayError, match=re.escape(str(path))):
            mlarray.read(path)
    path.write_bytes(content)
    np.testing.assert_array_equal(mlarray.read(path).to_numpy().ravel(), np.arange(12))
