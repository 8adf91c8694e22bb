"""One opener of gzip and zlib for all writers, with ISA-L where it is installed."""

import gzip
import io
import subprocess
import sys
import zlib

import numpy as np
import pytest

from mlarray_io.sdk import open_gzip, zlib_compressor
from mlarray_io.sdk.files.deflate import FAST_LEVELS

VOXELS = np.random.default_rng(0).normal(0, 40, 300_000).astype("<i2").tobytes()


def gzipped(level):
    raw = io.BytesIO()
    with open_gzip(raw, level) as file:
        file.write(VOXELS[:1000])
        file.write(VOXELS[1000:])
    return raw.getvalue()


@pytest.mark.parametrize("level", range(10))
def test_python_reads_what_is_gzipped(level):
    content = gzipped(level)
    assert gzip.decompress(content) == VOXELS
    assert content[3:8] == bytes(5)  # RFC 1952: no flags, so no name, and no time


@pytest.mark.parametrize("level", range(1, 10))
def test_python_reads_what_is_deflated(level):
    packer = zlib_compressor(level)
    content = packer.compress(VOXELS[:1000]) + packer.compress(VOXELS[1000:]) + packer.flush()
    assert zlib.decompress(content) == VOXELS
    assert len(content) < 0.8 * len(VOXELS)


def test_every_level_works_without_isal():
    code = f"""
import sys; sys.modules["isal"] = None
import gzip, io
from mlarray_io.sdk import open_gzip
for level in {[*FAST_LEVELS]}:
    raw = io.BytesIO()
    with open_gzip(raw, level) as file:
        file.write(b"voxels")
    assert gzip.decompress(raw.getvalue()) == b"voxels"
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_fast_levels_are_those_of_isal():
    """ISA-L has the levels 0 to 3; its 0 compresses, where gzip's 0 stores."""
    igzip = pytest.importorskip("isal.igzip")
    ours, theirs = io.BytesIO(), io.BytesIO()
    with open_gzip(ours, 3) as file, igzip.IGzipFile("", "wb", 3, theirs, mtime=0) as other:
        file.write(VOXELS)
        other.write(VOXELS)
    assert ours.getvalue() == theirs.getvalue() != gzip.compress(VOXELS, 3, mtime=0)
    with pytest.raises(ValueError, match="ompression level"):
        igzip.IGzipFile("", "wb", FAST_LEVELS[-1] + 1, io.BytesIO())
