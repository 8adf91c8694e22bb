"""BIDS sidecars beside NIfTI: kept in .mla, given back, turned with the image, and left out when damaged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import ExistsError
from mlarray_io.commands.main import main

if TYPE_CHECKING:
    from pathlib import Path

FIELDS: dict[str, Any] = {
    "EchoTime": 0.03, "PhaseEncodingDirection": "j-", "SliceTiming": [0, 1.5, 0.5, 2], "Note": "für µ",
    "Nested": {"a": [1, 2.5, None, True]},
}  # fmt: skip
BVAL, BVEC = [0, 1000, 1000.5], [[0, 1, 0], [0, 0, 0.6], [0, 0, 0.8]]


def image(folder: Path, name: str = "dwi.nii.gz") -> Path:
    folder.mkdir(exist_ok=True)
    voxels = np.arange(2 * 3 * 4 * 3, dtype=np.int16).reshape(2, 3, 4, 3)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([-2, 2, 2, 1])), folder / name)
    return folder / name


def described(folder: Path, name: str = "dwi.nii.gz") -> Path:
    path = image(folder, name)
    (folder / "dwi.json").write_text(json.dumps(FIELDS), "utf-8")
    (folder / "dwi.bval").write_text("0 1000 1000.5\n")
    (folder / "dwi.bvec").write_text("0 1 0\n0 0 0.6\n0 0 0.8\n")
    return path


def bids(path: Path, **options: Any) -> dict[str, Any]:
    return Additions.of(mlarray.read(path, **options).meta).bids


def sidecar(folder: Path, stem: str) -> tuple[Any, str, str]:
    texts = [(folder / f"{stem}.{one}").read_text("utf-8") for one in ("json", "bval", "bvec")]
    return json.loads(texts[0]), texts[1], texts[2]


@pytest.mark.parametrize("name", ["dwi.nii.gz", "dwi.nii", "dwi.img"])
def test_there_and_back(tmp_path: Path, name: str) -> None:
    source = described(tmp_path / "in", name)
    assert bids(source) == {**FIELDS, "bval": BVAL, "bvec": BVEC}
    done = mlarray.convert(source, tmp_path / "one.mla", strict=True)
    assert not done.warnings
    assert bids(tmp_path / "one.mla") == {**FIELDS, "bval": BVAL, "bvec": BVEC}
    mlarray.convert(tmp_path / "one.mla", tmp_path / "back.nii.gz", strict=True)
    assert sidecar(tmp_path, "back") == (FIELDS, "0 1000 1000.5\n", "0 1 0\n0 0 0.6\n0 0 0.8\n")
    assert bids(tmp_path / "back.nii.gz") == bids(source)


def test_fields_turn_with_the_image(tmp_path: Path) -> None:
    source = described(tmp_path / "in")
    mlarray.convert(source, tmp_path / "turned.nii", orient="RPI")
    fields, _, vectors = sidecar(tmp_path, "turned")
    assert fields["PhaseEncodingDirection"] == "j"
    assert fields["SliceTiming"] == FIELDS["SliceTiming"][::-1]
    assert vectors == "0 1 0\n0 0 -0.6\n0 0 -0.8\n"  # right-handed now: the first row is inverted twice
    mlarray.convert(tmp_path / "turned.nii", tmp_path / "back.nii", orient="LAS")
    assert sidecar(tmp_path, "back")[0] == FIELDS


def test_without(tmp_path: Path) -> None:
    source = described(tmp_path / "in")
    assert bids(source, options={"sidecar": False}) == {}
    mlarray.convert(source, tmp_path / "one.mla")
    done = mlarray.convert(tmp_path / "one.mla", tmp_path / "bare.nii", options={"sidecar": False})
    assert any("bids" in loss.what for loss in done.losses)
    assert not list(tmp_path.glob("bare.[!n]*"))
    mlarray.convert(image(tmp_path / "none"), tmp_path / "none.nii")
    assert not (tmp_path / "none.json").exists()


def test_files_that_are_there_are_kept(tmp_path: Path) -> None:
    source = described(tmp_path / "in")
    mlarray.convert(source, tmp_path / "one.mla")
    (tmp_path / "one.json").write_text("mine")
    with pytest.raises(ExistsError, match=r"one\.json"):
        mlarray.convert(tmp_path / "one.mla", tmp_path / "one.nii")
    assert (tmp_path / "one.json").read_text() == "mine"
    assert not (tmp_path / "one.nii").exists()
    mlarray.convert(tmp_path / "one.mla", tmp_path / "one.nii", overwrite=True)
    assert sidecar(tmp_path, "one")[0] == FIELDS


def test_anonymize(tmp_path: Path) -> None:
    source = described(tmp_path / "in")
    (tmp_path / "in" / "dwi.json").write_text(
        json.dumps({"EchoTime": 0.03, "PatientName": "Smith", "x": "Smith"})
    )
    mlarray.convert(source, tmp_path / "one.nii", anonymize=True)
    assert sidecar(tmp_path, "one")[0] == {"EchoTime": 0.03}


def test_a_batch_takes_them_along(tmp_path: Path) -> None:
    described(tmp_path / "in")
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out"), "--jobs", "1"]) == 0
    (made,) = (tmp_path / "out").rglob("*.mla")
    assert bids(made)["bval"] == BVAL


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        ("json", "{"),
        ("json", "[1]"),
        ("json", "[" * 100_000),
        ("json", "\udcff"),
        ("bval", ""),
        ("bval", "1 many"),
        ("bval", "1 nan"),
        ("bvec", "1 2 3\n4 5"),
        ("bvec", "1 2\n3 4"),
    ],
)
def test_damage_is_noted(tmp_path: Path, suffix: str, text: str) -> None:
    source = image(tmp_path / "in")
    (tmp_path / "in" / f"dwi.{suffix}").write_bytes(text.encode("utf-8", "surrogateescape"))
    done = mlarray.convert(source, tmp_path / "one.mla")
    assert any(f"dwi.{suffix} beside it is left out" in note for note in done.warnings)
    assert bids(tmp_path / "one.mla") == {}


def test_numbers_that_metadata_cannot_hold(tmp_path: Path) -> None:
    source = image(tmp_path / "in")
    (tmp_path / "in" / "dwi.json").write_text('{"a": NaN, "b": 1e999, "c": 123456789012345678901234567890}')
    mlarray.convert(source, tmp_path / "one.mla")
    assert bids(tmp_path / "one.mla") == {"a": None, "b": None, "c": 1.2345678901234568e29}


def test_directions_of_a_line_each(tmp_path: Path) -> None:
    source = image(tmp_path / "in")
    (tmp_path / "in" / "dwi.bvec").write_text("0 0 0\n1 0 0\n0 0.6 0.8\n0 0 1\n")
    assert bids(source)["bvec"] == [[0, 1, 0, 0], [0, 0, 0.6, 0], [0, 0, 0.8, 1]]


def dataset(folder: Path) -> Path:
    """Make a dataset with files at each level, and return its image."""
    name = "sub-01_task-rest_run-1_bold"
    inside = folder / "sub-01" / "func"
    inside.mkdir(parents=True)
    files = {
        "dataset_description.json": {"Name": "one"},
        "bold.json": {"Manufacturer": "all", "EchoTime": 1, "FlipAngle": 1},
        "task-rest_bold.json": {"EchoTime": 2, "TaskName": "rest"},
        "task-other_bold.json": {"TaskName": "other"},
        "task-rest_T1w.json": {"TaskName": "no"},
        "sub-01/sub-01_bold.json": {"EchoTime": 3},
        "sub-01/sub-02_bold.json": {"EchoTime": 4},
        f"sub-01/func/{name}.json": {"FlipAngle": 5},
    }
    for place, fields in files.items():
        (folder / place).write_text(json.dumps(fields))
    return image(inside, f"{name}.nii.gz")


def test_fields_are_inherited_in_a_dataset(tmp_path: Path) -> None:
    """BIDS, inheritance principle: a file's entities are some of the image's, and the nearest file wins."""
    source = dataset(tmp_path / "set")
    (tmp_path / "set" / "bold.json").unlink()
    assert bids(source) == {"EchoTime": 3, "TaskName": "rest", "FlipAngle": 5}
    (tmp_path / "set" / "dwi.bval").write_text("0 1000\n")
    weighted = image(tmp_path / "set" / "sub-01" / "func", "sub-01_dwi.nii.gz")
    assert bids(weighted) == {"bval": [0, 1000]}
    (tmp_path / "set" / "sub-01" / "func" / "sub-01_dwi.bval").write_text("0 500\n")
    assert bids(weighted) == {"bval": [0, 500]}
    (tmp_path / "set" / "dataset_description.json").unlink()
    assert bids(source) == {"FlipAngle": 5}


def test_two_files_of_one_folder_are_not_chosen_from(tmp_path: Path) -> None:
    """Both `bold.json` and `task-rest_bold.json` count: BIDS forbids that, and nothing is guessed."""
    source = dataset(tmp_path / "set")
    done = mlarray.convert(source, tmp_path / "one.mla")
    assert any("bold.json and task-rest_bold.json in set both count" in note for note in done.warnings)
    assert bids(tmp_path / "one.mla") == {}


def test_inherited_files_are_no_way_out(tmp_path: Path) -> None:
    """Damaged ones are named, links out of their folder too, and nothing above the dataset counts."""
    source = dataset(tmp_path / "set")
    (tmp_path / "bold.json").write_text('{"Secret": 1}')
    (tmp_path / "set" / "bold.json").unlink()
    (tmp_path / "set" / "task-rest_bold.json").write_text("{")
    (tmp_path / "set" / "sub-01" / "sub-01_bold.json").unlink()
    (tmp_path / "set" / "sub-01" / "sub-01_bold.json").symlink_to(tmp_path / "bold.json")
    done = mlarray.convert(source, tmp_path / "one.mla")
    assert any("task-rest_bold.json in set is left out" in note for note in done.warnings)
    assert any("sub-01_bold.json in sub-01 is left out" in note for note in done.warnings)
    assert bids(tmp_path / "one.mla") == {"FlipAngle": 5}
