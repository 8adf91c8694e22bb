"""Small files that say that they are large: each ends in an error soon, in little memory, or is read so."""

from __future__ import annotations

import gzip
import struct
import sys
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.trust.measured import cost

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory otherwise")

SMALL = 250
"""MB of a process that has loaded its libraries and done little."""
BESIDE = 768
"""MB that a library in a process of its own may take."""


def zeros(count: int) -> bytes:
    """Return `count` zeros in zlib's format: a block of deflate, repeated, and the checksum (RFC 1950)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = (count % 65521 << 16 | 1).to_bytes(4, "big")
    return b"\x78\x9c" + block * (count >> 24) + packer.flush() + checksum


def chunks_of_zeros(path: Path) -> Path:
    import blosc2

    path = path / "a.mla"
    shape, chunk = (1 << 41,), (1 << 16,)
    blosc2.zeros(shape, dtype="u1", chunks=chunk, blocks=chunk, urlpath=str(path), contiguous=True)
    return path


def filters_of_filters(path: Path) -> Path:
    h5py = pytest.importorskip("h5py")
    path = path / "a.h5"
    with h5py.File(path, "w") as file:
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk((1 << 10,))
        created.set_deflate(9)
        created.set_deflate(9)
        space = h5py.h5s.create_simple((1 << 10,))
        data = h5py.h5d.create(file.id, b"image", h5py.h5t.NATIVE_UINT8, space, created)
        data.write_direct_chunk((0,), zlib.compress(zeros(2 << 30), 9))
    return path


def frames_without_end(path: Path) -> Path:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.data import get_testdata_file

    header = pydicom.dcmread(get_testdata_file("MR_small_RLE.dcm", download=False))
    header.NumberOfFrames = str(2**31 - 1)
    header.save_as(path / "a.dcm")
    return path / "a.dcm"


def large_picture(path: Path) -> Path:
    pytest.importorskip("imagecodecs")

    def part(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    wide, high = (1 << 16) - 1, (1 << 15) + 256  # a row has a byte before it
    header = part(b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 0, 0, 0, 0))
    picture = header + part(b"IDAT", zeros((wide + 1) * high)) + part(b"IEND", b"")
    (path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + picture)
    return path / "a.png"


def long_volume(path: Path) -> Path:
    nibabel = pytest.importorskip("nibabel")
    header = nibabel.Nifti1Header()
    header.set_data_shape((32_000, 32_000, 32_000))
    header["vox_offset"], header["magic"] = 352, b"n+1"
    (path / "a.nii.gz").write_bytes(gzip.compress(header.binaryblock + bytes(100_000)))
    return path / "a.nii.gz"


@pytest.mark.parametrize(
    ("make", "said", "megabytes"),
    [
        (chunks_of_zeros, "LimitError", SMALL),
        (filters_of_filters, "CorruptError", SMALL + BESIDE),
        (frames_without_end, "CorruptError", SMALL),
        (large_picture, "LimitError", SMALL),
        (long_volume, "CorruptError", SMALL),
    ],
)
def test_small_files(tmp_path, make, said, megabytes):
    path = make(tmp_path)
    assert path.stat().st_size < 3 << 20
    found = cost(path)
    assert found.said == said
    assert found.seconds < 20
    assert found.megabytes < megabytes
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
