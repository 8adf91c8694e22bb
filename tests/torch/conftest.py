"""Cases that patches are drawn from."""

import numpy as np
import pytest

from mlarray import Meta, MLArray

SHAPES = [(20, 24, 28), (12, 30, 26), (16, 16, 16)]
SPACING = (3.0, 0.8, 0.7)


@pytest.fixture(autouse=True)
def _torch():
    pytest.importorskip("torch", reason="needs PyTorch: pip install torch")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Three cases whose voxels say where they are, two classes at places of their own."""
    folder = tmp_path_factory.mktemp("cases")
    for number, shape in enumerate(SHAPES):
        voxels = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
        labels = np.zeros(shape, np.uint8)
        labels[2:5, 3:6, 4:7] = 1
        labels[8, 9, 10] = 7
        for name, array in (("image", voxels), ("second", voxels + 1), ("label", labels)):
            meta = Meta(is_seg=name == "label")
            image = MLArray(array, spacing=SPACING, meta=meta, patch_size=8)
            image.save(folder / f"case{number}_{name}.mla", stats=name == "label")
    return folder


@pytest.fixture
def pairs(folder):
    return [(folder / f"case{n}_image.mla", folder / f"case{n}_label.mla") for n in range(len(SHAPES))]
