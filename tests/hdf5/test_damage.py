"""Damage and bombs: errors of the file, within limits, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import CorruptError, LimitError
from mlarray_hdf5.chunks import Chunks

h5py = pytest.importorskip("h5py")

VOXELS = np.random.default_rng(2).integers(-9, 9, (8, 40, 50)).astype("i2")
linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells sizes and fills memory")


def literal(content: bytes) -> bytes:
    """Return LZF that stores bytes as they are: runs of up to 32, each behind its length (liblzf)."""
    runs = [content[at : at + 32] for at in range(0, len(content), 32)]
    return b"".join(bytes([len(run) - 1]) + run for run in runs)


@linux
@pytest.mark.parametrize("chunks", [(4, 20, 25), (8, 40, 50)])
def test_a_chunk_without_a_checksum_that_unpacks_to_less(tmp_path, chunks):
    """h5py hands back whatever was in memory behind it: another image each time."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("image", data=VOXELS, chunks=chunks, compression="lzf")
        part = np.ascontiguousarray(VOXELS[tuple(slice(0, size) for size in chunks)]).tobytes()
        data.id.write_direct_chunk((0, 0, 0), literal(part))
    np.testing.assert_array_equal(mlarray.read(path).to_numpy(), VOXELS)
    with h5py.File(path, "r+") as file:
        file["image"].id.write_direct_chunk((0, 0, 0), literal(part[: len(part) // 2]))
    with pytest.raises(CorruptError, match="unpacks to less"):
        mlarray.read(path)


@pytest.mark.parametrize("packing", [{"compression": "gzip"}, {"shuffle": True, "fletcher32": True}])
def test_a_chunk_that_skips_filters_has_the_size_of_its_voxels(tmp_path, packing):
    """A mask says which filters a chunk went through; without any, its size is known."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("image", data=VOXELS, chunks=(8, 40, 50), **packing)
        data.id.write_direct_chunk((0, 0, 0), VOXELS.tobytes(), filter_mask=0b11)
    np.testing.assert_array_equal(mlarray.read(path).to_numpy(), VOXELS)
    with h5py.File(path, "r+") as file:
        file["image"].id.write_direct_chunk((0, 0, 0), VOXELS.tobytes()[:999], filter_mask=0b11)
    with pytest.raises(CorruptError, match=r"the chunk at \(0, 0, 0\) has 999 bytes instead of 32,000"):
        mlarray.read(path)


@linux
def test_what_is_unpacked_twice(tmp_path, monkeypatch):
    times = []
    monkeypatch.setattr(Chunks, "_twice", lambda self, read: (times.append(1), read())[1])
    packings = {
        "plain": {}, "gzip": {"compression": "gzip"}, "lzf": {"compression": "lzf"},
        "summed": {"compression": "lzf", "fletcher32": True}, "shuffled": {"shuffle": True},
        "scaled": {"scaleoffset": 0},
    }  # fmt: skip
    twice = set()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, packing in packings.items():
            chunks = None if name == "plain" else (4, 20, 25)
            data = file.create_dataset(name, data=VOXELS, chunks=chunks, **packing)
            file.flush()
            box = (slice(3, 5), slice(0, 40), slice(1, 2))
            np.testing.assert_array_equal(Chunks(data).read(box), VOXELS[box])
            if times:
                twice.add(name)
            times.clear()
    assert twice == {"lzf", "scaled"}


def test_attributes_are_bounded_together(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        file["image"] = VOXELS
        for number in range(40):
            file["image"].attrs[f"a{number:02}"] = np.zeros(1 << 15, "i4")
        file["image"].attrs["texts"] = np.array(["x"] * 10_001, dtype=h5py.string_dtype())
        file["image"].attrs["last"] = 1
    image = mlarray.read(tmp_path / "a.h5")
    kept = image.meta.source["attributes"]
    assert sum(name.startswith("a0") for name in kept) == 7  # of 32,768 values each
    assert "texts" not in kept
    done = mlarray.convert(tmp_path / "a.h5", tmp_path / "a.mla")
    assert done is not None


def test_the_library_is_loaded_in_other_processes_only(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = VOXELS
    code = (
        "import sys, mlarray; mlarray.convert(sys.argv[1], sys.argv[2]); "
        "sys.exit(any(name.partition('.')[0] == 'h5py' for name in sys.modules))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.h5"), str(tmp_path / "a.mla")]
    assert subprocess.run(command, check=False).returncode == 0


def test_limits_of_the_user_hold_there_too(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = VOXELS
    with pytest.raises(LimitError, match="the limit is 1,000"):
        mlarray.read(tmp_path / "a.h5", max_bytes=1000)
