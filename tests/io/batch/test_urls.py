"""Batches from and to URLs: an S3 store of this machine."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_io.commands.main import main
from mlarray_io.search.criteria import display_name
from mlarray_io.search.sources import Search

sys.path.insert(0, str(Path(__file__).parents[1]))
from batches import convert, files, left_out, states, tree
from stores import below, need_s3, s3_server

HERE = pytest.mark.usefixtures("here")

need_s3()


@pytest.fixture(scope="module")
def server():
    with s3_server() as system:
        yield system


@pytest.fixture
def store(server, request):
    """A bucket with the tree in its folder ``in``, as the file system and the start of its URLs."""
    bucket = f"b{abs(hash(request.node.name)) % 10**9}"
    server.mkdir(bucket)
    return server, f"s3://{bucket}"


def fill(system, url, folder):
    system.put(f"{folder}/", f"{url}/in/", recursive=True)


def test_a_folder_at_a_url_is_mirrored_here(store, tmp_path, capfd):
    system, url = store
    source, out = tree(tmp_path / "in"), tmp_path / "out"
    fill(system, url, source)
    code, lines = convert(capfd, f"{url}/in/", out, "--jobs", 2, "--verify")
    assert (code, states(lines)) == (1, {"converted": 6, "skipped": 0, "failed": 1})
    assert files(out) == [*(f"im000{i}.mla" for i in (0, 2, 4)), *(f"sub/im000{i}.mla" for i in (1, 3, 5))]
    np.testing.assert_array_equal(mlarray.MLArray(out / "im0002.mla"), np.load(source / "im0002.npy"))
    assert {line["source"].rpartition("/")[0] for line in lines} == {f"{url}/in", f"{url}/in/sub"}
    assert states(convert(capfd, f"{url}/in", out, "--verify")[1])["skipped"] == 6
    system.put(str(source / "sub/im0005.npy"), f"{url}/in/im0002.npy")
    assert states(convert(capfd, f"{url}/in/", out, "--verify")[1])["converted"] == 1


@HERE
def test_a_target_at_a_url_needs_a_journal_here(store, tmp_path, capfd):
    system, url = store
    source, journal = tree(tmp_path / "in"), ("--journal", tmp_path / "journal")
    assert main(["convert", str(source), f"{url}/out/"]) == 2
    assert "--journal FOLDER" in capfd.readouterr().err
    code, lines = convert(capfd, source, f"{url}/out/", *journal, "--verify")
    assert (code, states(lines)) == (1, {"converted": 6, "skipped": 0, "failed": 1})
    made = below(system, f"{url}/out")
    assert made == [*(f"im000{i}.mla" for i in (0, 2, 4)), *(f"sub/im000{i}.mla" for i in (1, 3, 5))]
    np.testing.assert_array_equal(mlarray.read(f"{url}/out/im0002.mla"), np.load(source / "im0002.npy"))
    targets = sorted({line["target"] for line in lines if line["state"] == "converted"})
    assert targets == [f"{url}/out/{name}" for name in made]
    assert states(convert(capfd, source, f"{url}/out", *journal, "--verify")[1])["skipped"] == 6
    system.rm(f"{url}/out/im0000.mla")
    system.pipe(f"{url}/out/im0004.mla", b"cut")
    assert states(convert(capfd, source, f"{url}/out/", *journal, "--verify")[1])["converted"] == 2
    other = ("--journal", tmp_path / "other")
    code, lines = convert(capfd, source, f"{url}/out/", *other)
    assert (code, states(lines)["failed"]) == (1, 7)
    assert not (tmp_path / "other").exists()
    assert main(["convert", str(source), "https://127.0.0.1:1/out/", "--journal", str(tmp_path / "w")]) == 1
    assert "can't be written to" in capfd.readouterr().err


@HERE
def test_folders_and_files_of_several_parts(store, tmp_path, capfd):
    pytest.importorskip("zarr")
    system, url = store
    source = tree(tmp_path / "in", count=1, broken=0)
    for name in ("a.zarr", "pair.hdr"):
        assert main(["convert", str(source / "im0000.nii"), str(source / name), "-q"]) == 0
    fill(system, url, source)
    code, _ = convert(capfd, f"{url}/in/", tmp_path / "out")
    assert (code, files(tmp_path / "out")) == (0, ["a.mla", "im0000.mla", "pair.mla"])
    journal = ("--journal", tmp_path / "journal", "--to", "zarr")
    assert convert(capfd, f"{url}/in/", f"{url}/out/", *journal)[0] == 0
    assert {name.partition("/")[0] for name in below(system, f"{url}/out")} == {
        "a.ome.zarr", "im0000.ome.zarr", "pair.ome.zarr"
    }  # fmt: skip
    assert states(convert(capfd, f"{url}/in/", f"{url}/out/", *journal)[1])["skipped"] == 3


@HERE
def test_series_at_a_url_are_one_image_each(store, tmp_path, capfd):
    pydicom = pytest.importorskip("pydicom")
    system, url = store
    series = tmp_path / "in/p1/s1"
    series.mkdir(parents=True)
    for number in range(4):
        write_slice(pydicom, series / f"{'IM' if number % 2 else 'x'}{number}", number)
    np.save(series / "mask.npy", np.zeros(3))
    (series / "notes.txt").write_text("no image")
    fill(system, url, tmp_path / "in")
    planned = convert(capfd, f"{url}/in/", tmp_path / "out", "--dry-run", "--exclude", "*.txt")[1]
    assert [line["target"] for line in planned] == [f"{tmp_path}/out/p1/s1/{n}.mla" for n in ("*", "mask")]
    code, lines = convert(capfd, f"{url}/in/", tmp_path / "out")
    assert (code, states(lines)["converted"]) == (0, 2)
    assert left_out(lines) == [(f"{url}/in/p1/s1/notes.txt", "is not DICOM")]
    (volume,) = (name for name in files(tmp_path / "out") if name != "p1/s1/mask.mla")
    assert mlarray.MLArray(tmp_path / "out" / volume).shape == (4, 5, 6)


def write_slice(pydicom, path, number):
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, f"1.2.3.{number + 1}"
    data = pydicom.Dataset()
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, f"1.2.3.{number + 1}"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.Modality = "1.2", "1.2.3", "CT"
    data.Rows, data.Columns, data.PixelSpacing = 5, 6, [1, 1]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
    data.ImageOrientationPatient, data.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, number * 2]
    data.PixelData = np.full((5, 6), number, "<i2").tobytes()
    data.file_meta = meta
    data.save_as(path, enforce_file_format=True)


@HERE
def test_lists_of_urls_and_scan(store, tmp_path, capfd):
    system, url = store
    source = tree(tmp_path / "in", broken=0)
    fill(system, url, source)
    names = ["im0000.nii", "sub/im0001.nii.gz", "sub/none.nii"]
    (tmp_path / "list.txt").write_text("\n".join(f"{url}/in/{name}" for name in names), encoding="utf-8")
    code, lines = convert(capfd, f"@{tmp_path}/list.txt", tmp_path / "out")
    assert (code, states(lines)) == (1, {"converted": 2, "skipped": 0, "failed": 1})
    assert files(tmp_path / "out") == ["im0000.mla", "sub/im0001.mla"]
    assert main(["scan", f"{url}/in/", "--json"]) == 0
    rows = json.loads(capfd.readouterr().out)
    names = [f"{url}/{name}" for name in below(system, url)]
    assert [row["source"] for row in rows if row["shape"]] == [one for one in names if ".txt" not in one]
    assert [(row["source"], row["left_out"]) for row in rows if not row["shape"]] == [
        (f"{url}/in/notes.txt", "no installed format recognises it by its name")
    ]
    assert main(["scan", f"{url}/in/", "-o", str(tmp_path / "t.html")]) == 0
    assert f">{url}/in<" in (tmp_path / "t.html").read_text(encoding="utf-8")
    assert main(["check-pairs", f"{url}/in/", str(source)]) == 0


def test_what_is_secret_is_nowhere_told():
    assert display_name("https://me:word@host/a.nii?sig=x") == "https://host/a.nii"
    assert display_name("/data/a?b.nii") == "/data/a?b.nii"
    (found,) = Search().search(["https://127.0.0.1:1/sub/a.nii.gz?sig=x"])
    assert (found.place, found.size) == ("a", -1)
    assert os.path.basename(display_name(found.path)) == "a.nii.gz"


@HERE
def test_label_tables_are_uploaded_with_their_images(store, tmp_path, capfd):
    system, url = store
    (tmp_path / "in").mkdir()
    image = mlarray.MLArray(np.arange(60, dtype="u1").reshape(3, 4, 5) % 3, meta=mlarray.Meta(is_seg=True))
    image.meta.labels = [{"value": 1, "name": "liver"}]
    image.save(tmp_path / "in/a.mla")
    table = ("--to", "nii.gz", "--write-label-table", "itksnap", "--journal", tmp_path / "journal")
    assert convert(capfd, tmp_path / "in", f"{url}/out/", "-j", 1, *table)[0] == 0
    assert below(system, f"{url}/out") == ["a.label", "a.nii.gz"]
    assert b'"liver"' in system.cat(f"{url}/out/a.label")
