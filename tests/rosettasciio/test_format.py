"""Electron microscopy under the compliance suite: BLO that RosettaSciIO writes, and EMD by h5py."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_io import Confidence, Source
from mlarray_io.engine.registry import installed
from mlarray_io.testing import FormatTests
from mlarray_rosettasciio import RosettaFormat

pytest.importorskip("rsciio")
h5py = pytest.importorskip("h5py")

RNG = np.random.default_rng(4)
PATTERNS = RNG.integers(0, 255, (3, 2, 8, 8), "u1")
STACK = RNG.integers(0, 999, (4, 6, 5), "u2")


def write_blo(path):
    from rsciio.blockfile import file_writer

    names = [("y", 2.5, "nm"), ("x", 2.5, "nm"), ("dy", 0.1, "cm"), ("dx", 0.1, "cm")]
    axes = [
        {
            "name": name,
            "size": size,
            "scale": scale,
            "offset": 0,
            "units": unit,
            "navigate": at < 2,
            "index_in_array": at,
        }
        for at, ((name, scale, unit), size) in enumerate(zip(names, PATTERNS.shape, strict=True))
    ]
    signal = {"data": PATTERNS, "axes": axes, "metadata": {}, "original_metadata": {}}
    signal["attributes"] = {"_lazy": False}
    file_writer(str(path), signal, intensity_scaling=None, show_progressbar=False)
    return path


def write_emd(path):
    """Write the Berkeley layout of EMD 0.2: a group with the data and a vector for each axis."""
    with h5py.File(path, "w") as file:
        file.attrs["version_major"], file.attrs["version_minor"] = 0, 2
        group = file.create_group("data/stack")
        group.attrs["emd_group_type"] = 1
        group["data"] = STACK
        for at, (name, step, unit) in enumerate([("z", 3, "nm"), ("y", 500, "pm"), ("x", 250, "pm")]):
            axis = group.create_dataset(f"dim{at + 1}", data=np.arange(STACK.shape[at]) * step + 10.0)
            axis.attrs["name"], axis.attrs["units"] = name, unit
    return path


class TestRosetta(FormatTests):
    mutants = 8

    @pytest.fixture
    def format(self):
        return RosettaFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        return [write_blo(tmp_path_factory.mktemp("em") / "a.blo")]

    def reference(self, path, image):
        return PATTERNS, np.array([[0, 2.5, 0], [2.5, 0, 0], [0, 0, 1]]), None


def test_a_scan_of_patterns(tmp_path):
    image = mlarray.read(write_blo(tmp_path / "a.blo"))
    assert image.meta.spatial.axis_labels == ["spatial_y", "spatial_x", "non_spatial", "non_spatial"]
    assert image.meta.spatial.axis_units == ["nm", "nm", "cm", "cm"]
    axes = Additions.of(image.meta).axes
    assert [axes[at].name for at in (2, 3)] == ["dy", "dx"]
    np.testing.assert_allclose(axes[2].values, np.arange(8) * 0.1, rtol=1e-6)


def test_lengths_get_one_unit(tmp_path):
    path = write_emd(tmp_path / "a.emd")
    assert RosettaFormat().sniff(Source(path)) is Confidence.PARSED
    image = mlarray.read(path)
    # RosettaSciIO turns the array of this version round, and its axes with it
    np.testing.assert_array_equal(image.to_numpy(), STACK.T)
    spatial = image.meta.spatial
    assert spatial.axis_labels == ["spatial_x", "spatial_y", "spatial_z"]
    assert spatial.axis_units == ["nm", "nm", "nm"]
    assert spatial.spacing == [0.25, 0.5, 3.0]
    assert spatial.origin == [0.01, 0.01, 10.0]


def test_an_emd_is_left_to_hdf5_without_the_library(tmp_path, monkeypatch):
    path = write_emd(tmp_path / "a.emd")
    assert installed().identify(Source(path)).name == "rosettasciio"
    monkeypatch.setattr("mlarray_rosettasciio.signature.may_be_read", lambda: False)
    assert installed().identify(Source(path)).name == "hdf5"


@pytest.mark.parametrize(
    ("head", "claimed"),
    [
        (b"\0\0\0\x03\0\0\x5f\xac\0\0\0\x01\x01\0", True),  # version 3, a length, little-endian, sorted
        (b"\0\0\0\x04\0\0\0\0\0\0\x68\x04\0\0\0\x01\x01\0", True),
        (b"\0\0\0\x03\0\0\x5f\xac\0\0\0\x07\x01\0", False),
        (b"\0\0\0\x04" + bytes(range(1, 60)), False),
        (b"II\x97\x01\x10\x02", True),
        (b"JK\0\x02", True),
        (b"\x34\0\0\0JED-2200:LibJxImageForm", True),
        (b"\x34\0\0\0" + bytes(60), False),
    ],
)
def test_first_bytes(tmp_path, head, claimed):
    path = tmp_path / "a.bin"
    path.write_bytes(head.ljust(64, b"\0"))
    assert (RosettaFormat().sniff(Source(path)) > Confidence.NO) is claimed


LOADED = """
import sys
from pathlib import Path
import mlarray_rosettasciio.reader as reader
from mlarray_io import Context
before = set(sys.modules)
with_box = reader.open_signal(Path(sys.argv[1]), Context(), "blockfile", "0")
with_box[tuple(slice(0, 1) for _ in with_box.shape)]
print(*sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""


def test_processes_that_read_load_no_library(tmp_path):
    """They are forked from one that has loaded all: arrays of Dask, and its cluster, take half a second."""
    command = [sys.executable, "-c", LOADED, str(write_blo(tmp_path / "a.blo"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert not {"dask", "distributed", "asyncio", "rsciio", "skimage", "sparse"} & set(done.stdout.split())


def test_metadata_is_json(tmp_path):
    meta = mlarray.read(write_blo(tmp_path / "a.blo")).meta
    assert json.loads(json.dumps(meta.source.to_plain()))["original_metadata"]["blockfile_header"]["NX"] == 2
