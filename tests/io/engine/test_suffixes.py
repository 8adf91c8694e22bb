"""Suffixes: what is offered for writing is written, what is only read says so."""

import numpy as np
import pytest

import mlarray
from mlarray_core import errors
from mlarray_io.engine.registry import USUAL, installed
from mlarray_io.sdk.requirements import missing

WRITTEN = [
    (format.name, suffix)
    for format in installed().formats
    if not missing(format)
    for suffix in format.written_suffixes
]
ONLY_READ = [
    (format, suffix)
    for format in installed().formats
    for suffix in format.suffixes
    if suffix not in installed().suffixes.written
]


@pytest.mark.parametrize(("name", "suffix"), WRITTEN)
def test_every_suffix_that_is_offered_is_written(name, suffix, tmp_path):
    """By the format that offers it, and read back by the suffix and the content of the file."""
    voxels = np.arange(24, dtype="u2").reshape(4, 6)
    target = tmp_path / f"a{suffix}"
    done = mlarray.write(mlarray.MLArray(voxels), target)
    assert done.target_format == name
    read = mlarray.read(target)
    np.testing.assert_array_equal(np.squeeze(read.to_numpy()), voxels)
    assert read.meta._image_meta_format.value in (name, None)


@pytest.mark.parametrize(("format", "suffix"), ONLY_READ)
def test_a_suffix_that_is_only_read_is_refused(format, suffix, tmp_path):
    target = tmp_path / f"a{suffix}"
    with pytest.raises(errors.UnsupportedError) as caught:
        mlarray.write(np.zeros((2, 2), "u1"), target)
    assert list(tmp_path.iterdir()) == []
    assert f"the format {format.name}" in caught.value.message
    offered = {part.strip() for part in caught.value.hint.removeprefix("End it in ").split(";")[0].split(",")}
    assert offered <= set(format.written_suffixes if format.writes else USUAL)


def test_only_pictures_that_can_be_written_are_offered():
    written = installed().suffixes.written
    assert written[".png"].name == "pictures"
    assert not {".jpg", ".bmp", ".webp", ".jp2", ".svs", ".lsm", ".ndpi", ".companion.ome"} & written.keys()
    assert set(USUAL) <= written.keys()
