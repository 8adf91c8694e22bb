"""What napari's plugin engine finds: the manifest is valid, its commands are there, and files open by it."""

from fnmatch import fnmatch
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray import MLArray
from mlarray.napari.reader import get_any_reader, get_reader
from mlarray.napari.sample import head
from tests.consumers import volumes

MANIFEST = Path(mlarray.__file__).with_name("napari") / "napari.yaml"


def lines(key):
    """Return the values of a key of the manifest, line by line: this test needs no parser."""
    text = MANIFEST.read_text(encoding="utf-8").splitlines()
    return [line.split(f"{key}: ")[1] for line in text if f"{key}: " in line]


def test_the_entry_point_leads_to_the_manifest():
    points = [one for one in distribution("mlarray").entry_points if one.group == "napari.manifest"]
    assert [(one.name, one.value) for one in points] == [("mlarray", "mlarray.napari:napari.yaml")]
    assert MANIFEST.exists()


def test_every_command_is_a_function():
    commands = {*lines("command"), *lines("id")}
    assert len(commands) == len(lines("python_name")) == 6
    for name in lines("python_name"):
        module, function = name.split(":")
        assert callable(getattr(import_module(module), function))


def test_every_pattern_is_a_suffix_that_is_read():
    known = {suffix for one in mlarray.formats() for suffix in one.suffixes}
    for line in lines("filename_patterns"):
        for pattern in line.strip("[]").replace("'", "").split(", "):
            assert pattern.removeprefix("*") in known, pattern


def test_npe2_accepts_the_manifest_and_opens_files_by_it(tmp_path):
    npe2 = pytest.importorskip("npe2", reason="npe2 isn't installed: pip install npe2")
    manifest = npe2.PluginManifest.from_file(MANIFEST)
    manifest.validate_imports()
    manager = npe2.PluginManager()
    manager.register(manifest)
    pair = volumes.pair("oblique", tmp_path)
    capital = pair.mla.with_name("SCAN.MLA")
    pair.mla.rename(capital)
    for path, command in ((capital, "mlarray.read"), (pair.nifti, "mlarray.read_any")):
        (reader,) = manager.iter_compatible_readers([str(path)])
        assert reader.command == command
    (sample,) = manifest.contributions.sample_data
    assert sample.key == "head"
    assert {one.layer_types[0] for one in manifest.contributions.writers} == {"image", "labels"}
    assert all(fnmatch("x.mla", f"*{one.filename_extensions[0]}") for one in manifest.contributions.writers)


def test_the_reader_says_what_it_opens(tmp_path):
    assert get_reader("scan.nii.gz") is None
    assert get_reader(["a.mla", "b.txt"]) is None
    assert get_any_reader(str(tmp_path / "missing.nii")) is None
    pair = volumes.pair("oblique", tmp_path)
    ours = get_reader([str(pair.mla), str(pair.mla)])([str(pair.mla), str(pair.mla)])
    (theirs,) = get_any_reader(str(pair.nifti))(str(pair.nifti))
    assert [one[1]["name"] for one in (*ours, theirs)] == ["oblique"] * 3
    np.testing.assert_array_equal(ours[0][0], theirs[0])
    np.testing.assert_array_equal(ours[0][1]["affine"], theirs[1]["affine"])


def test_a_damaged_file_names_itself(tmp_path):
    (tmp_path / "bad.mla").write_bytes(b"no frame")
    with pytest.raises(mlarray.errors.MLArrayError, match=r"bad\.mla"):
        get_reader(str(tmp_path / "bad.mla"))(str(tmp_path / "bad.mla"))


def test_the_sample_has_an_image_a_box_and_labels_in_one_place():
    image, boxes, labels = head()
    assert [one[2] for one in (image, boxes, labels)] == ["image", "shapes", "labels"]
    np.testing.assert_array_equal(image[1]["affine"], labels[1]["affine"])
    values = np.asarray(labels[0])
    lesion = np.argwhere(values == 5)
    corners = np.concatenate(boxes[0])
    assert (lesion.min(axis=0)[1:] - 0.5 >= corners.min(axis=0)[1:]).all()
    assert (lesion.max(axis=0)[1:] + 0.5 <= corners.max(axis=0)[1:]).all()
    assert {*np.unique(values)} == {0, *labels[1]["features"]["index"]}
    assert MLArray is type(image[0].image)
