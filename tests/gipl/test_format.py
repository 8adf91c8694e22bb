"""GIPL under the compliance suite, with SimpleITK as the reference."""

from __future__ import annotations

import pytest

import mlarray
from mlarray_gipl import GiplFormat
from mlarray_io.testing import FormatTests
from tests.by_simpleitk import as_read, by_simpleitk


class TestGipl(FormatTests):
    @pytest.fixture
    def format(self):
        return GiplFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("gipl")
        types = ("i2", "u1", "i1", "u2", "f4", "f8")
        return [
            *(by_simpleitk(folder / f"{dtype}.gipl", dtype) for dtype in types),
            by_simpleitk(folder / "packed.gipl.gz"),
        ]

    def reference(self, path, image):
        return as_read(path)


def test_what_follows_the_voxels_is_told(tmp_path):
    path = by_simpleitk(tmp_path / "a.gipl")
    with path.open("ab") as file:
        file.write(bytes(7))
    result = mlarray.convert(path, tmp_path / "a.mla")
    assert any("7 bytes of the file follow" in text for text in result.warnings)
