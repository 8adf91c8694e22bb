"""What `--stats` notes in a `.mla` file."""

from __future__ import annotations

import numpy as np
import pytest

import mlarray
from mlarray import MLArray
from mlarray_io.commands.main import main


def test_conversions_note_them(scan, voxels, tmp_path):
    target = tmp_path / "a.mla"
    assert main(["convert", str(scan), str(target), "--stats"]) == 0
    stats = mlarray.info(target).stats
    assert (stats.min, stats.max, stats.mean) == (voxels.min(), voxels.max(), voxels.mean())
    assert stats.std == pytest.approx(voxels.std())
    assert main(["convert", str(scan), str(target), "-f", "--stats", "--foreground", "29.5"]) == 0
    assert mlarray.info(target).stats.min == 30
    assert main(["convert", str(scan), str(target), "-f"]) == 0
    assert mlarray.info(target).stats.min is None


def test_formats_without_room_for_them_refuse(scan, tmp_path):
    assert main(["convert", str(scan), str(tmp_path / "b.toy"), "--stats"]) == 2


@pytest.fixture
def labels(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    array = np.zeros((30, 40, 20), np.uint8)
    array[3:9, 10:20, 4:] = 2
    array[20:, 5, 7] = 5
    nibabel.save(nibabel.Nifti1Image(array, np.diag([1, 2, 3, 1])), tmp_path / "labels.nii.gz")
    return tmp_path / "labels.nii.gz", array.T


def test_classes_of_labels_are_found_while_they_are_converted(labels, tmp_path):
    source, array = labels
    assert main(["convert", str(source), str(tmp_path / "a.mla"), "--labels", "--stats"]) == 0
    found = MLArray.open(tmp_path / "a.mla").class_locations
    assert {value: one.count for value, one in found.items()} == {
        2: (array == 2).sum(),
        5: (array == 5).sum(),
    }
    assert found[2].box == ((4, 20), (10, 20), (3, 9))
    assert (array[tuple(found.points(5).T)] == 5).all()
    assert main(["convert", str(source), str(tmp_path / "b.mla"), "--labels"]) == 0
    assert MLArray.open(tmp_path / "b.mla").class_locations is None


def test_another_conversion_keeps_them_only_with_the_same_voxels(labels, tmp_path):
    source, _ = labels
    first = str(tmp_path / "a.mla")
    assert main(["convert", str(source), first, "--labels", "--stats"]) == 0
    assert main(["convert", first, str(tmp_path / "same.mla")]) == 0
    assert len(MLArray.open(tmp_path / "same.mla").class_locations) == 2
    assert main(["convert", first, str(tmp_path / "turned.mla"), "--orient", "LPS"]) == 0
    turned = MLArray.open(tmp_path / "turned.mla")
    assert turned.class_locations is None
    assert "classes" not in turned.meta.extra["mlarray"]


def test_labels_of_too_many_classes_are_converted_and_said_to_have_none(tmp_path, capsys):
    np.save(tmp_path / "cells.npy", np.arange(40 * 40, dtype=np.int32).reshape(40, 40))
    target = tmp_path / "cells.mla"
    assert main(["convert", str(tmp_path / "cells.npy"), str(target), "--labels", "--stats"]) == 0
    assert "1,024 classes" in " ".join(capsys.readouterr().err.split())
    assert MLArray.open(target).class_locations is None
