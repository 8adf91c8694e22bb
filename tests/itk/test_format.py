"""MetaImage and what SimpleITK reads, under the compliance suite, with SimpleITK as the reference."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from mlarray_io.testing import FormatTests
from mlarray_itk import MetaImageFormat
from mlarray_itk.itkformat import ItkFormat

DATA = Path(__file__).parent.parent / "data" / "metaimage"


def by_itk(path):
    image = SimpleITK.ReadImage(str(path))
    count = image.GetDimension()
    directions = np.array(image.GetDirection()).reshape(count, count) * image.GetSpacing()
    affine = np.eye(count + 1)
    affine[:-1, :-1] = directions[:, ::-1]
    affine[:-1, -1] = image.GetOrigin()
    return SimpleITK.GetArrayFromImage(image), affine


class TestMetaImage(FormatTests):
    claims_also = ("metaimage",)

    @pytest.fixture
    def format(self):
        return MetaImageFormat()

    @pytest.fixture
    def samples(self):
        return [DATA / "blob4.mha", DATA / "nucleon.mha", DATA / "CorpusCallosumMeanShape.mha"]

    def reference(self, path, image):
        return *by_itk(path), "LPS"


class TestItk(FormatTests):
    mutants = 2

    @pytest.fixture
    def format(self):
        return ItkFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("itk")
        array = np.arange(60, dtype="i2").reshape(3, 4, 5)
        image = SimpleITK.GetImageFromArray(array)
        image.SetSpacing((1.5, 2, 3))
        image.SetOrigin((-10, 20, 5))
        names = ("a.gipl", "a.vtk")
        for name in names:
            SimpleITK.WriteImage(image, str(folder / name))
        yield [folder / name for name in names]
        shutil.rmtree(folder)

    def reference(self, path, image):
        voxels, affine = by_itk(path)
        return voxels, affine, None

    def test_cut_short(self, format, samples, tmp_path):
        super().test_cut_short(format, samples[:1], tmp_path)
