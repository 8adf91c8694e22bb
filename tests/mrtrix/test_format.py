"""MRtrix under the compliance suite, on files of known content that mrconvert wrote."""

from __future__ import annotations

import pytest

from mlarray_io.testing import FormatTests
from mlarray_mrtrix import MrtrixFormat
from tests.mrtrix.known import DATA, SAMPLES, stored


class TestMrtrix(FormatTests):
    @pytest.fixture
    def format(self):
        return MrtrixFormat()

    @pytest.fixture
    def samples(self):
        return [DATA / name for name in SAMPLES]

    def reference(self, path, image):
        return *stored(path.name), "RAS"
