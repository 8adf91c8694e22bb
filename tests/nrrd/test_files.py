"""Where voxels come from: encodings, skips, several files, and files that a header must not reach."""

from __future__ import annotations

import bz2
import gzip
import os

import numpy as np
import pytest

from mlarray_core.errors import (
    CorruptError,
    LimitError,
    MLArrayError,
    NotFoundError,
    UnsafeError,
    UnsupportedError,
)

COUNT = np.arange(24, dtype="<i2")
ENCODED = {
    "raw": COUNT.tobytes(),
    "gz": gzip.compress(COUNT.tobytes()),
    "gzip": gzip.compress(COUNT.tobytes()),
    "bzip2": bz2.compress(COUNT.tobytes()),
    "ascii": " ".join(map(str, COUNT)).encode(),
    "txt": ",\n".join(map(str, COUNT)).encode(),
    "hex": COUNT.tobytes().hex("\n", 7).encode(),
}


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("where", ["attached", "detached", "lines", "bytes"])
def test_encodings(make, read, tmp_path, encoding, where):
    data, lines = ENCODED[encoding], [f"encoding: {encoding}"]
    packed = encoding in ("gz", "gzip", "bzip2")
    if where == "lines":
        data, lines = b"one\ntwo\n" + data, [*lines, "line skip: 2"]
    if where == "bytes":
        pack = {"gz": gzip.compress, "gzip": gzip.compress, "bzip2": bz2.compress}
        data = pack[encoding](b"skip" + COUNT.tobytes()) if packed else b"skip" + data
        lines = [*lines, "byte skip: 4"]
    if where == "detached":
        (tmp_path / "voxels.dat").write_bytes(data)
        path = make("2 3 4", *lines, "data file: voxels.dat", name="a.nhdr", data=b"")
    else:
        path = make("2 3 4", *lines, data=data)
    np.testing.assert_array_equal(read(path).voxels.ravel(), COUNT)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
def test_voxels_are_the_last_bytes(make, read, encoding):
    pack = {"raw": bytes, "gzip": gzip.compress, "bzip2": bz2.compress}[encoding]
    path = make("2 3 4", f"encoding: {encoding}", "byte skip: -1", data=pack(b"who knows" + COUNT.tobytes()))
    np.testing.assert_array_equal(read(path).voxels.ravel(), COUNT)


def test_big_endian(make, read):
    image = read(make("2 3 4", "endian: big", data=COUNT.astype(">i2").tobytes()))
    assert image.dtype.isnative
    np.testing.assert_array_equal(image.voxels.ravel(), COUNT)


def test_line_ends_of_windows(make, read):
    path = make("2 3 4")
    content = path.read_bytes()
    end = content.index(b"\n\n")
    path.write_bytes(content[:end].replace(b"\n", b"\r\n") + b"\r\n\r\n" + content[end + 2 :])
    np.testing.assert_array_equal(read(path).voxels.ravel(), COUNT)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "ascii"])
@pytest.mark.parametrize(
    "line",
    [
        "data file: LIST\npart1\npart2\npart3\npart4",
        "data file: LIST 2\npart1\npart2\npart3\npart4",
        "data file: part%d 1 4 1",
        "datafile: part%d 1 4 1 2",
    ],
)
def test_several_files(make, read, tmp_path, encoding, line):
    for number, part in enumerate(COUNT.reshape(4, 6), start=1):
        content = {
            "raw": part.tobytes(),
            "gzip": gzip.compress(part.tobytes()),
            "ascii": b" ".join(b"%d" % v for v in part),
        }
        (tmp_path / f"part{number}").write_bytes(content[encoding])
    path = make("2 3 4", f"encoding: {encoding}", line, name="a.nhdr", data=b"")
    np.testing.assert_array_equal(read(path).voxels.ravel(), COUNT)


def test_numbers_with_zeros(make, read, tmp_path):
    for number, part in zip((20, 15, 10, 5), COUNT.reshape(4, 6), strict=True):
        (tmp_path / f"part{number:03d}.raw").write_bytes(part.tobytes())
    path = make("2 3 4", "data file: part%03d.raw 20 5 -5", name="a.nhdr", data=b"")
    np.testing.assert_array_equal(read(path).voxels.ravel(), COUNT)


