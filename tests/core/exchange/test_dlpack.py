"""Voxels by the array API's protocol."""

import numpy as np

from mlarray import MLArray


def test_numpy_takes_them(tmp_path):
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    MLArray(voxels).save(tmp_path / "a.mla")
    read_only = voxels.copy()
    read_only.flags.writeable = False
    for image in (MLArray.open(tmp_path / "a.mla"), MLArray(read_only, compressed=False)):
        assert (np.from_dlpack(image) == voxels).all()
        assert image.__dlpack_device__() == (1, 0)
