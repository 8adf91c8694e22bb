"""Nothing is left out of a batch without a word: in text, JSON, journal, dry run and scan."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_io.commands.main import main

sys.path.insert(0, str(Path(__file__).parents[1]))
from batches import convert, files, left_out, states

nibabel = pytest.importorskip("nibabel")
pydicom = pytest.importorskip("pydicom")
imagecodecs = pytest.importorskip("imagecodecs")
HERE = pytest.mark.usefixtures("here")


def write_slice(path, series, number, **more):
    """Write one CT slice with pydicom, 8 x 10 pixels of 16 bits, 2 mm apart."""
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"1.2.{series}.{number + 1}"
    data = pydicom.Dataset()
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID, data.SeriesInstanceUID, data.Modality = "1.2", f"1.2.{series}", "CT"
    data.PatientID, data.SeriesNumber, data.SeriesDescription = "P-1", series, f"Series {series}"
    data.Rows, data.Columns, data.PixelSpacing = 8, 10, [1, 1]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
    data.ImageOrientationPatient, data.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, number * 2]
    data.PixelData = np.full((8, 10), series * 10 + number, "<i2").tobytes()
    for name, value in more.items():
        setattr(data, name, value)
    data.file_meta = meta
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """150 NIfTI, a PNG, a README, a dataset.json, a PDF, three DICOM series, one cut in each slice."""
    root = tmp_path_factory.mktemp("mixed") / "in"
    root.mkdir()
    whole = nibabel.Nifti1Image(np.arange(24, dtype="i2").reshape(2, 3, 4), np.eye(4)).to_bytes()
    for i in range(150):
        (root / f"case_{i:03}.nii").write_bytes(whole)
    (root / "photo.png").write_bytes(imagecodecs.png_encode(np.zeros((4, 5), "u1")))
    (root / "README").write_text("read me")
    (root / "dataset.json").write_text('{"name": "mixed"}')
    (root / "protocol.pdf").write_bytes(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    for series in (1, 2, 3):
        for number in range(4):
            path = root / f"z_dicom/IM{series}{number}"
            write_slice(path, series, number)
            if series == 3:
                path.write_bytes(path.read_bytes()[:-100])
    return root


CUT = [f"z_dicom/IM3{number}" for number in range(4)]
OTHERS = ["README", "dataset.json", "protocol.pdf"]


def test_a_mixed_folder_gives_every_whole_image(mixed, tmp_path, capfd):
    out = tmp_path / "out"
    code, lines = convert(capfd, mixed, out, "--jobs", "2")
    assert code == 1
    assert states(lines)["converted"] == 150 + 1 + 2
    named = {os.path.relpath(line["source"], mixed): line for line in lines if line["state"] == "left out"}
    assert sorted(named) == sorted([*CUT, *OTHERS])
    assert all(named[name]["lost"] for name in CUT)
    assert all("cut short: 60 of 160 bytes" in named[name]["reason"] for name in CUT)
    assert not any(named[name]["lost"] for name in OTHERS)
    assert named["protocol.pdf"]["reason"] == "is a document, which holds no image"
    assert sum(name.startswith("case_") for name in files(out)) == 150
    volumes = [mlarray.MLArray(out / name).to_numpy() for name in files(out) if name.startswith("z_dicom/")]
    assert sorted(int(volume[1, 0, 0]) for volume in volumes) == [11, 21]

    journal = [json.loads(line) for line in (out / ".mlarray/journal.jsonl").read_text().splitlines()]
    noted = [line["path"] for line in journal if line["state"] == "left out"]
    noted += [one["path"] for line in journal for one in line.get("left_out", ())]
    assert sorted(os.path.relpath(name, mixed) for name in noted) == sorted([*CUT, *OTHERS])

    planned = convert(capfd, mixed, tmp_path / "none", "--dry-run")
    assert planned[0] == 1
    assert sum(line["state"] == "planned" for line in planned[1]) == 153
    assert left_out(planned[1]) == left_out(lines)

    code = main(["scan", str(mixed), "--json"])
    rows = json.loads(capfd.readouterr().out)
    assert code == 1
    assert sum(row["shape"] is not None for row in rows) == 153
    seen = [(row["source"], row["error"] or row["left_out"]) for row in rows if row["shape"] is None]
    assert sorted(seen) == left_out(lines)
    assert {row["description"] for row in rows if row["modality"] == "CT"} == {"Series 1", "Series 2"}

    main(["scan", str(mixed), "-o", str(tmp_path / "r.html"), "--jobs", "2"])
    err = capfd.readouterr().err
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    for name in (*CUT, *OTHERS):
        assert err.count(f"{mixed}/{name}: ") == 1
        assert f"<td>{name}</td>" in text


@HERE
def test_the_text_names_each_file_once(mixed, tmp_path, capfd):
    assert main(["convert", str(mixed), str(tmp_path / "out"), "--jobs", "2"]) == 1
    out, err = capfd.readouterr()
    for name in CUT:
        assert err.count(f"failed: {mixed}/{name}: ") == 1
    for name in OTHERS:
        assert err.count(f"left out: {mixed}/{name}: ") == 1
    assert f"left out, as no image is in them: {len(OTHERS)}" in out
    assert [line.split()[1] for line in out.splitlines() if line.split()[:1] == ["failed"]] == ["4"]


@HERE
def test_files_of_other_formats_in_a_folder_of_dicom(tmp_path, capfd):
    source = tmp_path / "in"
    for number in range(3):
        write_slice(source / f"{number}.img", 1, number)  # as Agfa's archive calls them
    np.save(source / "mask.npy", np.zeros((3, 4), "u1"))
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 3, 4), "i2"), np.eye(4)), source / "x.nii")
    os.rename(source / "x.nii", source / "without_suffix")
    code, lines = convert(capfd, source, tmp_path / "out")
    assert (code, left_out(lines)) == (0, [])
    shapes = sorted(tuple(line["shape"]) for line in lines if line["state"] == "converted")
    assert shapes == [(3, 4), (3, 8, 10), (4, 3, 2)]


@HERE
def test_a_cd_is_converted_once(tmp_path, capfd):
    """A DICOMDIR (PS3.10, 8.6) only lists the files in the folders beside it."""
    from pydicom.fileset import FileSet

    source = tmp_path / "in"
    needed = {"StudyDate": "20200101", "StudyTime": "120000", "StudyID": "1", "PatientName": "A^B"}
    for number in range(4):
        write_slice(tmp_path / f"slices/{number}", 1, number, InstanceNumber=number + 1, **needed)
    disc = FileSet()
    for path in sorted((tmp_path / "slices").iterdir()):
        disc.add(path)
    disc.write(source)
    code, lines = convert(capfd, source, tmp_path / "out")
    assert (code, states(lines)["converted"]) == (0, 1)
    assert left_out(lines) == [(str(source / "DICOMDIR"), "it only lists other files")]


@HERE
def test_a_folder_of_reports_is_left_out_beside_images(tmp_path, capfd):
    from pydicom.uid import BasicTextSRStorage

    source = tmp_path / "in"
    for number in range(2):
        write_slice(source / f"images/{number}", 1, number)
    write_slice(source / "reports/0", 2, 0, SOPClassUID=BasicTextSRStorage)
    report = pydicom.dcmread(source / "reports/0")
    for name in ("PixelData", "Rows", "Columns"):
        delattr(report, name)
    report.save_as(source / "reports/0")
    code, lines = convert(capfd, source, tmp_path / "out")
    assert (code, states(lines)) == (0, {"converted": 1, "skipped": 0, "failed": 0})
    assert left_out(lines) == [(str(source / "reports/0"), "no image in it: Basic Text SR")]
    assert main(["scan", str(source)]) == 0
    capfd.readouterr()
    shutil.rmtree(source / "images")
    assert convert(capfd, source, tmp_path / "none")[0] == 1  # there is no image at all
    assert not (tmp_path / "none").exists()


@HERE
def test_sets_of_ome_tiff_are_one_image(tmp_path, capfd):
    tifffile = pytest.importorskip("tifffile")
    source = tmp_path / "in"
    source.mkdir()
    names = [f"z{number}.ome.tif" for number in range(3)]
    blocks = "".join(
        f'<TiffData FirstZ="{number}" IFD="0"><UUID FileName="{name}">urn:uuid:{number:032x}</UUID>'
        "</TiffData>"
        for number, name in enumerate(names)
    )
    for number, name in enumerate(names):
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:{number:032x}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
            'Type="uint8" SizeX="5" SizeY="4" SizeZ="3" SizeC="1" SizeT="1"><Channel ID="Channel:0:0" '
            f'SamplesPerPixel="1"/>{blocks}</Pixels></Image></OME>'
        )
        plane = np.full((4, 5), number, "u1")
        tifffile.imwrite(source / name, plane, description=xml, metadata=None)
    tifffile.imwrite(source / "alone.tif", np.zeros((4, 5), "u1"))
    code, lines = convert(capfd, source, tmp_path / "out")
    assert (code, files(tmp_path / "out")) == (0, ["alone.mla", "z0.mla"])
    np.testing.assert_array_equal(mlarray.MLArray(tmp_path / "out/z0.mla")[:, 0, 0], [0, 1, 2])
    assert left_out(lines) == []


@pytest.mark.skipif(os.name == "nt", reason="links, pipes and permissions of POSIX")
def test_what_cant_be_read_is_a_failure_and_stops_nothing(tmp_path, capfd, monkeypatch):
    source = tmp_path / "in"
    (source / "closed").mkdir(parents=True)
    np.save(source / "a.npy", np.zeros((3, 4)))
    np.save(source / "secret.npy", np.zeros((3, 4)))
    (source / "damaged.npy").write_bytes(b"\0" * 100)
    (source / "empty.nii").touch()
    os.symlink(source / "nowhere", source / "annexed.nii.gz")
    os.symlink(tmp_path, source / "elsewhere")
    os.mkfifo(source / "pipe.nii")
    refuse(monkeypatch, source / "closed", source / "secret.npy")
    code, lines = convert(capfd, source, tmp_path / "out")
    assert (code, files(tmp_path / "out")) == (1, ["a.mla"])
    lost = {os.path.basename(line["source"]): line for line in lines if line["state"] == "left out"}
    names = {"closed", "secret.npy", "damaged.npy", "annexed.nii.gz"}
    assert {name for name, line in lost.items() if line["lost"]} == names
    assert [line["source"][-9:] for line in lines if line["state"] == "failed"] == ["empty.nii"]
    assert lost["pipe.nii"]["reason"] == "neither a file nor a folder"
    assert "Permission denied" in lost["closed"]["reason"]
    assert "Permission denied" in lost["secret.npy"]["reason"]
    assert lost["elsewhere"]["reason"] == "a link to a folder"
    assert lost["annexed.nii.gz"]["reason"] == "a link that leads nowhere"


def refuse(monkeypatch, *paths):
    """Have the operating system refuse these, also to the superuser, who may read everything."""
    refused = set(map(str, paths))

    def wrap(module, name):
        plain = getattr(module, name)

        def call(path, *more, **named):
            if str(path) in refused:
                raise PermissionError(13, "Permission denied", str(path))
            return plain(path, *more, **named)

        monkeypatch.setattr(module, name, call)

    wrap(os, "scandir")
    plain = Path.open

    def opened(self, *more, **named):
        if str(self) in refused:
            raise PermissionError(13, "Permission denied", str(self))
        return plain(self, *more, **named)

    monkeypatch.setattr(Path, "open", opened)


def test_what_vanishes_stops_nothing(tmp_path, capfd, monkeypatch):
    from mlarray_io.search import folders

    source = tmp_path / "in"
    source.mkdir()
    for name in ("a", "b"):
        np.save(source / f"{name}.npy", np.zeros((3, 4)))
    plain = folders.claim_of

    def claim_of(path, *more):
        found = plain(path, *more)
        if path.endswith("b.npy"):
            os.unlink(path)
        return found

    monkeypatch.setattr(folders, "claim_of", claim_of)
    code, lines = convert(capfd, source, tmp_path / "out")
    assert (code, states(lines)["converted"]) == (1, 1)
    assert left_out(lines) == [(str(source / "b.npy"), "can't be read: No such file or directory")]


@HERE
def test_a_missing_library_is_said_once(tmp_path, capfd, monkeypatch, install):
    monkeypatch.setenv("MLARRAY_PLUGINS", "needy")
    install(
        needy="""
