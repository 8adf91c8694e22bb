"""Label tables beside images: written for other programs, given by the user, and of nnU-Net's data sets."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray import Meta, MLArray
from mlarray_core import errors
from mlarray_core.meta import Label
from mlarray_io.commands.main import main
from mlarray_io.sdk import read_label_table

sys.path.insert(0, str(Path(__file__).parents[2]))
from batches import convert, files

nibabel = pytest.importorskip("nibabel")

TABLE = [
    Label(1, "Left lung (upper)", "#ff8000"),
    Label(2, 'the "tumour"', "#00ff0080", others={"mesh": False}),
    Label(7, ""),
]
CODE = {"scheme": "SCT", "value": "10200004", "meaning": "Liver"}


def label_map(path, labels=TABLE):
    voxels = np.zeros((4, 5, 6), "u1")
    voxels[1, 1:3], voxels[2, 2:4], voxels[3, 0, 0] = 1, 2, 7
    image = MLArray(voxels, spacing=(1, 1, 1), meta=Meta(is_seg=True))
    image.meta.labels = labels
    image.save(path)
    return path


def test_itk_snap(tmp_path):
    """Each line as ITK-SNAP reads it: seven numbers and a name in quotes (ColorLabelTable.cxx)."""
    label_map(tmp_path / "a.mla")
    done = mlarray.convert(
        tmp_path / "a.mla", tmp_path / "a.nii.gz", write_label_table="itksnap", strict=True
    )
    assert done.losses == ()
    lines = (tmp_path / "a.label").read_text(encoding="utf-8").splitlines()
    rows = [line.split(maxsplit=7) for line in lines if not line.startswith("#")]
    assert [row[:4] + row[5:7] for row in rows] == [
        ["0", "0", "0", "0", "0", "0"],
        ["1", "255", "128", "0", "1", "1"],
        ["2", "0", "255", "0", "1", "0"],
        ["7", "128", "128", "128", "1", "1"],
    ]
    assert [float(row[4]) for row in rows] == [0, 1, 0.502, 1]
    assert [row[7] for row in rows] == [
        '"Clear Label"',
        '"Left lung (upper)"',
        "\"the 'tumour'\"",
        '"Label 7"',
    ]
    again = read_label_table(tmp_path / "a.label")
    assert again[1] == TABLE[0]
    assert (again[2].color, dict(again[2].others)) == (TABLE[1].color, dict(TABLE[1].others))


def test_freesurfer(tmp_path):
    """Six columns without blanks in them (FreeSurfer, "LabelsClutsAnnotationFiles")."""
    labels = [Label(17, "Left Hippocampus", "#dcd814"), Label(1000, "ctx-lh-unknown", "#190519")]
    label_map(tmp_path / "a.mla", labels)
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.nii", write_label_table="freesurfer", strict=True)
    lines = (tmp_path / "b_LUT.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("#No.")
    assert [line.split() for line in lines[1:]] == [
        ["0", "Unknown", "0", "0", "0", "0"],
        ["17", "Left_Hippocampus", "220", "216", "20", "0"],
        ["1000", "ctx-lh-unknown", "25", "5", "25", "0"],
    ]


def test_what_a_table_has_no_place_for_is_a_loss(tmp_path):
    labels = [{"value": 1, "name": "liver", "code": CODE, "odd": 1}, {"value": -1}, {"value": 70_000}]
    label_map(tmp_path / "a.mla", labels)
    done = mlarray.convert(tmp_path / "a.mla", tmp_path / "a.nii", write_label_table="itksnap")
    assert [loss.what for loss in done.losses] == [
        "2 entries of the label table", "the codes of 1 label", "of labels: odd"
    ]  # fmt: skip
    with pytest.raises(errors.LossError, match="codes of 1 label"):
        mlarray.convert(tmp_path / "a.mla", tmp_path / "b.nii", write_label_table="freesurfer", strict=True)
    assert files(tmp_path) == ["a.label", "a.mla", "a.nii"]


def test_nothing_is_put_beside_a_target_unasked_and_the_loss_names_the_option(tmp_path, capsys):
    label_map(tmp_path / "a.mla")
    assert main(["convert", str(tmp_path / "a.mla"), str(tmp_path / "a.nii.gz")]) == 0
    assert "--write-label-table" in capsys.readouterr().err
    assert files(tmp_path) == ["a.mla", "a.nii.gz"]
    command = ["convert", str(tmp_path / "a.mla"), str(tmp_path / "b.nii.gz"), "--write-label-table"]
    assert main([*command, "slicer"]) == 2
    (tmp_path / "b.label").write_text("mine")
    assert main([*command, "itksnap"]) == 1
    assert (tmp_path / "b.label").read_text() == "mine"
    assert not (tmp_path / "b.nii.gz").exists()
    assert main([*command, "itksnap", "--force"]) == 0
    assert len(read_label_table(tmp_path / "b.label")) == 4


def test_a_table_of_the_user(tmp_path, capfd):
    """Of all sources, or of those that a pattern calls labels."""
    (tmp_path / "lut.txt").write_text("0 background 0 0 0 0\n3 vessel 255 0 0 0\n")
    for folder in ("in/imagesTr", "in/labelsTr"):
        (tmp_path / folder).mkdir(parents=True)
        voxels = np.arange(60).reshape(3, 4, 5) % 4
        nibabel.save(nibabel.Nifti1Image(voxels.astype("u1"), np.eye(4)), tmp_path / folder / "a.nii.gz")
    table = ("--label-table", tmp_path / "lut.txt")
    marked = (*table, "--label-pattern", "labelsTr/*")
    assert convert(capfd, tmp_path / "in", tmp_path / "out", "-j", "1", *marked)[0] == 0
    label, image = (MLArray(tmp_path / f"out/{name}/a.mla").meta for name in ("labelsTr", "imagesTr"))
    assert (label.is_seg.value, [one.name for one in label.labels]) == (True, ["background", "vessel"])
    assert (image.is_seg.value, image.labels) == (None, ())
    one = tmp_path / "in/imagesTr/a.nii.gz"
    done = mlarray.convert(one, tmp_path / "b.mla", label_table=tmp_path / "lut.txt")
    assert done.losses == ()
    assert MLArray(tmp_path / "b.mla").meta.labels[1] == Label(3, "vessel", "#ff0000")
    assert main(["convert", str(one), str(tmp_path / "c.mla"), *map(str, table), "--no-labels"]) == 2
    assert main(["convert", str(one), str(tmp_path / "c.mla"), "--label-table", str(one)]) == 1


@pytest.fixture
def dataset(tmp_path):
    """A data set of nnU-Net v2: two channels of a case, its labels, and what dataset_format.md asks for."""
    root = tmp_path / "Dataset001_Liver"
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(parents=True)
    noise = np.random.default_rng(0)
    for name in ("a_0000", "a_0001"):
        image = nibabel.Nifti1Image(noise.integers(0, 999, (6, 7, 8)).astype("i2"), np.eye(4))
        nibabel.save(image, root / f"imagesTr/{name}.nii.gz")
    voxels = noise.integers(0, 3, (6, 7, 8)).astype("u1")
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), root / "labelsTr/a.nii.gz")
    content = {
        "channel_names": {"0": "CT", "1": "PET"},
        "labels": {"background": 0, "liver": 1, "cancer": 2},
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }
    (root / "dataset.json").write_text(json.dumps(content))
    return root


def test_a_dataset_json_names_labels_and_channels(dataset, tmp_path, capfd):
    assert main(["convert", str(dataset), str(tmp_path / "out"), "--levels", "1", "--stats", "-j", "1"]) == 0
    err = capfd.readouterr().err
    assert err.count(f"the voxels are labels, called as {dataset}/dataset.json says") == 1
    assert "taken for labels" not in err
    image = MLArray.open(tmp_path / "out/labelsTr/a.mla")
    assert image.meta.is_seg.value is True
    names = [(0, "background"), (1, "liver"), (2, "cancer")]
    assert [(one.value, one.name) for one in image.meta.labels] == names
    assert image.levels[0].meta.is_seg.value is True
    channels = [
        mlarray.info(tmp_path / f"out/imagesTr/a_000{number}.mla").extra["mlarray"]["channels"]
        for number in (0, 1)
    ]
    assert channels == [[{"name": "CT"}], [{"name": "PET"}]]
    assert main(["info", str(dataset / "labelsTr/a.nii.gz")]) == 0
    assert "1 liver" in capfd.readouterr().out
    assert main(["scan", str(dataset), "--json", "-j", "1"]) == 0
    rows = {Path(row["source"]).name: row for row in json.loads(capfd.readouterr().out) if row["shape"]}
    assert rows["a.nii.gz"]["label_names"] == {"0": "background", "1": "liver", "2": "cancer"}
    assert rows["a_0000.nii.gz"]["label_names"] is None
    assert main(["scan", str(dataset), "-j", "1"]) == 0
    assert "liver, cancer" in capfd.readouterr().out


def test_what_a_dataset_json_leaves_alone(dataset, tmp_path):
    """A table of the image's own, files elsewhere, and other files that are called so."""
    label_map(dataset / "labelsTr/own.mla")
    mlarray.convert(dataset / "labelsTr/own.mla", tmp_path / "own.mla")
    assert MLArray(tmp_path / "own.mla").meta.labels[0].name == "Left lung (upper)"
    (dataset / "labelsTr/a.nii.gz").rename(dataset / "a.nii.gz")
    assert mlarray.info(dataset / "a.nii.gz").labels == ()
    many = json.dumps({"channel_names": {}, "labels": {f"part {n}": n for n in range(20_000)}})
    for content in (many, '{"name": "BIDS"}', "[1]", '{"channel_names": {}, "labels": [1]}', "{" * 9999):
        (dataset / "dataset.json").write_text(content)
        (dataset / "a.nii.gz").rename(dataset / "labelsTr/a.nii.gz")
        done = mlarray.convert(dataset / "labelsTr/a.nii.gz", tmp_path / "a.mla", overwrite=True)
        assert MLArray(tmp_path / "a.mla").meta.is_seg.value is None
        assert [note.split(": ")[0] for note in done.warnings] == (
            [] if content.startswith(("[", '{"name')) else [f"{dataset}/dataset.json names no labels"]
        )
        (dataset / "labelsTr/a.nii.gz").rename(dataset / "a.nii.gz")
