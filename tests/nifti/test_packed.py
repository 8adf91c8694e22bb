"""NIfTI that is packed with bzip2, xz and Zstandard, as the libraries of these and nibabel have it."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import nibabel
import numpy as np
import pytest
from backports import zstd

import mlarray
from mlarray_core.errors import CorruptError, MissingDependencyError
from mlarray_io import Confidence, Source
from mlarray_io.testing import FormatTests
from mlarray_nifti import NiftiFormat

DATA = Path(__file__).parent.parent / "data" / "nifti"
PACKERS = {".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd.compress}
UNPACKERS = {".bz2": bz2.decompress, ".xz": lzma.decompress, ".zst": zstd.decompress}


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    content = gzip.decompress((DATA / "example4d.nii.gz").read_bytes())
    for suffix, pack in PACKERS.items():
        (folder / f"brain.nii{suffix}").write_bytes(pack(content))
    return folder


class TestPacked(FormatTests):
    claims_also = ("nifti-1",)

    @pytest.fixture
    def format(self):
        return NiftiFormat()

    @pytest.fixture
    def samples(self, packed):
        return sorted(packed.iterdir())

    def reference(self, path, image):
        theirs = nibabel.load(DATA / "example4d.nii.gz")
        return np.asanyarray(theirs.dataobj).T, theirs.affine[:, [2, 1, 0, 3]], "RAS"


@pytest.mark.parametrize("suffix", PACKERS)
def test_what_is_written_is_the_gzipped_file_packed_otherwise(suffix, tmp_path):
    target = tmp_path / f"out.nii{suffix}"
    mlarray.convert(DATA / "example4d.nii.gz", target)
    mlarray.convert(DATA / "example4d.nii.gz", tmp_path / "out.nii")
    assert UNPACKERS[suffix](target.read_bytes()) == (tmp_path / "out.nii").read_bytes()
    again = tmp_path / f"again.nii{suffix}"
    mlarray.convert(DATA / "example4d.nii.gz", again)
    assert again.read_bytes() == target.read_bytes()


@pytest.mark.parametrize("suffix", [".bz2", ".zst"])
def test_nibabel_reads_what_is_written(suffix, tmp_path):
    mlarray.convert(DATA / "functional.nii", tmp_path / f"out.nii{suffix}")
    theirs, source = nibabel.load(tmp_path / f"out.nii{suffix}"), nibabel.load(DATA / "functional.nii")
    np.testing.assert_array_equal(theirs.get_fdata(), source.get_fdata())
    np.testing.assert_array_equal(theirs.affine, source.affine)


def test_sidecars_go_by_the_stem(packed, tmp_path):
    source = tmp_path / "dwi.nii.zst"
    source.write_bytes((packed / "brain.nii.zst").read_bytes())
    (tmp_path / "dwi.bval").write_text("0 1000\n")
    image = mlarray.read(source)
    assert image.meta.extra["mlarray"]["bids"]["bval"] == [0, 1000]


def test_a_block_of_bzip2_may_be_longer_than_what_is_looked_at(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (60, 70, 80), "u1")
    path = tmp_path / "noise.dat"
    plain = nibabel.Nifti1Image(noise, np.eye(4)).to_bytes()
    path.write_bytes(bz2.compress(plain))
    assert path.stat().st_size > 1 << 17
    assert NiftiFormat().sniff(Source(path)) == Confidence.PARSED
    np.testing.assert_array_equal(mlarray.read(path).to_numpy(), noise.T)


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_small_file_that_claims_much(suffix, tmp_path):
    header = nibabel.Nifti2Header()
    header.set_data_shape((1 << 20, 1 << 20, 1 << 20))
    header["magic"] = b"n+2\0\r\n\x1a\n"
    header["vox_offset"] = 544
    path = tmp_path / f"a.nii{suffix}"
    path.write_bytes(PACKERS[suffix](header.binaryblock + bytes(1000)))
    with pytest.raises(CorruptError, match="holds at most"):
        mlarray.convert(path, tmp_path / "out.mla")


def test_without_the_library_its_name_is_told(packed, monkeypatch, tmp_path):
    monkeypatch.setattr("mlarray_io.sdk.files.packings._found_zstd", lambda: None)
    with pytest.raises(MissingDependencyError, match=r"backports\.zstd"):
        mlarray.convert(packed / "brain.nii.zst", tmp_path / "out.mla")
    with pytest.raises(MissingDependencyError, match=r"mlarray\[zstd\]"):
        mlarray.convert(DATA / "functional.nii", tmp_path / "out.nii.zst")
