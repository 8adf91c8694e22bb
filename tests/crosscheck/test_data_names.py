"""Data files that a header names: written under a free name, while the old header needs the old ones."""

from __future__ import annotations

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import WriteError
from mlarray_io.sdk import data_names, named_in
from mlarray_metaimage import MetaImageFormat

RAW = {".mhd": {"compression": "no"}, ".nhdr": {"encoding": "raw"}}
PACKED = {".mhd": {"compression": "yes"}, ".nhdr": {"encoding": "gzip"}}


def voxels(version):
    return np.random.default_rng(version).integers(0, 900, (4, 5, 6)).astype("i2")


def put(path, version, options):
    mlarray.write(voxels(version), path, overwrite=True, options=options)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("end", RAW)
def test_two_names_take_turns(tmp_path, end):
    """SimpleITK follows the header to either."""
    simple = pytest.importorskip("SimpleITK")
    path = tmp_path / f"scan{end}"
    for version, data in enumerate(["scan.raw", f"scan{end}.raw", "scan.raw"]):
        put(path, version, RAW[end])
        assert names(tmp_path) == sorted([f"scan{end}", data])
        np.testing.assert_array_equal(simple.GetArrayFromImage(simple.ReadImage(path)), voxels(version))
        np.testing.assert_array_equal(mlarray.read(path).to_numpy(), voxels(version))


@pytest.mark.parametrize("end", RAW)
def test_data_of_another_kind_leave_nothing_behind(tmp_path, end):
    path = tmp_path / f"scan{end}"
    put(path, 0, RAW[end])
    put(path, 1, PACKED[end])
    assert len(names(tmp_path)) == 2
    np.testing.assert_array_equal(mlarray.read(path).to_numpy(), voxels(1))


@pytest.mark.parametrize("end", RAW)
def test_a_failure_leaves_the_old_pair(tmp_path, end, monkeypatch):
    path = tmp_path / f"scan{end}"
    put(path, 0, RAW[end])

    def refuse(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", refuse)
    with pytest.raises(WriteError, match="target is unchanged"):
        put(path, 1, RAW[end])
    assert names(tmp_path) == [f"scan{end}", "scan.raw"] or names(tmp_path) == ["scan.raw", f"scan{end}"]
    np.testing.assert_array_equal(mlarray.read(path).to_numpy(), voxels(0))


def test_two_headers_of_one_stem_have_data_of_their_own(tmp_path):
    """As `scan.mhd` and `scan.nhdr` both would call them `scan.raw`."""
    put(tmp_path / "scan.mhd", 1, RAW[".mhd"])
    put(tmp_path / "scan.nhdr", 2, RAW[".nhdr"])
    assert names(tmp_path) == ["scan.mhd", "scan.nhdr", "scan.nhdr.raw", "scan.raw"]
    put(tmp_path / "scan.mhd", 3, RAW[".mhd"])
    put(tmp_path / "scan.nhdr", 4, RAW[".nhdr"])
    for end, version in ((".mhd", 3), (".nhdr", 4)):
        np.testing.assert_array_equal(mlarray.read(tmp_path / f"scan{end}").to_numpy(), voxels(version))


def test_what_the_header_does_not_name_is_not_removed(tmp_path):
    """A header that names other data, in whose folder somebody keeps a `scan.raw`."""
    put(tmp_path / "scan.mhd", 0, RAW[".mhd"])
    (tmp_path / "scan.raw").rename(tmp_path / "other.raw")
    text = (tmp_path / "scan.mhd").read_text()
    (tmp_path / "scan.mhd").write_text(text.replace("= scan.raw", "= other.raw"))
    (tmp_path / "scan.raw").write_bytes(b"mine")
    put(tmp_path / "scan.mhd", 1, RAW[".mhd"])
    assert names(tmp_path) == ["other.raw", "scan.mhd", "scan.mhd.raw", "scan.raw"]
    assert (tmp_path / "scan.raw").read_bytes() == b"mine"


def test_a_batch_takes_either_name_for_a_part_of_its_header(tmp_path):
    for version in range(2):
        put(tmp_path / "in.mhd", version, RAW[".mhd"])
    (tmp_path / "in").mkdir()
    for name in ("in.mhd", "in.mhd.raw"):
        (tmp_path / name).rename(tmp_path / "in" / name)
    done = mlarray.convert(tmp_path / "in", tmp_path / "out", jobs=1)
    assert (len(done.converted), done.left_out) == (1, [])


def test_names_are_whole_values(tmp_path):
    files = MetaImageFormat().companions(tmp_path / "scan.mhd")
    assert [path.name for path in named_in(b"ElementDataFile = scan.raw\r\n", files)] == ["scan.raw"]
    assert [path.name for path in named_in(b"data file: ./scan.mhd.raw\n", files)] == ["scan.mhd.raw"]
    assert named_in(b"ElementDataFile = myscan.raw\nComment = scan.raw is gone\n", files) == ()
    assert data_names(tmp_path / "scan.mhd", ".raw") == ("scan.raw", "scan.mhd.raw")
