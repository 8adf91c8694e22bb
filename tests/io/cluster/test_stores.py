"""Batches from and to an object store on a Dask cluster, with a worker that dies."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_io.checks.verifying import verify

sys.path.insert(0, str(Path(__file__).parents[1]))
from batches import convert, files, states, tree
from stores import below, need_s3, s3_server

need_s3()
distributed = pytest.importorskip("distributed", reason="the extra dask isn't installed")
pytestmark = [
    pytest.mark.filterwarnings("default"),  # distributed's own, when a worker dies
    pytest.mark.skipif(os.name == "nt", reason="kills by POSIX signals"),
]
SETTINGS = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 60}
LARGE = "large/a.npy"
"""So large that its result is uploaded in parts."""


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """A bucket as fsspec's file system; temporary files of all processes are in a folder of the test."""
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setenv("TMPDIR", str(spool))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with s3_server() as system:
        system.mkdir("bucket")
        yield system


def fill(system, source):
    system.put(f"{source}/", "bucket/in/", recursive=True)


def journal(folder):
    """Return the state that the journal ends with, and how often it says so, by source."""
    lines = (folder / ".mlarray/journal.jsonl").read_text(encoding="utf-8").splitlines()
    ends = [line for line in map(json.loads, lines) if line["state"] in ("done", "failed")]
    return Counter((line["source"].removeprefix("s3://bucket/in/"), line["state"]) for line in ends)


def check(system, source, tmp_path, expected):
    """Each image is there once, sealed, with its voxels; nothing else is, in the store or half uploaded."""
    assert below(system, "s3://bucket/out") == sorted(expected.values())
    fetched = tmp_path / "fetched"
    system.get("bucket/out/", f"{fetched}/", recursive=True)
    for name, target in expected.items():
        assert verify(fetched / target).state == "sealed"
        np.testing.assert_array_equal(mlarray.read(fetched / target), mlarray.read(source / name))
    assert not half_done(system)


def half_done(system):
    return system.call_s3("list_multipart_uploads", Bucket="bucket").get("Uploads", ())


def targets(source):
    names = [name for name in files(source) if not name.startswith("broken") and name != "notes.txt"]
    return {name: name.partition(".")[0] + ".mla" for name in names}


def test_from_and_to_a_store(bucket, tmp_path, capfd):
    source = tree(tmp_path / "in", count=5, broken=1)
    fill(bucket, source)
    there = ("s3://bucket/in/", "s3://bucket/out/", "--journal", tmp_path / "journal")
    with distributed.LocalCluster(processes=False, **SETTINGS) as cluster:
        code, lines = convert(capfd, *there, "--scheduler", cluster.scheduler_address, "--verify")
    assert (code, states(lines)) == (1, {"converted": 5, "skipped": 0, "failed": 1})
    expected = targets(source)
    check(bucket, source, tmp_path, expected)
    ends = {(name, "done"): 1 for name in expected}
    assert journal(tmp_path / "journal") == {**ends, ("broken0000.nii", "failed"): 1}
    assert not list((tmp_path / "spool").glob(".mlarray*"))


@pytest.mark.slow
def test_a_worker_is_killed_while_it_uploads(bucket, tmp_path, capfd):
    source = tree(tmp_path / "in", count=12, broken=1, size=40)
    (source / LARGE).parent.mkdir()
    np.save(source / LARGE, np.random.default_rng(0).integers(-99, 99, (180, 512, 512), "i2"))
    fill(bucket, source)
    there = ("s3://bucket/in/", "s3://bucket/out/", "--journal", tmp_path / "journal")
    with distributed.LocalCluster(**SETTINGS) as cluster:
        kill = Kill(bucket, [worker.pid for worker in cluster.workers.values()])
        kill.start()
        code, lines = convert(capfd, *there, "--scheduler", cluster.scheduler_address)
        kill.join()
    assert kill.victim is not None, "the large result was uploaded before anybody was killed"
    assert kill.half_done > 0
    assert (code, states(lines)) == (1, {"converted": 13, "skipped": 0, "failed": 1})
    expected = targets(source)
    check(bucket, source, tmp_path, expected)
    ends = {(name, "done"): 1 for name in expected}
    assert journal(tmp_path / "journal") == {**ends, ("broken0000.nii", "failed"): 1}
    assert states(convert(capfd, *there)[1]) == {"converted": 0, "skipped": 13, "failed": 1}
    assert not list((tmp_path / "spool").glob(".mlarray*"))


class Kill(threading.Thread):
    """Kills the worker that holds the large image's result, as soon as a part of it is in the store."""

    def __init__(self, system, workers):
        super().__init__()
        self.system, self.workers = system, workers
        self.victim, self.half_done = None, 0

    def run(self):
        import psutil

        until = time.monotonic() + 400
        while self.victim is None and time.monotonic() < until:
            time.sleep(0.002)
            self.half_done = len(
                self.system.call_s3("list_multipart_uploads", Bucket="bucket").get("Uploads", ())
            )
            if not self.half_done:
                continue
            for worker in self.workers:
                names = [one.path for one in psutil.Process(worker).open_files()]
                if any(name.endswith("large/a.mla") for name in names):
                    os.kill(worker, signal.SIGKILL)
                    self.victim = worker
