"""Batches from the command line: what is converted, where it goes, what is printed, what happens again."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_io.commands.main import main

sys.path.insert(0, str(Path(__file__).parents[1]))
from batches import convert, files, left_out, states, tree

HERE = pytest.mark.usefixtures("here")
KILLER = """
import os, signal
import numpy as np
from mlarray_core import Meta
from mlarray_io import Confidence, Format, Reader, hookimpl
class Bomb(Reader):
    shape, dtype, meta = (2, 2), np.dtype("u1"), Meta()
    def __getitem__(self, box):
        os.kill(os.getpid(), signal.SIGKILL)
class Killer(Format):
    name, suffixes = "killer", (".kill",)
    def open(self, source, image, options, context):
        return Bomb()
@hookimpl
def mlarray_formats():
    return [Killer()]
"""
COLLECTION = """
import numpy as np
from mlarray_io import Confidence, Format, ImageRef, Reader, hookimpl
from mlarray_core import Meta
class Stack(Reader):
    def __init__(self, files):
        self.shape, self.dtype, self.meta = (len(files), 2, 2), np.dtype("u1"), Meta()
    def __getitem__(self, box):
        return np.ones(self.shape, "u1")[box]
class Slices(Format):
    name, suffixes, folder = "slices", (".slice",), "together"
    def files(self, source):
        paths = source.path.rglob("*") if source.is_dir else [source.path]
        return sorted(p for p in paths if p.is_file() and p.read_bytes().startswith(b"SLICE"))
    def sniff(self, source):
        return Confidence.SIGNATURE if self.files(source) else Confidence.NO
    def images(self, source, options, context):
        names = sorted({p.read_text(encoding="utf-8").split()[1] for p in self.files(source)})
        return [ImageRef(key=name, name=name) for name in names]
    def open(self, source, image, options, context):
        return Stack([p for p in self.files(source) if p.read_text(encoding="utf-8").split()[1] == image.key])
@hookimpl
def mlarray_formats():
    return [Slices()]
