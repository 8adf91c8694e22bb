"""Matrices without space, such as CIFTI's, get chunks of a useful size."""

from __future__ import annotations

import math

import blosc2
import nibabel
import numpy as np
from nibabel import cifti2

import mlarray


def test_a_dense_series_is_few_chunks(tmp_path):
    """4,000 vertices by 40 times: not a chunk of each voxel."""
    model = cifti2.BrainModelAxis.from_surface(np.arange(4000), 4000, name="CortexLeft")
    voxels = np.random.default_rng(0).normal(size=(40, 4000)).astype("f4")
    nibabel.save(
        cifti2.Cifti2Image(voxels, (cifti2.SeriesAxis(0, 1, 40), model)), tmp_path / "a.dtseries.nii"
    )
    mlarray.convert(tmp_path / "a.dtseries.nii", tmp_path / "a.mla")
    assert (tmp_path / "a.mla").stat().st_size < 1.1 * (tmp_path / "a.dtseries.nii").stat().st_size
    assert math.prod(blosc2.open(str(tmp_path / "a.mla")).chunks) > 10_000
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.mla").to_numpy().T, voxels)
