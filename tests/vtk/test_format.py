"""VTK's images under the compliance suite, with SimpleITK as the reference."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK

from mlarray_io.testing import FormatTests
from mlarray_vtk import VtkFormat
from tests.by_simpleitk import as_read, by_simpleitk, text_vtk


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
        return as_read(path)
