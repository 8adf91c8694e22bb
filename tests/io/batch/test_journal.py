"""A journal, or another file beside images, that somebody else has written: all in it is checked."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mlarray_core.errors import CorruptError, LimitError, ReadError
from mlarray_io.batch.jobs import Job
from mlarray_io.batch.journal import Journal
from mlarray_io.batch.journal_lines import LONGEST_LINE, inside
from mlarray_io.commands.main import main
from mlarray_io.places.side_files import read_text

sys.path.insert(0, str(Path(__file__).parents[1]))
from batches import convert, files, shell, states, tree

HERE = pytest.mark.usefixtures("here")

DEAD = 2**22 + 1
"""A number that no process has: Linux counts to 2**22."""
posix = pytest.mark.skipif(os.name == "nt", reason="links and pipes of POSIX")


@pytest.fixture
def source(tmp_path):
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in/a.npy", np.zeros((3, 4)))
    return tmp_path / "in"


@pytest.fixture
def outside(tmp_path):
    """A folder beside the target, with what a killed and a living writer have there."""
    folder = tmp_path / "outside"
    for pid in (DEAD, os.getpid()):
        temporary = folder / f".x.mla.tmp-{pid}-0123abcd"
        (temporary / "x.zarr.replaced").mkdir(parents=True)
        (temporary / "x.mla").write_bytes(b"half")
    (folder / "x.mla").write_bytes(b"precious")
    return folder


def listed(folder):
    return sorted((str(path.relative_to(folder)), path.is_dir()) for path in folder.rglob("*"))


def write_journal(out, *lines, name="journal.jsonl"):
    (out / ".mlarray").mkdir(parents=True, exist_ok=True)
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    (out / ".mlarray" / name).write_text(text)


def started(place, source="/data/x.nii"):
    return {"source": source, "size": 1, "mtime_ns": 1, "options": "", "state": "started", "place": place}


def done(target, **more):
    image = {"image": "0", "target": target, "bytes": 8, "checksum": "0"}
    line = {"source": "/data/x.nii", "size": 1, "mtime_ns": 1, "options": "", "state": "done"}
    return {**line, "images": [image], "voxel_bytes": 8, **more}


@pytest.mark.parametrize(
    "line",
    [
        started("../outside/x"), started("/{outside}/x"), started("sub/../../outside/x"), started("C:\\x"),
        started("..\\outside\\x"), started("a//b"), started("a\0b"), started(["x"]),
        done("../outside/x.mla"), done("/{outside}/x.mla"), done(5), done("x.mla", size="1"),
        done("x.mla", size=True), done("x.mla", images=5), done("x.mla", options=3),
        done("x.mla", voxel_bytes=1.5), {"source": 5, "state": "done"}, {"source": "a", "state": "done"},
    ],
)  # fmt: skip
def test_a_hostile_line_ends_in_a_clear_error(source, outside, tmp_path, capfd, line):
    out, before = tmp_path / "out", listed(outside)
    text = json.dumps(line).replace("/{outside}", str(outside))
    write_journal(out, text)
    assert main(["convert", str(source), str(out), "--jobs", "1"]) == 1
    err = capfd.readouterr().err
    assert "journal.jsonl: is no journal of a batch" in err
    assert "Remove it" in err
    assert listed(outside) == before
    assert files(out) == []


@HERE
@pytest.mark.parametrize("name", ["journal.jsonl", "journal-1-of-2.jsonl"])
@pytest.mark.parametrize(
    "text", ["x", "[" * 100_000, "5", '"a"', "[1]", '{"state": []}', "\udcff{}", "{}", "\0"]
)
def test_what_is_no_line_says_nothing(source, tmp_path, capfd, text, name):
    out = tmp_path / "out"
    (out / ".mlarray").mkdir(parents=True)
    (out / ".mlarray" / name).write_bytes(text.encode("utf-8", "surrogateescape") + b"\n")
    code, lines = convert(capfd, source, out, "--jobs", "1")
    assert (code, states(lines)["converted"]) == (0, 1)


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path):
    (tmp_path / ".mlarray").mkdir()
    with (tmp_path / ".mlarray/journal.jsonl").open("wb") as file:
        file.truncate(LONGEST_LINE + (8 << 20))  # zeros, which take no room on the disk
    with pytest.raises(CorruptError, match="without end"):
        Journal(tmp_path).load()


@posix
@HERE
def test_links_in_the_target_lead_nowhere(source, outside, tmp_path, capfd):
    """The journal names places inside of the target, which have become links to elsewhere."""
    out, before = tmp_path / "out", listed(outside)
    out.mkdir()
    os.symlink(outside, out / "sub")
    write_journal(out, started("sub/x"), started("sub"), started("a", str(source / "a.npy")))
    os.symlink(outside / "x.mla", out / "a.mla")
    code, lines = convert(capfd, source, out, "--jobs", "1")
    assert code == 1
    (failed,) = (line for line in lines if line["state"] == "failed")
    assert "outside of the folder to convert into" in failed["error"]["message"]
    assert listed(outside) == before
    assert (outside / "x.mla").read_bytes() == b"precious"


@HERE
def test_what_a_living_process_writes_is_left_alone(source, tmp_path, capfd):
    out = tmp_path / "out"
    write_journal(out, started("x"))
    for pid in (DEAD, os.getpid()):
        (out / f".x.mla.tmp-{pid}-0123abcd").mkdir()
    assert convert(capfd, source, out, "--jobs", "1")[0] == 0
    assert [path.name for path in out.glob(".*.tmp-*")] == [f".x.mla.tmp-{os.getpid()}-0123abcd"]


@HERE
def test_a_long_name_that_another_begins_like_is_left_alone(source, tmp_path, capfd):
    """Names of temporary folders hold 48 characters of that of the target."""
    out, long = tmp_path / "out", "n" * 60
    write_journal(out, started(f"{long}a"))
    for pid, name in ((DEAD, "a"), (DEAD - 1, "b")):
        temporary = out / f".{long[:48]}.tmp-{pid}-0123abcd"
        temporary.mkdir()
        (temporary / f"{long}{name}.mla").write_bytes(b"half")
    assert convert(capfd, source, out, "--jobs", "1")[0] == 0
    assert [path.name for path in out.rglob(f"{long}*.mla")] == [f"{long}b.mla"]


def in_time(arguments, seconds=20):
    """Run a command that mustn't wait for anybody; return its exit code and standard error."""
    run = shell(*arguments)
    try:
        _, err = run.communicate(timeout=seconds)
    finally:
        run.kill()
    assert "Traceback" not in err
    return run.returncode, err