@pytest.fixture
def outside(tmp_path):
    """Make a folder with a data file, and beside it one for headers."""
    (tmp_path / "secret").write_bytes(COUNT.tobytes())
    (tmp_path / "inner").mkdir()
    return tmp_path / "inner"


@pytest.mark.parametrize("kind", ["absolute", "parent", "link", "list", "pattern"])
def test_files_outside_the_folder(make, read, outside, kind):
    names = {"absolute": str(outside.parent / "secret"), "parent": "../secret", "link": "link"}
    if kind == "link":
        (outside / "link").symlink_to(outside.parent / "secret")
    line = {"list": "LIST\n../secret", "pattern": "../secre%dt 0 0 1"}.get(kind) or names[kind]
    (outside.parent / "secre0t").write_bytes(COUNT.tobytes())
    path = make("2 3 4", f"data file: {line}", name="inner/a.nhdr", data=b"")
    with pytest.raises(UnsafeError, match="outside its folder"):
        read(path)
    np.testing.assert_array_equal(read(path, allow_external=True).voxels.ravel(), COUNT)


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_no_regular_file(make, read, outside, kind):
    if kind == "folder":
        (outside / "data").mkdir()
    elif kind == "pipe":
        os.mkfifo(outside / "data")
    else:
        (outside / "data").symlink_to("/dev/zero")
    path = make("2 3 4", "data file: data", name="inner/a.nhdr", data=b"")
    with pytest.raises(UnsafeError):
        read(path)
    with pytest.raises(UnsafeError):
        read(path, allow_external=True)


def test_missing_file(make, read):
    with pytest.raises(NotFoundError, match=r"'gone.raw' is missing"):
        read(make("2 3 4", "data file: gone.raw", name="a.nhdr", data=b""))


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["sizes: 30000 30000 30000"], CorruptError),
        (["sizes: 30000 30000 30000", "encoding: gzip"], CorruptError),
        (["sizes: 30000 30000 30000", "encoding: ascii"], CorruptError),
        (["sizes: 2 3 -4"], CorruptError),
        (["sizes: 2 3"], CorruptError),
        (["dimension: 17"], CorruptError),
        (["dimension: three"], CorruptError),
        (["type: int128"], CorruptError),
        (["type: block", "block size: 3"], UnsupportedError),
        (["encoding: zrl"], UnsupportedError),
        (["endian: middle"], CorruptError),
        (["byte skip: -5"], CorruptError),
        (["byte skip: 99999"], CorruptError),
        (["line skip: -1"], CorruptError),
        (["line skip: 99"], CorruptError),
        (["encoding: hex"], CorruptError),
        (["encoding: ascii"], CorruptError),
        (["encoding: bzip2"], CorruptError),
        (["data file: x%d 0 1000000000 1"], LimitError),
        (["data file: x%d 0 10 0"], CorruptError),
        (["data file: x%d 0 6 1"], MLArrayError),
        (["space directions: hello"], CorruptError),
        (["space: RAS", "space: LPS"], CorruptError),
        (["what is this"], CorruptError),
    ],
)
def test_lies(make, read, lines, error):
    with pytest.raises(error):
        read(make("2 3 4", *lines))


def test_bombs(make, read):
    bomb = gzip.compress(bytes(300 << 20), 9)
    with pytest.raises(CorruptError, match="far more data"):
        read(make("2 3 4", "encoding: gzip", data=bomb))
    with pytest.raises(CorruptError, match="far more data"):
        read(make("2 3 4", "encoding: gzip", "byte skip: -1", data=bomb))
    with pytest.raises(LimitError, match="lines"):
        read(make("2 3 4", *(f"key{number}:=1" for number in range(300_000))))
    with pytest.raises(LimitError, match="bytes long"):
        read(make("2 3 4", "key:=" + "x" * (20 << 20)))
