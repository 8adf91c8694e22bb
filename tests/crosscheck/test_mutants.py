"""Damaged MetaImage, GIPL, VTK and Bruker files end in an explained error, or in what SimpleITK reads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.by_simpleitk import bruker, by_simpleitk, text_vtk

DATA = Path(__file__).parent.parent / "data" / "metaimage"
MUTANTS = Path(__file__).parent.parent / "mutants.py"


def metaimages(folder):
    return sorted(DATA.glob("*.mha"))


def gipls(folder):
    return [
        by_simpleitk(folder / "a.gipl"),
        by_simpleitk(folder / "b.gipl", "f4"),
        by_simpleitk(folder / "c.gipl.gz"),
    ]


def vtks(folder):
    return [by_simpleitk(folder / "a.vtk"), by_simpleitk(folder / "b.vtk", "f4"), text_vtk(folder / "c.vtk")]


def brukers(folder):
    path = bruker(folder / "1")
    return [path, path.with_name("visu_pars"), path.with_name("visu_pars")]


@pytest.mark.parametrize("count", [None, pytest.param(500, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("name", "made", "few"),
    [("metaimage", metaimages, 40), ("gipl", gipls, 60), ("vtk", vtks, 60), ("bruker", brukers, 6)],
)
def test_mutants(name, made, few, count, tmp_path):
    count = count or few
    command = [sys.executable, str(MUTANTS), name, str(count), str(count), *map(str, made(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    print(f"\n{name}: {result}")
    assert not result["wrong"]
    assert result["peak_mb"] < 1500
