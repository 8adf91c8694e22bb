"""Damaged files end in an explained error, or in what pynrrd reads from them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).parent.parent / "data" / "nrrd"
MUTANTS = Path(__file__).parent.parent / "mutants.py"


@pytest.mark.parametrize("count", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_mutants(count):
    command = [
        sys.executable,
        str(MUTANTS),
        "nrrd",
        str(count),
        str(count),
        *map(str, sorted(DATA.glob("*.nrrd"))),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    print(f"\n{result}")
    assert not result["wrong"]
    assert result["peak_mb"] < 1000
