"""Runs that are killed or interrupted at any moment, and the run after them."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from mlarray_core import errors
from mlarray_io.batch.jobs import Job
from mlarray_io.batch.journal import Journal
from mlarray_io.checks.verifying import verify

sys.path.insert(0, str(Path(__file__).parents[1]))
from batches import convert, files, shell, states, tree

DEAD = 2**22 + 1
"""A number that no process has: Linux counts to 2**22."""
pytestmark = pytest.mark.skipif(os.name == "nt", reason="kills by POSIX signals")


def wait_for(folder, count, process):
    """Wait until a run has written some files."""
    while process.poll() is None and len(files(folder) if folder.exists() else ()) < count:
        time.sleep(0.005)


def test_killed_runs_end_with_exactly_the_right_files(tmp_path, capfd):
    source, out = tree(tmp_path / "in", count=60, broken=2, size=40), tmp_path / "out"
    dice, kills = random.Random(1), 0
    for part in range(1, 5):
        run = shell("convert", source, out, "--jobs", "2", "--json")
        wait_for(out, 10 * part, run)
        time.sleep(dice.random() / 50)
        kills += run.poll() is None
        run.kill()
        run.communicate()
        for name in files(out):
            assert verify(out / name).state == "sealed", name
    code, lines = convert(capfd, source, out)
    assert kills >= 2
    assert (code, states(lines)["failed"]) == (1, 2)
    assert states(lines)["skipped"] + states(lines)["converted"] == 60
    assert states(lines)["skipped"] > 0
    assert len(files(out)) == 60
    assert not list(out.rglob(".*.tmp-*"))


@pytest.mark.parametrize(
    ("sign", "code", "word"), [(signal.SIGINT, 130, "Interrupted"), (signal.SIGTERM, 143, "Terminated")]
)
def test_interrupts_leave_nothing_half_done(tmp_path, sign, code, word):
    source, out = tree(tmp_path / "in", count=60, broken=0, size=40), tmp_path / "out"
    run = shell("convert", source, out, "--jobs", "2", "--json")
    wait_for(out, 5, run)
    run.send_signal(sign)
    _, err = run.communicate(timeout=30)
    assert run.returncode == code
    assert "Traceback" not in err
    assert re.fullmatch(rf"\s*{word}: \d+ of 60 sources are done; run the same again to go on\n", err)
    assert 5 <= len(files(out)) < 60
    assert not list(out.rglob(".*.tmp-*"))


def test_what_killed_runs_left_is_removed_whatever_became_of_the_source(tmp_path, capfd):
    source, out = tree(tmp_path / "in", count=4, broken=0), tmp_path / "out"
    convert(capfd, source, out)
    with (out / ".mlarray/journal.jsonl").open("a", encoding="utf-8") as file:
        for name in ("im0000.nii", "lost.nii"):
            line = {"source": str(source / name), "size": 1, "mtime_ns": 1, "options": "", "state": "started"}
            file.write(json.dumps({**line, "place": name[:-4]}) + "\n")
    for name in ("im0000.mla", "lost.nii.gz", "others.mla"):
        (out / f".{name}.tmp-{DEAD}-0123abcd").mkdir()
    code, lines = convert(capfd, source, out)
    assert (code, states(lines)["converted"], states(lines)["skipped"]) == (0, 1, 3)
    assert [path.name for path in out.rglob(".*.tmp-*")] == [f".others.mla.tmp-{DEAD}-0123abcd"]


def test_what_another_shard_is_writing_is_left_alone(tmp_path, capfd):
    source, out = tree(tmp_path / "in", count=1, broken=0), tmp_path / "out"
    (out / f".x.mla.tmp-{DEAD}-0123abcd").mkdir(parents=True)
    with Journal(out, (1, 2)).open() as other:
        other.begin(Job(str(source / "x.nii"), "x", "file", 1, 1), "")
        convert(capfd, source, out)
        assert len(list(out.rglob(".*.tmp-*"))) == 1
    convert(capfd, source, out)
    assert not list(out.rglob(".*.tmp-*"))


def test_two_runs_into_one_folder_are_refused(tmp_path, capfd):
    source = tree(tmp_path / "in", count=1, broken=0)
    with Journal(tmp_path / "out").open():
        assert convert(capfd, source, tmp_path / "out")[0] == 1
    assert convert(capfd, source, tmp_path / "out")[0] == 0


def test_a_torn_journal_is_read_and_continued(tmp_path, capfd):
    source, out = tree(tmp_path / "in", broken=0), tmp_path / "out"
    convert(capfd, source, out)
    journal = out / ".mlarray/journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    assert states(convert(capfd, source, out)[1]) == {"converted": 1, "skipped": 5, "failed": 0}
    assert states(convert(capfd, source, out)[1])["skipped"] == 6
    torn = [line for line in journal.read_text(encoding="utf-8").splitlines() if not _is_json(line)]
    assert len(torn) == 1


def test_a_journal_that_cant_be_written_is_an_error(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(errors.WriteError):
        Journal(tmp_path / "out").open()


def _is_json(line):
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
