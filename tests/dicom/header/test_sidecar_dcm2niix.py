"""The sidecar of every shared case, field by field beside dcm2niix's of the same series.

Images are turned to the voxel order of dcm2niix's, so that directions along axes and times of slices are the
same too. What differs is in `KNOWN`, with its reasons in docs/bids.md. Run with dcm2niix 1.0.20260724.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions

dcm2niix = pytest.importorskip("dcm2niix", reason="dcm2niix, the other converter, isn't installed")
nibabel = pytest.importorskip("nibabel")
FOLDER = os.environ.get("MLARRAY_CASES")
pytestmark = pytest.mark.skipif(not FOLDER, reason="the shared cases are not here (MLARRAY_CASES is unset)")
CASES = Path(FOLDER or ".") / "dicom"
NAMES = (
    "ct_axial_noext", "ct_duplicates", "dwi_d2n_philips", "enh_bruker", "enh_d2n_philips_anat",
    "enh_d2n_philips_fmri", "enh_xa30_bold4d", "enh_xa30_dwi", "enh_xa30_t1", "fmri_ge_4d", "mosaic_ax",
    "mr_anat_siemens",
)  # fmt: skip
THEIRS_ONLY = {
    "ConversionSoftware", "ConversionSoftwareVersion", "BidsGuess", "PulseSequenceType",
    "PhilipsRescaleSlope", "PhilipsRescaleIntercept", "PhilipsScaleSlope", "PhilipsRWVSlope",
    "PhilipsRWVIntercept", "UsePhilipsFloatNotDisplayScaling", "ProcedureStepDescription",
}  # fmt: skip
"""Fields that we haven't everywhere."""
NOTHING = ("None", [0, 0, -1.7e38])
"""What it writes where the header says nothing: an empty department, Philips' table."""
KNOWN = {"SpoilingType": "RF", "InstitutionalDepartmentName": None, "PhaseEncodingAxis": "j"}
"""What we say where it differs."""


def theirs(folder: Path, out: Path) -> list[Path]:
    out.mkdir()
    command = [dcm2niix.bin, "-b", "y", "-z", "n", "-f", "%s_%e_%p", "-o", str(out), str(folder)]
    subprocess.run(command, capture_output=True, timeout=120, check=False)
    return sorted(out.glob("*.nii"))


def close(first: Any, second: Any, allowed: float) -> bool:
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(
            close(*pair, allowed) for pair in zip(first, second, strict=True)
        )
    if isinstance(first, int | float) and isinstance(second, int | float):
        return abs(first - second) <= allowed + 2e-5 * abs(second)
    return first == second


def same(name: str, ours: Any, other: Any) -> bool:
    if name == "ImageType":  # dcm2niix parts values at underscores, and says MAGNITUDE where it thinks so
        parts = [part for one in ours for part in one.split("_")]
        return [one for one in other if one not in {*parts, "MAGNITUDE"}] == []
    if name in KNOWN and ours == KNOWN[name]:
        return True
    if name == "AcquisitionTime":
        return abs(float(ours[6:]) - float(other[6:])) < 1e-5
    return close(ours, other, 1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_fields_are_dcm2niix_s(name: str, tmp_path: Path) -> None:
    made = theirs(CASES / name / "in", tmp_path / "out")
    if len(made) != 1:
        pytest.skip(f"dcm2niix makes {len(made)} images of it")
    other = json.loads(made[0].with_suffix(".json").read_text("latin-1"), strict=False)
    code = "".join(nibabel.aff2axcodes(nibabel.load(made[0]).affine))
    fields = Additions.of(mlarray.read(CASES / name / "in", orient=code).meta).bids
    missing = {field for field in other if field not in fields} - THEIRS_ONLY
    assert {field for field in missing if other[field] not in NOTHING} == set()
    differ = {
        field: (fields[field], value)
        for field, value in other.items()
        if field in fields and not same(field, fields[field], value)
    }
    assert differ == {}
    for field in ("bval", "bvec"):
        table = made[0].with_suffix(f".{field}")
        assert table.exists() == (field in fields)
        if table.exists():
            np.testing.assert_allclose(fields[field], np.squeeze(np.loadtxt(table)), atol=1e-5)
