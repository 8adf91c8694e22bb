"""Bruker's 2dseq under the compliance suite, with SimpleITK as the reference."""

from __future__ import annotations

import shutil

import pytest

import mlarray
from mlarray_bruker import BrukerFormat
from mlarray_core.errors import CorruptError, NotFoundError
from mlarray_io.testing import FormatTests
from tests.by_simpleitk import as_read, bruker


class TestBruker(FormatTests):
    has_signature = False
    mutants = 2

    @pytest.fixture
    def format(self):
        return BrukerFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        return [bruker(tmp_path_factory.mktemp("bruker") / "1")]

    def copy(self, format, sample, target):
        folder = target.parent / "copy"
        shutil.copytree(sample.parent, folder, dirs_exist_ok=True)
        return folder / "2dseq"

    def reference(self, path, image):
        return as_read(path)


def test_bruker_scales_and_keeps_its_parameters(tmp_path):
    image = mlarray.read(bruker(tmp_path / "1"))
    assert image.to_numpy().max() == 36  # 52 * 0.5 + 10
    assert "##$VisuCoreExtent=( 3 )" in image.meta.source["visu_pars"]


def test_bruker_without_parameters(tmp_path):
    path = bruker(tmp_path / "1")
    (path.parent / "visu_pars").unlink()
    with pytest.raises(NotFoundError, match="visu_pars"):
        mlarray.read(path)


def test_bruker_with_parameters_cut_short(tmp_path):
    path = bruker(tmp_path / "1")
    text = path.with_name("visu_pars").read_text()
    path.with_name("visu_pars").write_text(text[: text.index("-5 -6")])
    with pytest.raises(CorruptError, match="visu_pars: its last line"):
        mlarray.read(path)
