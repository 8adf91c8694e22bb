"""Damaged files end in an explained error, or in what nibabel reads from them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nibabel
import pytest

DATA = Path(__file__).parent.parent / "data" / "nibabel"
THEIRS = Path(nibabel.__file__).parent / "tests" / "data"
MUTANTS = Path(__file__).parent.parent / "mutants.py"

FILES = {
    "mgh": [DATA / "test.mgz"],
    "minc": [DATA / "tiny.mnc", DATA / "minc2_1_scale.mnc"],
    "ecat": [DATA / "tinypet.v"],
    "afni": [
        THEIRS / "scaled+tlrc.HEAD", THEIRS / "scaled+tlrc.BRIK",
        THEIRS / "example4d+orig.HEAD", THEIRS / "example4d+orig.BRIK.gz",
    ],
    "parrec": [
        THEIRS / "phantom_EPI_asc_CLEAR_2_1.PAR", THEIRS / "phantom_EPI_asc_CLEAR_2_1.REC",
        THEIRS / "phantom_varscale.PAR", THEIRS / "phantom_varscale.PAR",
    ],
}  # fmt: skip
"""Pairs are damaged on both sides; nibabel brings those of AFNI and PAR/REC along."""


@pytest.mark.parametrize("count", [None, pytest.param(500, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FILES)
def test_mutants(name, count):
    count = count or (40 if name == "mgh" else 4)
    command = [sys.executable, str(MUTANTS), name, str(count), str(count), *map(str, FILES[name])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    print(f"\n{name}: {result}")
    assert not result["wrong"]
    assert result["peak_mb"] < 1500
