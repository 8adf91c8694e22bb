"""A damaged file of any format is a failure of the batch, by name: it isn't taken for something else."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from batches import convert, files

HERE = pytest.mark.usefixtures("here")

h5py = pytest.importorskip("h5py")
imagecodecs = pytest.importorskip("imagecodecs")
mrcfile = pytest.importorskip("mrcfile")
scipy_io = pytest.importorskip("scipy.io")
zarr = pytest.importorskip("zarr")

VOXELS = np.random.default_rng(5).integers(0, 999, (6, 70, 80)).astype("i2")


def write_all(folder):
    """Write one file of each format by its own library."""
    np.save(folder / "a.npy", VOXELS)
    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset("image", data=VOXELS, compression="gzip")
    (folder / "a.png").write_bytes(imagecodecs.png_encode(VOXELS[0].astype("u2")))
    scipy_io.savemat(folder / "a.mat", {"vol": VOXELS})
    with mrcfile.new(folder / "a.mrc", VOXELS) as file:
        file.set_volume()
    store = zarr.storage.ZipStore(folder / "a.zarr.zip", mode="w")
    zarr.create_array(store, data=VOXELS, dimension_names=["z", "y", "x"])
    store.close()


def cut(content):
    return content[: len(content) // 2]


def blank(content):
    return bytes(256) + content[256:]


@HERE
@pytest.mark.parametrize("damage", [cut, blank])
def test_each_is_named_and_none_is_converted(tmp_path, capfd, damage):
    source = tmp_path / "in"
    source.mkdir()
    write_all(source)
    names = sorted(path.name for path in source.iterdir())
    for path in source.iterdir():
        path.write_bytes(damage(path.read_bytes()))
    np.save(source / "whole.npy", VOXELS)
    code, lines = convert(capfd, source, tmp_path / "out", "--jobs", "1")
    assert code == 1
    lost = [line for line in lines if line["state"] == "failed" or line.get("lost")]
    assert sorted(Path(line["source"]).name for line in lost) == names
    assert files(tmp_path / "out") == ["whole.mla"]
