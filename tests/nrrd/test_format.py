"""The NRRD format under the compliance suite, with pynrrd as the independent reader."""

from __future__ import annotations

from pathlib import Path

import nrrd
import numpy as np
import pytest

from mlarray_io.testing import FormatTests
from mlarray_nrrd import NrrdFormat

DATA = Path(__file__).parent.parent / "data" / "nrrd"


class TestNrrd(FormatTests):
    claims_also = ("nrrd",)

    @pytest.fixture
    def format(self):
        return NrrdFormat()

    @pytest.fixture
    def samples(self):
        first = DATA / "BallBinary30x30x30_gz.nrrd"
        return [first, *(path for path in sorted(DATA.glob("*.nrrd")) if path != first)]

    def reference(self, path, image):
        voxels, header = nrrd.read(str(path), index_order="C")
        directions, affine, world = header.get("space directions"), None, None
        if directions is not None:
            spatial = [vector for vector in directions if not np.isnan(vector).any()][::-1]
            affine = np.eye(len(spatial) + 1)
            affine[:-1, :-1] = np.transpose(spatial)
            affine[:-1, -1] = header.get("space origin", np.zeros(len(spatial)))
            world = {"left-posterior-superior": "LPS", "right-anterior-superior": "RAS"}[header["space"]]
        return voxels, affine, world
