"""No marker of a header in which every attribute of the profile has one survives anywhere."""

import json
import re

import numpy as np
import pytest

import mlarray
from mlarray_dicom.header.source import datasets
from mlarray_io.commands.main import main
from tests.dicom.contours.drawn import circle, series, structure_set
from tests.dicom.privacy.marked import Marked, decoded, left
from tests.dicom.write.objects import written
from tests.dicom.write.test_segments import label_map, labelled

EVERYTHING = ("nii", "nrrd", "ome.tif", "ome.zarr", "dcm", "dcms")


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    made = Marked()
    made.folder = made.series(tmp_path_factory.mktemp("marked") / "MARKER9999")
    made.markers["folder"] = "MARKER9999"
    return made


def _files(folder):
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def test_the_markers_are_there_without_anonymize(marked, tmp_path):
    mlarray.convert(marked.folder, tmp_path / "plain.mla")
    found = left(marked, decoded(mlarray.info(tmp_path / "plain.mla").to_plain()))
    assert len(found) > 0.98 * len(marked.markers)
    assert len(found) > 2000


def test_no_marker_survives_in_metadata_json_or_bytes(marked, tmp_path, capsys):
    target = tmp_path / "image.mla"
    assert main(["convert", str(marked.folder), str(target), "--anonymize", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["title"], told["identifying"]) == ("", [])
    assert not left(marked, decoded(told | {"source": ""}))
    meta = mlarray.info(target)
    assert not left(marked, decoded(meta.to_plain()), target.read_bytes())
    assert main(["info", str(target), "--json"]) == 0
    assert not left(marked, capsys.readouterr().out)
    for one in datasets(meta.source):
        assert not left(marked, one.to_json())
    np.testing.assert_array_equal(mlarray.read(target)[:, 0, 0], [0, 1])


@pytest.mark.parametrize("suffix", EVERYTHING)
def test_no_marker_survives_in_any_format(marked, tmp_path, suffix):
    target = tmp_path / f"image.{suffix}"
    mlarray.convert(marked.folder, target, anonymize=True)
    files = _files(target) if target.is_dir() else [target]
    assert not left(marked, *(path.read_bytes() for path in files))
    assert not left(marked, decoded(mlarray.info(target).to_plain()))


def test_no_marker_survives_a_second_conversion_or_levels(marked, tmp_path):
    mlarray.convert(marked.folder, tmp_path / "named.mla", levels=1, patch_size=2)
    mlarray.convert(tmp_path / "named.mla", tmp_path / "image.mla", anonymize=True, levels="source")
    with mlarray.MLArray.open(tmp_path / "image.mla") as image:
        assert not left(marked, decoded(image.meta.to_plain()))
        for level in image.levels:
            assert not left(marked, decoded(level.meta.to_plain()))
    assert not left(marked, (tmp_path / "image.mla").read_bytes())


@pytest.mark.parametrize("name", [None, "{PatientID}/{StudyDate}_{SeriesDescription}_{Modality}"])
def test_no_marker_survives_in_names_journal_table_or_pictures(marked, tmp_path, name, capsys):
    arguments = ["convert", str(marked.folder.parent), str(tmp_path / "out"), "--anonymize", "--jobs", "1"]
    assert main([*arguments, *([] if name is None else ["--name", name])]) == 0
    said = capsys.readouterr()
    assert not left(marked, said.err.replace(str(marked.folder), ""), said.out)
    paths = _files(tmp_path / "out")
    assert any(path.suffix == ".mla" for path in paths)
    assert any(path.name == "journal.jsonl" for path in paths)
    assert any(path.name == "images.csv" for path in paths)
    assert not left(marked, *(str(path.relative_to(tmp_path)) for path in paths))
    assert not left(marked, *(path.read_bytes() for path in paths))
    assert main(["scan", str(tmp_path / "out"), "-o", str(tmp_path / "report.html")]) == 0
    assert not left(marked, (tmp_path / "report.html").read_bytes(), capsys.readouterr().out)


def test_a_run_with_the_same_key_goes_on_and_another_is_refused(marked, tmp_path, capsys):
    key = ["--key", str(tmp_path / "key")]
    arguments = ["convert", str(marked.folder.parent), str(tmp_path / "out"), "--anonymize", "--jobs", "1"]
    assert main([*arguments, *key]) == 0
    before = [path.stat().st_mtime_ns for path in _files(tmp_path / "out") if path.suffix == ".mla"]
    capsys.readouterr()
    assert main([*arguments, *key]) == 0
    assert re.search(r"skipped\s+1", capsys.readouterr().out)
    assert before == [path.stat().st_mtime_ns for path in _files(tmp_path / "out") if path.suffix == ".mla"]
    assert main(arguments) == 2
    assert "another secret" in capsys.readouterr().err


def test_every_marker_can_be_kept_or_is_named(marked, capsys):
    assert main(["privacy", str(marked.folder), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert len(told["identifying"]) > 600
    assert {"PatientName", "StudyDate", "SOPInstanceUID", "(0009,1001)"} <= set(told["identifying"])
    assert not left(marked, decoded(told | {"file": ""}))


@pytest.mark.parametrize("kind", ["frames", "segments", "structures"])
def test_no_marker_survives_in_other_objects(tmp_path, kind, capsys):
    """Functional groups, a protocol, what stands around a data set; segments; structures: in every target."""
    made = Marked()
    folder = tmp_path / "MARKER8888"
    folder.mkdir()
    made.markers["folder"] = "MARKER8888"
    if kind == "frames":
        source = made.multiframe(folder / "image.dcm")
    elif kind == "segments":
        pytest.importorskip("highdicom")
        written(labelled(label_map()), folder / "seg.dcm")
        source = folder / "seg.dcm"
        made.put_into(source, "SegmentSequence", "PerFrameFunctionalGroupsSequence")
    else:
        series(folder / "ct", (4, 32, 32))
        source = structure_set(folder / "set.dcm", {"MARKER7777": [circle(5)]})
        made.put_into(source, "StructureSetROISequence", "RTROIObservationsSequence", "ROIContourSequence")
        made.markers["structure"] = "MARKER7777"
    assert len(made.markers) > 1000
    for suffix in ("mla", "nii.gz", "nrrd", "dcm"):
        target = tmp_path / "out" / f"image.{suffix}"
        target.parent.mkdir(exist_ok=True)
        assert main(["convert", str(source), str(target), "--anonymize", "--json"]) == 0
        said = capsys.readouterr()
        assert not left(made, said.out.replace(str(folder), ""), said.err.replace(str(folder), ""))
        assert not left(made, decoded(mlarray.info(target).to_plain()))
    assert not left(made, *(path.read_bytes() for path in _files(tmp_path / "out")))


def test_names_of_structures_go_with_the_profile(tmp_path):
    series(tmp_path / "ct", (4, 32, 32))
    drawn = structure_set(tmp_path / "set.dcm", {"MARKER1234": [circle(5)]})
    assert [label.name for label in mlarray.read(drawn).meta.labels] == ["MARKER1234"]
    assert [label.name for label in mlarray.read(drawn, anonymize=True).meta.labels] == ["label 1"]
    mlarray.convert(drawn, tmp_path / "set.mla", anonymize=True)
    assert b"MARKER1234" not in (tmp_path / "set.mla").read_bytes()
    kept = mlarray.read(drawn, anonymize={"clean": ["descriptors"]}).meta.labels
    assert [label.name for label in kept] == ["label 1"]
