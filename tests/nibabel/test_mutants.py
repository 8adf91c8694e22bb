"""Damaged files end in an explained error, or in what nibabel reads from them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).parent.parent / "data" / "nibabel"
MUTANTS = Path(__file__).parent.parent / "mutants.py"


def _run(name, count, samples):
    command = [sys.executable, str(MUTANTS), name, str(count), str(count), *map(str, samples)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    print(f"\n{name}: {result}")
    assert not result["wrong"]
    assert result["peak_mb"] < 1500


FILES = {"mgh": ["test.mgz"], "minc": ["tiny.mnc", "minc2_1_scale.mnc"], "ecat": ["tinypet.v"]}


@pytest.mark.parametrize("count", [8, pytest.param(500, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FILES)
def test_mutants(name, count):
    _run(name, 40 if (name, count) == ("mgh", 8) else count, [DATA / file for file in FILES[name]])
