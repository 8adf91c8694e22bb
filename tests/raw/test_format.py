"""Headers in text under the compliance suite, on files of known content that GDAL and XMedCon wrote."""

from __future__ import annotations

import numpy as np
import pytest

from mlarray_io.testing import FormatTests
from mlarray_raw import EnviFormat, EsriFormat, InterfileFormat, VgiFormat
from tests.raw.known import DATA, RASTERS, VOLUME, stored


class Rasters(FormatTests):
    driver = ""

    @pytest.fixture
    def samples(self):
        return [DATA / name for name, (_, driver, *_) in RASTERS.items() if driver == self.driver]

    def copy(self, format, sample, path):
        header = path.with_suffix(".HDR" if path.suffix.isupper() else ".hdr")
        header.write_bytes(sample.with_suffix(".hdr").read_bytes())
        return super().copy(format, sample, path)

    def reference(self, path, image):
        return *stored(path.name), None


class TestEnvi(Rasters):
    driver = "ENVI"

    @pytest.fixture
    def format(self):
        return EnviFormat()


class TestEsri(Rasters):
    driver = "EHdr"

    @pytest.fixture
    def format(self):
        return EsriFormat()


class TestInterfile(FormatTests):
    @pytest.fixture
    def format(self):
        return InterfileFormat()

    @pytest.fixture
    def samples(self):
        return [DATA / "little.h33", DATA / "big.h33"]

    def copy(self, format, sample, path):
        data = sample.with_suffix(".i33")
        (path.parent / data.name).write_bytes(data.read_bytes())
        return super().copy(format, sample, path)

    def reference(self, path, image):
        return VOLUME, np.diag([3, 2, 1.5, 1]), None


class TestVgi(FormatTests):
    @pytest.fixture
    def format(self):
        return VgiFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("vgi")
        (folder / "part.vol").write_bytes(VOLUME.astype("<u2").tobytes())
        (folder / "part.vgi").write_text(VGI)
        return [folder / "part.vgi"]

    def copy(self, format, sample, path):
        data = sample.with_suffix(".vol")
        (path.parent / data.name).write_bytes(data.read_bytes())
        return super().copy(format, sample, path)

    def reference(self, path, image):
        return VOLUME.astype("u2"), np.diag([0.03, 0.02, 0.01, 1]), None


VGI = """{volume1}
[representation]
size = 6 5 4
datatype = unsigned integer
datarange = 0 -1
bitsperelement = 16
[file1]
SkipHeader = 0
FileFormat = raw
Size = 6 5 4
Name = part.vol
Datatype = unsigned integer
datarange = 0 -1
BitsPerElement = 16
{volumeprimitive12}
[geometry]
resolution = 0.01 0.02 0.03
unit = mm
[volume]
volume = volume1
"""
