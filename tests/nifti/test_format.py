"""What every format passes, on real files, compared with nibabel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nibabel
import numpy as np
import pytest

from mlarray_io import Confidence, Source
from mlarray_io.testing import FormatTests, Reference
from mlarray_nifti import NiftiFormat

if TYPE_CHECKING:
    from mlarray_io import Format, ImageRef

DATA = Path(__file__).parent.parent / "data" / "nifti"
NAMES = (
    "example4d.nii.gz",
    "anatomical.nii",
    "functional.nii",
    "example_nifti2.nii.gz",
    "row_major.dconn.nii",
    "minimal.hdr.gz",
    "rgb.nii",
    "complex_2d.nii",
)


class TestNifti(FormatTests):
    claims_also = ("nifti-1",)

    @pytest.fixture
    def format(self) -> Format:
        return NiftiFormat()

    @pytest.fixture
    def samples(self) -> list[Path]:
        return [DATA / name for name in NAMES]

    def reference(self, path: Path, image: ImageRef) -> Reference | None:
        if path.name in ("row_major.dconn.nii", "complex_2d.nii", "rgb.nii"):
            return None  # nibabel gives them another number of axes, or an affine
        theirs = nibabel.load(path)
        voxels = np.asanyarray(theirs.dataobj).T
        if path.name == "functional.nii":
            voxels = voxels.astype("f4")
        if path.name == "minimal.hdr.gz":
            return voxels, None, None
        return voxels, theirs.affine[:, [2, 1, 0, 3]], "RAS"


@pytest.mark.parametrize("name", ["minimal.hdr.gz", "minimal.img.gz"])
def test_either_file_of_a_pair(name, load):
    assert NiftiFormat().sniff(Source(DATA / name)) >= Confidence.SIGNATURE
    assert load(DATA / name).array.shape == (10, 64, 64)


def test_starting_up_imports_nothing_heavy():
    import subprocess
    import sys

    code = "import sys, mlarray_nifti; mlarray_nifti.mlarray_formats(); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"numpy", "nibabel", "isal", "blosc2"} & set(modules.split())
