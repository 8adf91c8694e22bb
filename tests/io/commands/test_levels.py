"""The commands that make, list, check, drop and show levels, and round values."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mlarray_core import Additions, Meta, MLArray
from mlarray_io.commands.main import main


@pytest.fixture
def scan(tmp_path):
    array = np.random.default_rng(3).normal(100, 30, (70, 80, 90)).astype(np.float32)
    path = tmp_path / "scan.mla"
    MLArray(array, spacing=(1.0, 1.0, 1.0)).save(path)
    return path


def run(*arguments):
    return main([str(argument) for argument in arguments])


def shapes(path):
    return [level.shape for level in MLArray.open(path).levels]


def test_build_list_verify_and_drop(scan, capsys):
    assert run("levels", scan, "--build") == 0
    assert "1: 35 x 40 x 45" in capsys.readouterr().out
    assert shapes(scan) == [(35, 40, 45)]
    assert run("levels", scan, "--verify", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["shape"] for row in found["levels"]] == [[70, 80, 90], [35, 40, 45]]
    assert run("levels", scan, "--drop") == 0
    assert "no coarser levels" in capsys.readouterr().out
    assert shapes(scan) == []


def test_building_leaves_the_image_as_it_was(scan):
    before = MLArray(scan).to_numpy()
    assert run("levels", scan, "--build", "2", "--method", "max") == 0
    image = MLArray.open(scan, verify="full")
    np.testing.assert_array_equal(image.to_numpy(), before)
    corner = before[:2, :2, :2].max()
    assert image.levels[0][0, 0, 0] == corner


def test_nonsense_is_refused_and_changes_nothing(scan, capsys):
    before = scan.read_bytes()
    assert run("levels", scan, "--build", "many") == 1
    assert run("levels", scan, "--build", "--drop") == 2
    assert run("levels", scan.with_name("missing.mla")) == 1
    assert scan.read_bytes() == before


def test_converting_with_levels_and_without(scan, tmp_path):
    target = tmp_path / "out.mla"
    assert run("convert", scan, target, "--levels", "auto", "-q") == 0
    assert shapes(target) == [(35, 40, 45)]
    assert run("convert", target, tmp_path / "plain.mla", "-q") == 0
    assert shapes(tmp_path / "plain.mla") == []


def test_lossy_conversion_keeps_its_promise_and_notes_it(scan, tmp_path):
    target = tmp_path / "small.mla"
    assert run("convert", scan, target, "--lossy", "tolerance=0.25", "-q") == 0
    exact, near = MLArray(scan).to_numpy(), MLArray(target)
    assert np.abs(exact - near.to_numpy()).max() <= 0.25
    assert Additions.of(near.meta).lossy == {"error": 0.25, "kind": "absolute"}
    assert target.stat().st_size < 0.8 * scan.stat().st_size


def test_labels_are_never_rounded(tmp_path, capsys):
    source = tmp_path / "labels.mla"
    MLArray(np.zeros((4, 4, 4), np.uint8), meta=Meta(is_seg=True)).save(source)
    assert run("convert", source, tmp_path / "out.mla", "--lossy", "tolerance=3") == 1
    assert "labels can't be rounded" in capsys.readouterr().err
    assert not (tmp_path / "out.mla").exists()


def test_show_in_the_terminal_and_as_a_picture(scan, tmp_path, capsys, monkeypatch):
    pytest.importorskip("PIL.Image")
    assert run("show", scan) == 0
    assert "\u2580" not in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert run("show", scan) == 0
    assert "\u2580" in capsys.readouterr().out
    picture = tmp_path / "scan.png"
    assert run("show", scan, "-o", picture) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert run("show", scan, "-o", picture) == 1
    assert run("show", scan, "-o", picture, "--force", "--window", "0,200") == 0
