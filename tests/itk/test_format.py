"""The formats of the ITK plugin under the compliance suite, with SimpleITK as the reference."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

import mlarray
from mlarray_core.errors import CorruptError, NotFoundError
from mlarray_io.testing import FormatTests
from mlarray_itk import MetaImageFormat
from mlarray_itk.formats import BrukerFormat, GiplFormat, VtkFormat
from tests.itk.written import bruker, by_simpleitk, text_vtk

DATA = Path(__file__).parent.parent / "data" / "metaimage"


def by_itk(path):
    image = SimpleITK.ReadImage(str(path))
    count = image.GetDimension()
    directions = np.array(image.GetDirection()).reshape(count, count) * image.GetSpacing()
    affine = np.eye(count + 1)
    affine[:-1, :-1] = directions[:, ::-1]
    affine[:-1, -1] = image.GetOrigin()
    return SimpleITK.GetArrayFromImage(image), affine, "LPS"


class TestMetaImage(FormatTests):
    claims_also = ("metaimage",)

    @pytest.fixture
    def format(self):
        return MetaImageFormat()

    @pytest.fixture
    def samples(self):
        return [DATA / "blob4.mha", DATA / "nucleon.mha", DATA / "CorpusCallosumMeanShape.mha"]

    def reference(self, path, image):
        return by_itk(path)


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
        return by_itk(path)


class TestVtk(FormatTests):
    mutants = 8

    @pytest.fixture
    def format(self):
        return VtkFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("vtk")
        types = ("i2", "u1", "i1", "u2", "i4", "u4", "i8", "u8", "f4", "f8")
        colours, vectors = folder / "colours.vtk", folder / "vectors.vtk"
        for path, dtype in ((colours, "u1"), (vectors, "f4")):
            voxels = np.arange(180, dtype=dtype).reshape(3, 4, 5, 3)
            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels, isVector=True), str(path))
        return [
            *(by_simpleitk(folder / f"{dtype}.vtk", dtype) for dtype in types),
            by_simpleitk(folder / "plane.vtk", shape=(4, 5)),
            text_vtk(folder / "text.vtk"),
            colours,
            vectors,
        ]

    def reference(self, path, image):
        return by_itk(path)


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
        return by_itk(path)


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
