"""Tensors of whole images."""

import time

import numpy as np
import pytest

from mlarray import MLArray, errors

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i8", "f2", "f4", "c8", "?"])
@pytest.mark.parametrize("compressed", [True, False])
def test_voxels_become_tensors_of_the_same_type(dtype, compressed):
    import torch

    voxels = (np.arange(60).reshape(3, 4, 5) % 7).astype(dtype)
    image = MLArray(voxels, compressed=compressed)
    for tensor in (image.to_torch(), torch.as_tensor(image), torch.asarray(image), torch.from_dlpack(image)):
        assert tensor.shape == (3, 4, 5)
        assert tensor.numpy().dtype == voxels.dtype
        assert (tensor.numpy() == voxels).all()


def test_what_may_not_be_written_to_is_copied():
    voxels = np.arange(6.0)
    voxels.flags.writeable = False
    image = MLArray(voxels, compressed=False)
    image.to_torch()[0] = 9
    assert voxels[0] == 0


def test_it_does_not_go_item_by_item(tmp_path):
    import torch

    MLArray(np.zeros((100, 200, 200), np.int16)).save(tmp_path / "a.mla")
    image = MLArray.open(tmp_path / "a.mla")
    began = time.process_time()
    assert torch.as_tensor(image).dtype == torch.int16
    assert time.process_time() - began < 0.5  # item by item it takes seconds


def test_types_that_pytorch_has_not():
    with pytest.raises(errors.UnsupportedError, match="U3"):
        MLArray(np.array(["abc"])).to_torch()
