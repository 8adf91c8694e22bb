"""Images and labels that don't fit each other."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mlarray_io.commands.main import main

nibabel = pytest.importorskip("nibabel")


def save(path, shape=(4, 5, 6), affine=None, dtype="u1"):
    path.parent.mkdir(exist_ok=True)
    affine = np.diag([1, 2, 3, 1.0]) if affine is None else affine
    nibabel.save(nibabel.Nifti1Image(np.zeros(shape, dtype), affine), path)


def check(capsys, tmp_path, *more):
    code = main(["check-pairs", str(tmp_path / "images"), str(tmp_path / "labels"), "--json", *more])
    found = json.loads(capsys.readouterr().out)
    return code, found["pairs"], [row["problems"] for row in found["wrong"]]


def test_pairs_that_agree(tmp_path, capsys):
    for name in ("a", "b"):
        save(tmp_path / f"images/{name}_0000.nii.gz", dtype="f4")
        save(tmp_path / f"images/{name}_0001.nii.gz", dtype="f4")
        save(tmp_path / f"labels/{name}.nii.gz")
    assert check(capsys, tmp_path) == (0, 4, [])
    assert main(["check-pairs", str(tmp_path / "images"), str(tmp_path / "labels")]) == 0
    assert "4 of 4 pairs agree" in capsys.readouterr().out


def test_the_same_place_in_another_world_and_format(tmp_path, capsys):
    save(tmp_path / "images/a.nii.gz", dtype="f4")
    save(tmp_path / "plain/a.nii.gz")
    (tmp_path / "labels").mkdir()
    source, target = tmp_path / "plain/a.nii.gz", tmp_path / "labels/a.mla"
    assert main(["convert", str(source), str(target), "--coord-system", "RAS", "-q"]) == 0
    assert check(capsys, tmp_path) == (0, 1, [])


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        ({"shape": (4, 5, 7)}, "shape: (6, 5, 4) and (7, 5, 4)"),
        ({"affine": np.diag([1, 2, 3.3, 1])}, "spacing: (3, 2, 1) and (3.3, 2, 1)"),
        ({"affine": np.diag([-1, 2, 3, 1.0])}, "direction"),
        ({"affine": np.array([[1, 0, 0, 5], [0, 2, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1.0]])}, "origin"),
        ({"dtype": "f4"}, "type: the label holds float32"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, capsys, label, problem):
    save(tmp_path / "images/a.nii.gz", dtype="f4")
    save(tmp_path / "labels/a.nii.gz", **label)
    code, _, ((said, *_),) = check(capsys, tmp_path)
    assert code == 1
    assert problem in said


def test_noise_of_float32_is_no_difference(tmp_path, capsys):
    save(tmp_path / "images/a.nii.gz")
    save(tmp_path / "labels/a.nii.gz", affine=np.diag([1, 2.00001, 3, 1]))
    assert check(capsys, tmp_path)[0] == 0
    assert check(capsys, tmp_path, "--tolerance", "1e-7")[0] == 1


def test_partners_that_are_lost_or_broken(tmp_path, capsys):
    for path in ("images/a", "images/b", "images/c", "labels/b", "labels/c", "labels/d"):
        save(tmp_path / f"{path}.nii")
    (tmp_path / "labels/c.nii").write_bytes(b"no header")
    code, pairs, problems = check(capsys, tmp_path)
    assert (code, pairs, len(problems)) == (1, 4, 3)
    assert ["there is no label"] in problems
    assert ["there is no image"] in problems
    assert main(["check-pairs", str(tmp_path / "images"), str(tmp_path / "none")]) == 1
