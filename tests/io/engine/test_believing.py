"""Images of zeros that were never written, of any size, from small files: refused unless they are allowed."""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import LimitError
from mlarray_io.commands.main import main

SHAPE = (1 << 14, 1 << 13, 1 << 11)
"""256 GiB of uint8."""


def hdf5(path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file.create_dataset("image", SHAPE, "u1", chunks=(64, 512, 512))
    return path


def zarr(path):
    pytest.importorskip("zarr")
    path.mkdir()
    array = {
        "zarr_format": 2, "shape": SHAPE, "chunks": [64, 512, 512], "dtype": "|u1", "compressor": None,
        "fill_value": 0, "order": "C", "filters": None,
    }  # fmt: skip
    (path / ".zarray").write_text(json.dumps(array))
    return path


def mla(path):
    """A Blosc2 array of zeros, as Blosc2 itself makes it."""
    import blosc2

    blosc2.zeros(
        SHAPE, dtype="u1", chunks=(512, 512, 512), blocks=(16, 64, 64), urlpath=str(path), contiguous=True
    )
    return path


@pytest.mark.parametrize(("make", "name"), [(hdf5, "a.h5"), (zarr, "a.zarr"), (mla, "a.b2nd")])
def test_zeros_of_any_size(tmp_path, make, name):
    path = make(tmp_path / name)
    started, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(LimitError, match=r"274,877,906,944 bytes of voxels.*--max-bytes"):
        mlarray.convert(path, tmp_path / "out.mla")
    with pytest.raises(LimitError):
        mlarray.read(path)
    assert main(["scan", str(path), "--stats"]) == 1
    assert main(["info", str(path)]) == 0  # headers are read whatever they say
    assert time.process_time() - started < 5
    if sys.platform == "linux":
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10
    assert not (tmp_path / "out.mla").exists()
    # the user's own limit takes the place of the default
    with pytest.raises(LimitError, match=r"the limit is 1,099,511"):
        mlarray.convert(make(tmp_path / f"b{name}"), tmp_path / "out.mla", max_bytes=1_099_511)


def test_up_to_64_gib_any_file_is_believed(tmp_path):
    from mlarray_io.engine.believing import FREE, MOST_RATIO, check_size
    from mlarray_io.engine.registry import installed
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.format import Reader
    from mlarray_io.sdk.source import Source

    def reader(nbytes, stored=None):
        found = Reader()
        found.shape, found.dtype, found.stored = (nbytes,), np.dtype("u1"), stored
        return found

    path = tmp_path / "a.mla"
    path.write_bytes(bytes(5_000_000))
    given = Source(path), installed().get("mla"), Context()
    check_size(reader(FREE), *given)
    check_size(reader(MOST_RATIO * 5_000_000), *given)
    check_size(reader(FREE * 100, stored=FREE), *given)  # a virtual dataset's voxels are in other files
    check_size(reader(1 << 60), Source(path), installed().get("nifti"), Context())  # its file bounds it
    check_size(reader(1 << 60), Source(path), installed().get("mla"), Context(max_bytes=1 << 61))
    with pytest.raises(LimitError):
        check_size(reader(MOST_RATIO * 5_000_000 + 1), *given)
    folder = tmp_path / "folder"
    folder.mkdir()
    path.rename(folder / "0.0.0")
    check_size(reader(MOST_RATIO * 5_000_000), Source(folder), *given[1:])
    with pytest.raises(LimitError, match="5,000,000 bytes of its own"):
        check_size(reader(MOST_RATIO * 5_000_000 + 1), Source(folder), *given[1:])