"""


def test_a_folder_is_mirrored_and_bad_files_stop_nothing(tmp_path, capfd):
    source = tree(tmp_path / "in")
    code, lines = convert(capfd, source, tmp_path / "out", "--jobs", 2)
    assert code == 1
    assert states(lines) == {"converted": 6, "skipped": 0, "failed": 1}
    assert files(tmp_path / "out") == [
        *(f"im000{i}.mla" for i in (0, 2, 4)), *(f"sub/im000{i}.mla" for i in (1, 3, 5))
    ]  # fmt: skip
    stored = mlarray.MLArray(tmp_path / "out/im0002.mla").to_numpy()
    np.testing.assert_array_equal(stored, np.load(source / "im0002.npy"))
    (failed,) = (line for line in lines if line["state"] == "failed")
    assert failed["source"].endswith("broken0000.nii")
    assert failed["error"]["kind"] == "CorruptError"


@HERE
def test_the_summary_counts(tmp_path, capfd):
    source = tree(tmp_path / "in", count=3)
    assert main(["convert", str(source), str(tmp_path / "out"), "--threads", "1"]) == 1
    out, err = capfd.readouterr()
    rows = {line.split()[0]: line.split()[1] for line in out.splitlines() if line.split()[1:]}
    assert (rows["converted"], rows["skipped"], rows["failed"]) == ("3", "0", "1")
    assert "left out, as no image is in them: 1" in out
    assert err.count("failed: ") == 1
    assert f"left out: {source}/notes.txt: is a document, which holds no image" in err.splitlines()
    assert len(err.splitlines()) == 2


@HERE
def test_what_many_images_lose_is_told_once_and_counted(tmp_path, capfd):
    source = tree(tmp_path / "in", broken=0)
    assert main(["convert", str(source), str(tmp_path / "out"), "--to", "npy"]) == 0
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("lost: ")]
    of_one = [line.split(": ", 2)[2] for line in told if line.startswith(f"lost: {source}")]
    counted = dict(reversed(line[6:].split(": ", 1)) for line in told if "more image" in line)
    assert len(of_one) == len(set(of_one)) > 0
    assert len(told) == len(of_one) + len(counted)
    # four of six have a place and a world, and all have a header
    assert sorted(counted.values()) == ["3 more images", "3 more images", "5 more images"]
    assert set(counted) == set(of_one)


@HERE
def test_a_second_run_does_what_is_left(tmp_path, capfd):
    source, out = tree(tmp_path / "in"), tmp_path / "out"
    convert(capfd, source, out)
    assert states(convert(capfd, source, out)[1]) == {"converted": 0, "skipped": 6, "failed": 1}
    (source / "broken0000.nii").unlink()
    np.save(source / "im0002.npy", np.zeros((3, 3), "u1"))
    (out / "im0000.mla").unlink()
    (out / "im0004.mla").write_bytes(b"cut")
    code, lines = convert(capfd, source, out)
    assert code == 0
    assert states(lines) == {"converted": 3, "skipped": 3, "failed": 0}
    assert mlarray.MLArray(out / "im0002.mla").shape == (3, 3)
    assert states(convert(capfd, source, out, "--clevel", 1)[1])["converted"] == 6
    assert states(convert(capfd, source, out, "--clevel", 1, "--force")[1])["converted"] == 6


@HERE
def test_strangers_files_are_not_overwritten(tmp_path, capfd):
    source, out = tree(tmp_path / "in", broken=0), tmp_path / "out"
    out.mkdir()
    (out / "im0000.mla").write_bytes(b"mine")
    code, lines = convert(capfd, source, out)
    assert (code, states(lines)["failed"]) == (1, 1)
    assert (out / "im0000.mla").read_bytes() == b"mine"
    assert convert(capfd, source, out, "--force")[0] == 0


@HERE
def test_patterns_choose(tmp_path, capfd):
    source = tree(tmp_path / "in")
    convert(capfd, source, tmp_path / "a", "--include", "*.npy")
    assert files(tmp_path / "a") == ["im0002.mla", "sub/im0005.mla"]
    convert(capfd, source, tmp_path / "b", "--exclude", "sub/*", "--exclude", "broken*", "--to", "nii.gz")
    assert files(tmp_path / "b") == ["im0000.nii.gz", "im0002.nii.gz", "im0004.nii.gz"]
    code, _ = convert(capfd, source, tmp_path / "c", "--include", "*.xyz")
    assert (code, (tmp_path / "c").exists()) == (1, False)


@HERE
def test_globs_lists_and_several_sources(tmp_path, capfd, monkeypatch):
    source = tree(tmp_path / "in", broken=0)
    convert(capfd, source / "**" / "*.npy", tmp_path / "a")
    assert files(tmp_path / "a") == ["im0002.mla", "sub/im0005.mla"]
    monkeypatch.chdir(source)
    Path("list.txt").write_text(
        "# two and a lost one\nim0000.nii\nsub/im0001.nii.gz\nsub/none.nii\n", encoding="utf-8"
    )
    code, lines = convert(capfd, "@list.txt", tmp_path / "b")
    assert (code, files(tmp_path / "b")) == (1, ["im0000.mla", "sub/im0001.mla"])
    assert [line["error"]["kind"] for line in lines if line["state"] == "failed"] == ["NotFoundError"]
    convert(capfd, "sub", "im0000.nii", tmp_path / "c")
    assert files(tmp_path / "c") == ["im0000.mla", *(f"sub/im000{i}.mla" for i in (1, 3, 5))]


@HERE
def test_names_that_meet_stay_apart(tmp_path, capfd):
    source = tmp_path / "in"
    source.mkdir()
    for name in ("a.npy", "A.nii"):
        np.save(source / "x.npy", np.zeros(3))
        os.rename(source / "x.npy", source / name)
    convert(capfd, source, tmp_path / "out")
    assert len(files(tmp_path / "out")) == 2


@HERE
def test_partners_are_no_images(tmp_path, capfd):
    nibabel = pytest.importorskip("nibabel")
    (tmp_path / "in").mkdir()
    nibabel.save(nibabel.Nifti1Pair(np.zeros((2, 3, 4), "i2"), np.eye(4)), tmp_path / "in/a.img")
    assert convert(capfd, tmp_path / "in", tmp_path / "out")[0] == 0
    assert files(tmp_path / "out") == ["a.mla"]


def test_one_image_that_kills_its_worker(tmp_path, capfd, install):
    install(killer=KILLER)
    source = tree(tmp_path / "in", broken=0)
    (source / "im0001.kill").write_bytes(b"x")
    code, lines = convert(capfd, source, tmp_path / "out", "--jobs", 1)
    assert code == 1
    assert states(lines) == {"converted": 6, "skipped": 0, "failed": 1}
    (failed,) = (line for line in lines if line["state"] == "failed")
    assert "SIGKILL" in failed["error"]["message"]
    assert not list((tmp_path / "out").rglob(".*.tmp-*"))


@HERE
def test_nothing_is_left_where_nothing_came_out(tmp_path, capfd):
    source, out = tree(tmp_path / "in", count=1), tmp_path / "a/b/out"
    (source / "im0000.nii").unlink()
    (source / "sub/sub").mkdir()
    (source / "broken0000.nii").rename(source / "sub/sub/broken.nii")
    assert convert(capfd, source, out)[0] == 1
    assert not (tmp_path / "a").exists()
    out.mkdir(parents=True)
    assert convert(capfd, source, out)[0] == 1
    assert [path.name for path in out.iterdir()] == [".mlarray"]
    np.save(source / "im.npy", np.zeros((2, 2)))
    assert states(convert(capfd, source, out)[1])["converted"] == 1
    assert sorted(path.name for path in out.iterdir()) == [".mlarray", "im.mla"]


@HERE
def test_files_of_a_collection_make_up_images(tmp_path, capfd, install):
    install(collection=COLLECTION)
    series = tmp_path / "in/p1/s1"
    (series / "more").mkdir(parents=True)
    for i, name in enumerate(["t1", "t1", "t2"]):
        (series / f"IM{i}").write_text(f"SLICE {name} {i}")
    (series / "more/IM9").write_text("SLICE t2 9")
    np.save(series / "mask.npy", np.zeros(3))
    code, lines = convert(capfd, tmp_path / "in", tmp_path / "out")
    assert (code, len(lines)) == (0, 3)
    assert files(tmp_path / "out") == ["p1/s1/mask.mla", "p1/s1/t1.mla", "p1/s1/t2.mla"]
    assert states(convert(capfd, tmp_path / "in", tmp_path / "out")[1])["skipped"] == 3
    (series / "IM10").write_text("SLICE t2 10")
    assert states(convert(capfd, tmp_path / "in", tmp_path / "out")[1])["converted"] == 2
    assert mlarray.MLArray(tmp_path / "out/p1/s1/t2.mla").shape == (3, 2, 2)


@HERE
def test_folders_that_are_images(tmp_path, capfd):
    pytest.importorskip("zarr")
    source = tree(tmp_path / "in", count=2, broken=0)
    assert main(["convert", str(source / "im0000.nii"), str(source / "z.ome.zarr"), "-q"]) == 0
    assert convert(capfd, source, tmp_path / "out")[0] == 0
    assert files(tmp_path / "out") == ["im0000.mla", "sub/im0001.mla", "z.mla"]
    _, lines = convert(capfd, source, tmp_path / "zarrs", "--to", "zarr", "--verify")
    assert states(lines)["converted"] == 3
    assert states(convert(capfd, source, tmp_path / "zarrs", "--to", "zarr")[1])["skipped"] == 3


@HERE
def test_several_images_of_one_file(study, tmp_path, capfd):
    code, lines = convert(capfd, study.parent, tmp_path / "out", "--include", "*.toy")
    assert (code, states(lines)["converted"]) == (0, 3)
    assert [line["reason"] for line in lines if line["state"] == "left out"] == ["is no image"]
    assert files(tmp_path / "out") == ["study/T1_2.mla", "study/_x.mla", "study/t1.mla"]


@HERE
def test_shards_are_all_and_share_nothing(tmp_path, capfd):
    source = tree(tmp_path / "in", count=12, broken=0)
    done = [convert(capfd, source, tmp_path / "out", "--shard", f"{i}/3")[1] for i in (1, 2, 3)]
    sources = [line["source"] for lines in done for line in lines if line["state"] == "converted"]
    assert len(sources) == len(set(sources)) == len(files(tmp_path / "out")) == 12
    assert len(list((tmp_path / "out/.mlarray").glob("journal*.jsonl"))) == 3
    assert states(convert(capfd, source, tmp_path / "out")[1])["skipped"] == 12
    assert main(["convert", str(source), str(tmp_path / "out"), "--shard", "0/3"]) == 2


@HERE
def test_a_dry_run_tells_what_a_run_does(study, tmp_path, capfd, install):
    install(collection=COLLECTION)
    source = tree(study.parent / "tree", broken=0).parent
    for i, name in enumerate(["t1", "t1", "t2"]):
        (source / f"series{i // 2}").mkdir(exist_ok=True)
        (source / f"series{i // 2}/IM{i}").write_text(f"SLICE {name} {i}")
    out = tmp_path / "out"
    code, lines = convert(capfd, source, out, "--dry-run")
    assert not out.exists()
    planned = {
        (line["source"], line["image"], line["target"]) for line in lines if line["state"] == "planned"
    }
    told = [line["source"] for line in lines if line["state"] == "planned"]
    _, made = convert(capfd, source, out)
    assert (code, states(lines)["failed"]) == (0, 0)
    again = convert(capfd, source, out, "--dry-run", "--force")[1]
    assert told == [line["source"] for line in again if line["state"] == "planned"]
    assert left_out(lines) == left_out(made) == left_out(again) != []
    converted = {
        (line["source"], line["image"], line["target"]) for line in made if line["state"] == "converted"
    }
    assert planned == converted
    assert sorted(os.path.relpath(target, out) for _, _, target in planned) == files(out)
    assert {line["state"] for line in convert(capfd, source, out, "--dry-run")[1]} == {"skipped", "left out"}


@HERE
def test_a_dry_run_for_people(tmp_path, capfd):
    source = tree(tmp_path / "in", count=2, broken=0)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/im0000.mla").write_bytes(b"mine")
    assert main(["convert", str(source), str(tmp_path / "out"), "--dry-run"]) == 1
    out, err = capfd.readouterr()
    assert out == f"{source}/sub/im0001.nii.gz -> {tmp_path}/out/sub/im0001.mla\n"
    assert "im0000.mla: exists already" in err


@HERE
def test_results_are_compared_with_their_sources(tmp_path, capfd):
    source = tree(tmp_path / "in", broken=0)
    convert(capfd, source, tmp_path / "out")
    assert states(convert(capfd, source, tmp_path / "out", "--verify")[1])["converted"] == 6
    assert states(convert(capfd, source, tmp_path / "out", "--verify")[1])["skipped"] == 6
    one = (source / "im0000.nii", tmp_path / "one.mla", "--verify")
    assert convert(capfd, *one)[1][0]["target"] == str(tmp_path / "one.mla")


def test_a_result_that_differs_is_removed(scan, tmp_path, monkeypatch):
    from mlarray_io.batch.jobs import Job
    from mlarray_io.batch.perform import perform
    from mlarray_io.batch.settings import BatchSettings
    from mlarray_io.engine.settings import Settings
    from mlarray_io.mla import MlaReader
    from mlarray_io.places.place import LocalPlace

    monkeypatch.setattr(MlaReader, "__getitem__", lambda self, box: self._image.read(box) + np.int16(1))
    status = scan.stat()
    job = Job(str(scan), "scan", "file", status.st_size, status.st_mtime_ns)
    report = perform(job, BatchSettings(LocalPlace(tmp_path / "out"), Settings(), verify=True))
    assert (report.state, report.images) == ("failed", ())
    assert "voxels differ in [0:3" in report.failures[0].message
    assert files(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["{in}", "{in}/im0000.nii", "{out}.mla"], 2, "several sources need a folder"),
        (["@{in}/none.txt", "{out}"], 1, "no such list"),
        (["@{in}/list.txt", "{in}/notes.txt"], 2, "needs a folder"),
        (["{in}", "{out}", "--to", "nii.gzz"], 2, "there is no format"),
        (["{in}", "{out}", "--jobs", "0"], 2, "--jobs"),
        (["{in}/*.xyz", "{out}"], 1, "no image was found"),
    ],
)
def test_errors(tmp_path, capfd, arguments, code, text):
    source = tree(tmp_path / "in", count=1, broken=0)
    given = [argument.format(**{"in": source, "out": tmp_path / "out"}) for argument in arguments]
    assert main(["convert", *given]) == code
    assert text in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_json_lines_are_lines(tmp_path, capfd):
    main(["convert", str(tree(tmp_path / "in")), str(tmp_path / "out"), "--json"])
    for line in capfd.readouterr().out.splitlines():
        assert json.loads(line)["state"] in ("converted", "failed", "left out")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--exclude", "zz*"], "exclude 'zz*' fits nothing"),
        (["--include", "*.nii", "--include", "zz*"], "include 'zz*' fits nothing"),
        (["--label-pattern", "zz*", "--label-pattern", "im*"], "label_pattern 'zz*' fits nothing"),
    ],
)
@pytest.mark.filterwarnings("always")
def test_patterns_that_fit_nothing_are_told(tmp_path, capfd, given, told):
    source = tree(tmp_path / "in", count=2, broken=0)
    assert main(["convert", str(source), str(tmp_path / "out"), "--dry-run", *given]) == 0
    warned = [line for line in capfd.readouterr().err.splitlines() if line.startswith("Warning")]
    assert len(warned) == 1
    assert told in warned[0]


def test_quiet_is_quiet_of_patterns_too(tmp_path, capfd):
    source = tree(tmp_path / "in", count=1, broken=0)
    assert main(["convert", str(source), str(tmp_path / "out"), "-q", "--exclude", "zz*"]) == 0
    assert capfd.readouterr().err == ""


def test_patterns_without_any_image_are_told(tmp_path, capfd):
    source = tree(tmp_path / "in", count=1, broken=0)
    assert main(["convert", str(source), str(tmp_path / "out"), "--include", "zz*"]) == 1
    assert "include 'zz*' fits nothing" in capfd.readouterr().err
    assert main(["scan", str(source), "--include", "zz*"]) == 1
    assert "include 'zz*' fits nothing" in capfd.readouterr().err