def fifo(path):
    os.mkfifo(path)


def folder(path):
    path.mkdir()


def dangling(path):
    path.symlink_to("nowhere")


def linked(path):
    other = path.parents[2] / "elsewhere.jsonl"
    other.write_bytes(b"")
    path.symlink_to(other)


@posix
@pytest.mark.parametrize("make", [fifo, folder, dangling, linked])
@pytest.mark.parametrize("name", ["journal.jsonl", "journal-1-of-2.jsonl"])
def test_a_journal_that_is_no_file_is_a_clear_error(source, tmp_path, make, name):
    out = tmp_path / "out"
    (out / ".mlarray").mkdir(parents=True)
    make(out / ".mlarray" / name)
    code, err = in_time(["convert", source, out, "--jobs", "1"])
    assert (code, name in err) == (1, True)
    assert files(out) == []


@posix
@pytest.mark.parametrize("make", [fifo, dangling])
def test_the_folder_of_a_journal_is_a_folder(source, tmp_path, make):
    out = tmp_path / "out"
    out.mkdir()
    make(out / ".mlarray")
    code, err = in_time(["convert", source, out, "--jobs", "1"])
    assert (code, "expected the folder of a journal" in err) == (1, True)


@posix
@HERE
def test_the_table_beside_a_journal_is_no_way_out(source, tmp_path, capfd):
    out, precious = tmp_path / "out", tmp_path / "precious.csv"
    precious.write_text("mine")
    (out / ".mlarray").mkdir(parents=True)
    (out / ".mlarray/images.csv").symlink_to(precious)
    assert convert(capfd, source, out, "--jobs", "1")[0] == 0
    assert precious.read_text() == "mine"
    assert "a.mla" in (out / ".mlarray/images.csv").read_text()


@posix
@pytest.mark.parametrize("make", [fifo, folder, dangling])
@pytest.mark.parametrize("command", ["convert", "scan"])
def test_a_list_that_is_no_file_is_a_clear_error(tmp_path, make, command):
    make(tmp_path / "list.txt")
    target = [tmp_path / "out"] if command == "convert" else []
    code, err = in_time([command, f"@{tmp_path}/list.txt", *target])
    assert (code, "list.txt" in err) == (1, True)


def test_a_list_has_a_size(tmp_path):
    with (tmp_path / "list.txt").open("wb") as file:
        file.truncate(1000)
    with pytest.raises(LimitError, match="over 999 bytes"):
        read_text(tmp_path / "list.txt", 999)
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\0")
    with pytest.raises(ReadError, match="UTF-8"):
        read_text(tmp_path / "list.txt", 999)


@pytest.mark.parametrize("place", ["", "a", "a/b", "a b/ü.nii", "..a/b..", "a:b/c"])
def test_places_inside(place):
    assert inside(place) == place


@posix
def test_an_early_signal_leaves_the_journal_of_what_was_finished(tmp_path, capfd):
    """Images are there before the worker that made them has said so."""
    import signal

    source, out = tree(tmp_path / "in", count=60, broken=0, size=40), tmp_path / "out"
    run = shell("convert", source, out, "--jobs", "2", "-q")
    while run.poll() is None and not (out.exists() and files(out)):
        time.sleep(0.001)
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=30)
    assert not files(out) or (out / ".mlarray/journal.jsonl").exists()
    code, lines = convert(capfd, source, out)
    assert (code, states(lines)["failed"], len(files(out))) == (0, 0, 60)


def test_an_undone_journal_stays_where_something_lies(tmp_path):
    out = tmp_path / "out"
    with Journal(out).open() as journal:
        journal.begin(Job("/data/a.nii", "a", "file", 1, 1), "")
        (out / "a.mla").write_bytes(b"finished, but not reported")
        journal.undo()
    assert (out / ".mlarray/journal.jsonl").exists()
    (out / "a.mla").unlink()
    with Journal(tmp_path / "other").open() as journal:
        journal.undo()
    assert not (tmp_path / "other").exists()


def test_two_threads_open_one_journal(tmp_path):
    """The second is refused, and the first goes on."""
    from mlarray_core.errors import LockedError

    refused = []

    def second():
        try:
            Journal(tmp_path).open()
        except LockedError as error:
            refused.append(error)

    with Journal(tmp_path).open() as first:
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        first.leave_out("x", "a reason", lost=False)
    assert len(refused) == 1
    assert "a reason" in (tmp_path / ".mlarray/journal.jsonl").read_text()
