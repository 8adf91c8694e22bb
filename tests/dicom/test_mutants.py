"""Damaged files end in an explained error, or in what pydicom reads from them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

NAMES = (
    "CT_small.dcm",
    "MR_small_implicit.dcm",
    "MR_small_RLE.dcm",
    "JPEG2000.dcm",
    "SC_rgb_small_odd.dcm",
    "rtdose.dcm",
    "MR_small_bigendian.dcm",
    "image_dfl.dcm",
    "MR_small_expb.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
)


@pytest.mark.parametrize("count", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_mutants(count: int) -> None:
    found = [get_testdata_file(name, download=False) for name in NAMES]
    samples = [str(path) for path in found if path is not None]
    assert len(samples) > 6
    command = [sys.executable, str(Path(__file__).with_name("mutants.py")), str(count), str(count), *samples]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    print(f"\n{result}")
    assert not result["wrong"]
    assert result["peak_mb"] < 1500
