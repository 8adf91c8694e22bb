"""MetaImage under the compliance suite, with SimpleITK as the reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlarray_io.testing import FormatTests
from mlarray_metaimage import MetaImageFormat
from tests.by_simpleitk import as_read

DATA = Path(__file__).parent.parent / "data" / "metaimage"


class TestMetaImage(FormatTests):
    claims_also = ("metaimage",)

    @pytest.fixture
    def format(self):
        return MetaImageFormat()

    @pytest.fixture
    def samples(self):
        return [DATA / "blob4.mha", DATA / "nucleon.mha", DATA / "CorpusCallosumMeanShape.mha"]

    def reference(self, path, image):
        return as_read(path)
