"""Files that MATLAB itself wrote, of SciPy's test data: what went in is told by the scripts beside them.

``gen_mat5files.m`` and ``test_mio.py`` say so: theta runs from 0 to 2 pi in steps of pi / 4.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mlarray

DATA = Path(__file__).parents[1] / "data"
THETA = np.arange(9) * np.pi / 4
CONTENT = {
    "mat/test3dmatrix_7.4_GLNX86.mat": np.arange(1.0, 25).reshape(4, 3, 2),
    "mat/testcomplex_6.1_SOL2.mat": np.exp(1j * THETA)[:, None],
    "mat/testbool_8_WIN64.mat": np.array([[True, False]]),
    "mat/big_endian.mat": np.array([[2, 3], [3, 4]], "f4"),
    "hdf5/testhdf5_7.4_GLNX86.mat": THETA[:, None],
}
"""As it lies in memory: MATLAB's last index first."""


@pytest.mark.parametrize("name", CONTENT)
def test_what_matlab_saved(name):
    if name.startswith("hdf5"):
        pytest.importorskip("h5py", reason="h5py isn't installed")
    voxels = mlarray.read(DATA / name).to_numpy()
    expected = CONTENT[name]
    assert (voxels.dtype, voxels.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(voxels, expected, rtol=1e-15, atol=3e-16)
