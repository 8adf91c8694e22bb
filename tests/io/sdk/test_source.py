"""A source: its first bytes, its name, and what can't be one."""

from __future__ import annotations

import gzip
import os

import pytest

from mlarray_core import errors
from mlarray_io import Source
from mlarray_io.sdk.source import HEAD_BYTES, suffix_length


def test_heads_are_read_and_gunzipped_once(tmp_path):
    content = os.urandom(100) * 2000
    plain, packed = tmp_path / "a.nii", tmp_path / "a.nii.gz"
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    assert Source(plain).head == Source(plain).plain_head == content[:HEAD_BYTES]
    source = Source(packed)
    assert source.is_gzip
    assert source.plain_head == content[:HEAD_BYTES]
    packed.unlink()
    assert source.plain_head == content[:HEAD_BYTES]


def test_damaged_gzip_gives_what_there_is(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"hello" * 1000)[:20])
    assert isinstance(Source(path).plain_head, bytes)
    path.write_bytes(b"\x1f\x8b\x08" + b"\xff" * 100)
    assert Source(path).plain_head == b""


def test_suffixes_in_any_case(tmp_path):
    path = tmp_path / "Scan.NII.GZ"
    path.write_bytes(b"")
    assert Source(path).has_suffix(".nii.gz")
    assert Source(path).has_suffix(".gz")
    assert not Source(path).has_suffix(".nii", ".mla")
    assert suffix_length("a.nii.gz", (".gz", ".nii.gz")) == 7
    assert suffix_length(".nii.gz", (".nii.gz",)) == 0


def test_folders_have_no_head(tmp_path):
    source = Source(tmp_path)
    assert (source.is_dir, source.head, source.size) == (True, b"", 0)


def test_what_is_no_source(tmp_path, monkeypatch):
    with pytest.raises(errors.NotFoundError):
        Source(tmp_path / "none")
    with pytest.raises(errors.ReadError):
        Source("a\0b")
    with pytest.raises(errors.UnsupportedError, match="save it to a file"):
        Source("/dev/null")
    with pytest.raises(errors.NotFoundError, match="save it to a file"):
        Source("-")
    path = tmp_path / "secret"
    path.write_bytes(b"x")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(errors.ReadError, match="Permission denied"):
        _ = Source(path).head
