"""Images and labels that don't fit each other."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mlarray_io.commands.main import main

nibabel = pytest.importorskip("nibabel")

HERE = pytest.mark.usefixtures("here")


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


@HERE
def test_the_same_place_in_another_world_and_format(tmp_path, capsys):
    save(tmp_path / "images/a.nii.gz", dtype="f4")
    save(tmp_path / "plain/a.nii.gz")
    (tmp_path / "labels").mkdir()
    source, target = tmp_path / "plain/a.nii.gz", tmp_path / "labels/a.mla"
    assert main(["convert", str(source), str(target), "--coord-system", "RAS", "-q"]) == 0
    assert check(capsys, tmp_path) == (0, 1, [])


@HERE
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


@HERE
def test_noise_of_float32_is_no_difference(tmp_path, capsys):
    save(tmp_path / "images/a.nii.gz")
    save(tmp_path / "labels/a.nii.gz", affine=np.diag([1, 2.00001, 3, 1]))
    assert check(capsys, tmp_path)[0] == 0
    assert check(capsys, tmp_path, "--tolerance", "1e-7")[0] == 1


@HERE
def test_partners_that_are_lost_or_broken(tmp_path, capsys):
    for path in ("images/a", "images/b", "images/c", "labels/b", "labels/c", "labels/d"):
        save(tmp_path / f"{path}.nii")
    (tmp_path / "labels/c.nii").write_bytes(b"no header")
    code, pairs, problems = check(capsys, tmp_path)
    assert (code, pairs, len(problems)) == (1, 4, 3)
    assert ["there is no label"] in problems
    assert ["there is no image"] in problems
    assert main(["check-pairs", str(tmp_path / "images"), str(tmp_path / "none")]) == 1


@HERE
def test_names_as_lits_gives_them(tmp_path, capsys):
    """LiTS (codalab 17094): ``volume-0.nii`` and ``segmentation-0.nii``; 1 and 10 are different cases."""
    for number in (0, 1, 10):
        save(tmp_path / f"images/volume-{number}.nii", shape=(4, 5, 6 + number))
        save(tmp_path / f"labels/segmentation-{number}.nii", shape=(4, 5, 6 + number))
    assert check(capsys, tmp_path, "-j", "1") == (0, 3, [])


def in_one_folder(capsys, folder, *more):
    code = main(["check-pairs", str(folder), str(folder), "--json", "-j", "1", *more])
    return code, capsys.readouterr()


@HERE
def test_names_as_kits_gives_them(tmp_path, capsys):
    """KiTS19 and later: both in a folder for each case, as ``imaging`` and ``segmentation``."""
    for case in ("case_00000", "case_00001"):
        (tmp_path / "kits").mkdir(exist_ok=True)
        for name in ("imaging", "segmentation"):
            save(tmp_path / f"kits/{case}/{name}.nii.gz")
    save(tmp_path / "kits/case_00001/imaging.nii.gz", shape=(4, 5, 7))
    code, said = in_one_folder(capsys, tmp_path / "kits", "--label-pattern", "segmentation*")
    found = json.loads(said.out)
    assert (code, found["pairs"]) == (1, 2)
    (wrong,) = found["wrong"]
    assert wrong["image"].endswith("case_00001/imaging.nii.gz")
    assert wrong["label"].endswith("case_00001/segmentation.nii.gz")
    code, said = in_one_folder(capsys, tmp_path / "kits")
    assert code == 2
    assert "--label-pattern" in said.err


@HERE
def test_names_as_brats_gives_them(tmp_path, capsys):
    """BraTS 2020: four images of a case have one label, all in a folder of the case's name."""
    (tmp_path / "brats").mkdir()
    for case in ("BraTS20_Training_001", "BraTS20_Training_002"):
        for name in ("t1", "t1ce", "t2", "flair", "seg"):
            save(tmp_path / f"brats/{case}/{case}_{name}.nii.gz")
    code, said = in_one_folder(capsys, tmp_path / "brats", "--label-pattern", "*_seg.nii.gz")
    assert (code, json.loads(said.out)) == (0, {"pairs": 8, "wrong": []})
    (tmp_path / "brats/BraTS20_Training_002/BraTS20_Training_002_seg.nii.gz").unlink()
    code, said = in_one_folder(capsys, tmp_path / "brats", "--label-pattern", "*_seg.nii.gz")
    wrong = json.loads(said.out)["wrong"]
    assert code == 1
    assert {tuple(row["problems"]) for row in wrong} == {("there is no label",)}
    assert {row["image"].rpartition("_")[0][-3:] for row in wrong} == {"002"}


@HERE
@pytest.mark.filterwarnings("always")
def test_a_pattern_of_labels_that_fits_nothing_is_told(tmp_path, capsys):
    save(tmp_path / "in/a.nii.gz")
    code, said = in_one_folder(capsys, tmp_path / "in", "--label-pattern", "zz*")
    assert "Warning: label_pattern 'zz*' fits nothing" in said.err
    assert (code, json.loads(said.out)["wrong"][0]["problems"]) == (1, ["there is no label"])
