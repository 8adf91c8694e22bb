"""Damaged files end in an explained error, or in what SimpleITK reads from them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

DATA = Path(__file__).parent.parent / "data" / "metaimage"
MUTANTS = Path(__file__).parent.parent / "mutants.py"


def _run(name, count, samples):
    command = [sys.executable, str(MUTANTS), name, str(count), str(count), *map(str, samples)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    print(f"\n{name}: {result}")
    assert not result["wrong"]
    assert result["peak_mb"] < 1500


@pytest.mark.parametrize("count", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_metaimage(count):
    _run("metaimage", count, sorted(DATA.glob("*.mha")))


@pytest.mark.parametrize("count", [6, pytest.param(500, marks=pytest.mark.slow)])
def test_itk(count, tmp_path):
    image = SimpleITK.GetImageFromArray(np.arange(60, dtype="i2").reshape(3, 4, 5))
    samples = [tmp_path / name for name in ("a.gipl", "a.vtk", "a.mrc")]
    for sample in samples:
        SimpleITK.WriteImage(image, str(sample))
    _run("itk", count, samples)
