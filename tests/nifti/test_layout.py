"""The tables of header fields are those of nifti1.h, nifti2.h and dbh.h, as nibabel has them."""

import subprocess
import sys
from pathlib import Path

import pytest

from mlarray_nifti.header import nibabel_class
from mlarray_nifti.layout import layout

DATA = Path(__file__).parent.parent / "data" / "nifti"


@pytest.mark.parametrize(("variant", "size"), [("nifti1", 348), ("nifti2", 540), ("analyze", 348)])
def test_every_field_lies_where_nibabel_has_it(variant, size):
    assert layout(variant) == nibabel_class(variant).template_dtype.newbyteorder("<")
    assert layout(variant).itemsize == size


@pytest.mark.parametrize("name", ["example4d.nii.gz", "example_nifti2.nii.gz", "minimal.hdr.gz"])
def test_reading_imports_neither_nibabel_nor_pydicom(name):
    program = (
        "import sys, mlarray; image = mlarray.read(sys.argv[1]); image[...]; "
        "print([name for name in ('nibabel', 'pydicom') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(DATA / name)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
