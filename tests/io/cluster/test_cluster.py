"""Batches on a Dask cluster, with workers that die."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_io.checks.verifying import verify
from mlarray_io.cluster import regions
from mlarray_io.commands.main import main
from mlarray_io.engine.settings import Settings
from mlarray_io.places.digests import digest
from mlarray_io.sdk.boxes import tiles

sys.path.insert(0, str(Path(__file__).parents[1]))
from batches import convert, files, states, tree

pytest.importorskip("distributed", reason="the extra dask isn't installed")
pytestmark = [
    pytest.mark.filterwarnings("default"),  # distributed's own, when a worker dies
    pytest.mark.skipif(os.name == "nt", reason="kills by POSIX signals"),
]


@pytest.fixture
def cluster():
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=60) as started:
        yield started


def test_a_cluster_makes_the_same_files_though_a_worker_is_killed(tmp_path, capfd, cluster):
    source = tree(tmp_path / "in", count=40, broken=1, size=40)
    out, here = tmp_path / "out", tmp_path / "here"
    victim = next(iter(cluster.workers.values())).pid

    def kill():
        while len(files(out) if out.exists() else ()) < 8:
            time.sleep(0.005)
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    code, lines = convert(capfd, source, out, "--scheduler", cluster.scheduler_address)
    killer.join()
    assert (code, states(lines)) == (1, {"converted": 40, "skipped": 0, "failed": 1})
    assert states(convert(capfd, source, here, "--jobs", 1)[1])["converted"] == 40
    assert files(out) == files(here)
    assert [digest(out / name) for name in files(out)] == [digest(here / name) for name in files(here)]
    assert states(convert(capfd, source, out)[1])["skipped"] == 40
    assert not list(out.rglob(".*.tmp-*"))


def test_one_image_is_converted_by_many(tmp_path, cluster, monkeypatch):
    monkeypatch.setattr("mlarray_io.cluster.regions.AHEAD", 1)
    voxels = np.random.default_rng(0).integers(0, 99, (300, 400, 400), "i2")
    np.save(tmp_path / "a.npy", voxels)
    alone, together = tmp_path / "alone.mla", tmp_path / "together.mla"
    for more in (("--stats",), ("--lossy", "tolerance=2", "-f", "--stats", "--foreground", "50")):
        assert main(["convert", str(tmp_path / "a.npy"), str(alone), "-q", *more]) == 0
        scheduler = ("--scheduler", cluster.scheduler_address)
        assert main(["convert", str(tmp_path / "a.npy"), str(together), "-q", *more, *scheduler]) == 0
        assert verify(together).state == "sealed"
        left, right = mlarray.MLArray.open(alone), mlarray.MLArray.open(together)
        np.testing.assert_array_equal(left[...], right[...])
        assert left.meta.to_plain() == right.meta.to_plain()
        assert left.meta.stats.mean is not None
        left.close(), right.close()


def test_a_stream_is_opened_once_by_each_worker(tmp_path, monkeypatch):
    nibabel = pytest.importorskip("nibabel")
    voxels = np.random.default_rng(0).integers(0, 99, (300, 300, 500), "i2")
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), tmp_path / "a.nii.gz")
    opened, boxes, plain = [], [], regions.open_one
    monkeypatch.setattr(regions, "open_one", lambda *of, **more: opened.append(of) or plain(*of, **more))

    def here(client, work, step, context):
        for box in tiles(work.grid.shape, step):
            boxes.append(box)
            yield regions.encode(work, box)

    monkeypatch.setattr(regions, "_encoded", here)
    regions.convert_together(tmp_path / "a.nii.gz", tmp_path / "a.mla", Settings(), None, None)
    assert len(boxes) > 2
    assert len(opened) == 1
    regions.release()
    np.testing.assert_array_equal(mlarray.MLArray(tmp_path / "a.mla"), voxels.T)


def test_nobody_answers(tmp_path, capfd):
    source = tree(tmp_path / "in", count=1, broken=0)
    assert main(["convert", str(source), str(tmp_path / "out"), "--scheduler", "tcp://127.0.0.1:9"]) == 1
    assert "no scheduler answers" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