from mlarray_io import Confidence, Format, hookimpl
class Needy(Format):
    name, suffixes, requires, install = "needy", (".needy",), ("no_such_library",), "mlarray[needy]"
    def open(self, source, image, options, context):
        raise AssertionError
@hookimpl
def mlarray_formats():
    return [Needy()]
"""
    )
    (tmp_path / "in").mkdir()
    for number in range(5):
        (tmp_path / f"in/{number}.needy").write_text("x")
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out"), "--jobs", "1"]) == 1
    err = capfd.readouterr().err
    assert err.count("pip install 'mlarray[needy]'") == 2  # of the first, and counted for the others
    assert "failed: 4 more images: the format needy needs no_such_library" in err


@HERE
def test_one_conversion_and_a_batch_have_the_same_keys(tmp_path, capfd):
    np.save(tmp_path / "a.npy", np.zeros((3, 4)))
    _, (line,) = convert(capfd, tmp_path / "a.npy", tmp_path / "out/", "--jobs", "1")
    main(["convert", str(tmp_path / "a.npy"), str(tmp_path / "a.mla"), "--json"])
    one = json.loads(capfd.readouterr().out)
    assert one.keys() == line.keys()
    differing = {name for name in one if one[name] != line[name]} - {"seconds"}
    assert differing == {"target"}
    assert line["target"] == str(tmp_path / "out/a.mla")


@HERE
def test_names_by_headers_and_a_table_of_them(tmp_path, capfd):
    source = tmp_path / "in"
    for series in (1, 2):
        for number in range(2):
            write_slice(
                source / f"p/IM{series}{number}", series, number, SeriesDescription=f"Head/../{series}"
            )
    write_slice(source / "p/IM30", 3, 0, SeriesDescription="")
    template = "{PatientID}_{SeriesNumber}_{SeriesDescription}"
    code, lines = convert(capfd, source, tmp_path / "out", "--name", template)
    assert code == 0
    names = ["p/P-1_1_Head_.._1.mla", "p/P-1_2_Head_.._2.mla", "p/P-1_3_unknown.mla"]
    assert files(tmp_path / "out") == names
    (note,) = {text for line in lines for text in line["warnings"] if "name" in text}
    assert note == "has no SeriesDescription, which its name should have: it says 'unknown'"
    import csv

    table = list(csv.DictReader((tmp_path / "out/.mlarray/images.csv").read_text().splitlines()))
    assert [row["target"] for row in sorted(table, key=lambda row: row["target"])] == names
    assert {row["series"] for row in table} == {"1", "2", "3"}
    assert {row["source"] for row in table} == {str(source / "p")}
    assert main(["convert", str(source), str(tmp_path / "x"), "--name", "{PatientID"]) == 2
    folders = ("--name", "{Modality}/{SeriesNumber}", "--all")
    assert convert(capfd, source, tmp_path / "again", *folders)[0] == 0
    assert files(tmp_path / "again") == [f"p/CT/{series}.mla" for series in (1, 2, 3)]


@HERE
def test_the_layout_is_the_same_with_all(tmp_path, capfd):
    source = tmp_path / "in"
    for series in (1, 2):
        for number in range(2):
            write_slice(source / f"p{series}/s/IM{number}", series, number)
    np.save(source / "p1/mask.npy", np.zeros((3, 4)))
    convert(capfd, source, tmp_path / "a")
    convert(capfd, source, tmp_path / "b", "--all")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert len(files(tmp_path / "a")) == 3
