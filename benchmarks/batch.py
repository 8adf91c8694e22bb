"""Batches at full size: broken images, two processes against one, kills, a long journal, one huge image.

python benchmarks/batch.py [summary] [speed] [kills] [journal] [regions]
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

import mlarray

MLARRAY = [sys.executable, "-m", "mlarray"]


def tree(root, count=2000, broken=40, size=24):
    """Write `count` small images in three formats to 50 folders, and some that are cut short."""
    import nibabel

    noise = np.random.default_rng(0)
    for i in range(count):
        folder = root / f"p{i % 50:02}"
        folder.mkdir(parents=True, exist_ok=True)
        voxels = noise.integers(0, 999, (size, size + 1, size + 2), dtype=np.int16)
        if i % 3 == 2:
            np.save(folder / f"im{i:04}.npy", voxels)
        else:
            image = nibabel.Nifti1Image(voxels, np.diag([2, 2, 3, 1.0]))
            nibabel.save(image, folder / f"im{i:04}{'.nii.gz' if i % 3 else '.nii'}")
    whole = next(root.rglob("*.nii")).read_bytes()
    for i in range(broken):
        (root / f"p{i:02}/broken.nii").write_bytes(whole[: 400 + i])


def children(pid):
    """Return resident bytes of every process below one."""
    import psutil

    try:
        return {p.pid: p.memory_info().rss for p in psutil.Process(pid).children(recursive=True)}
    except psutil.NoSuchProcess:
        return {}


def summary(root):
    """Convert 2,000 images by two processes; print counts, speed and the memory of the largest worker."""
    tree(root / "in")
    started = time.perf_counter()
    process = subprocess.Popen(
        [*MLARRAY, "convert", root / "in", root / "out", "--jobs", "2", "--json"], stdout=subprocess.PIPE
    )
    samples = []

    def watch():
        while process.poll() is None:
            samples.append(max(children(process.pid).values(), default=0))
            time.sleep(0.1)

    watcher = threading.Thread(target=watch)
    watcher.start()
    lines = [json.loads(line) for line in process.communicate()[0].splitlines()]
    watcher.join()
    seconds = time.perf_counter() - started
    counts = {state: sum(line["state"] == state for line in lines) for state in ("converted", "failed")}
    assert (process.returncode, counts) == (1, {"converted": 2000, "failed": 40}), counts
    third = len(samples) // 3
    print(f"2,000 images and 40 broken ones: {counts}, {seconds:.1f} s, {2000 / seconds:.0f} images/s")
    peaks = [max(samples[i * third :][:third]) >> 20 for i in range(3)]
    print(f"RSS of the largest worker, by thirds: {peaks} MiB")


def speed(root):
    """Convert 24 images of 21 MB by one process and by two; print how much faster two are."""
    (root / "in").mkdir(parents=True)
    noise = np.random.default_rng(0)
    for i in range(24):
        smooth = np.cumsum(noise.integers(-3, 4, (160, 256, 256), dtype=np.int16), axis=2, dtype=np.int16)
        np.save(root / "in" / f"im{i:02}.npy", smooth)
    times = {1: [], 2: []}
    for turn in range(3):
        for jobs in times:
            command = [*MLARRAY, "convert", root / "in", root / f"out{turn}{jobs}", "-q", "--threads", "1"]
            started = time.perf_counter()
            subprocess.run([*command, "--jobs", str(jobs)], check=True)
            times[jobs].append(time.perf_counter() - started)
    one, two = min(times[1]), min(times[2])
    print(f"one process {one:.2f} s, two {two:.2f} s: {one / two:.2f} times")


def kills(root):
    """Kill a batch ten times, run it to its end, and verify every file."""
    from mlarray_io.checks.verifying import verify

    tree(root / "in")
    dice, killed = random.Random(), 0
    for _ in range(10):
        run = subprocess.Popen([*MLARRAY, "convert", root / "in", root / "out", "--jobs", "2", "--json"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        time.sleep(1 + dice.random() * 1.5)
        killed += run.poll() is None
        run.kill()
        run.wait()
    subprocess.run(
        [*MLARRAY, "convert", root / "in", root / "out", "-q"], stderr=subprocess.DEVNULL, check=False
    )
    made = sorted(path for path in (root / "out").rglob("*.mla"))
    wrong = [path for path in made if verify(path).state != "sealed"]
    left = list((root / "out").rglob(".*.tmp-*"))
    found = f"{len(made)} of 2,000 files, {len(wrong)} wrong, {len(left)} left behind"
    print(f"killed {killed} of 10 times: {found}")
    assert (len(made), len(wrong), len(left)) == (2000, 0, 0)


def journal(root, count=1_000_000):
    """Plan, resume and sum up a million images, sources and targets there as empty files."""
    source, out = root / "in", root / "out"
    (out / ".mlarray").mkdir(parents=True)
    from mlarray_io.batch.settings import BatchSettings
    from mlarray_io.engine.settings import Settings
    from mlarray_io.places.place import place_of

    digest = BatchSettings(place_of(out), Settings()).fingerprint()
    with (out / ".mlarray/journal.jsonl").open("w") as file:
        for i in range(count):
            if i % 1000 == 0:
                (source / f"p{i // 1000:04}").mkdir(parents=True)
                (out / f"p{i // 1000:04}").mkdir()
            place = f"p{i // 1000:04}/im{i % 1000:03}"
            path = source / f"{place}.nii.gz"
            path.touch()
            (out / f"{place}.mla").touch()
            same = {"source": str(path), "size": 0, "mtime_ns": path.stat().st_mtime_ns, "options": digest}
            image = {"image": "0", "target": f"{place}.mla", "bytes": 0, "checksum": "0" * 32}
            file.write(json.dumps({**same, "state": "started", "place": place}) + "\n")
            done = {**same, "state": "done", "images": [image], "voxel_bytes": 99, "seconds": 0.01}
            file.write(json.dumps(done) + "\n")
    started = time.perf_counter()
    subprocess.run([*MLARRAY, "convert", source, out], check=True)
    seconds, used = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    busy, peak = used.ru_utime + used.ru_stime, used.ru_maxrss >> 10
    print(f"a journal of {count:,} entries, all skipped: {seconds:.1f} s, {busy:.1f} s busy, {peak} MiB")
    assert busy < 60
    assert peak < 1000


def regions(root, shape=(1000, 1024, 1024)):
    """Convert 2 GB by four Dask workers, one of them killed midway, and by one process; compare."""
    from distributed import LocalCluster

    root.mkdir(exist_ok=True)
    voxels = np.lib.format.open_memmap(root / "huge.npy", "w+", np.int16, shape)
    noise = np.random.default_rng(0)
    for plane in voxels:
        plane[...] = np.cumsum(noise.integers(-3, 4, shape[1:], dtype=np.int16), axis=1, dtype=np.int16)
    del voxels
    command = [*MLARRAY, "convert", "--stats", "-q", root / "huge.npy"]
    started = time.perf_counter()
    subprocess.run([*command, root / "alone.mla"], check=True)
    alone = time.perf_counter() - started
    with LocalCluster(n_workers=4, threads_per_worker=1, dashboard_address=None) as cluster:
        victim = next(iter(cluster.workers.values())).pid
        threading.Timer(alone / 2, os.kill, (victim, signal.SIGKILL)).start()
        started = time.perf_counter()
        together = [root / "together.mla", "--scheduler", cluster.scheduler_address]
        subprocess.run([*command, *together], check=True)
        seconds = time.perf_counter() - started
        assert victim not in {worker.pid for worker in cluster.workers.values()}, "killed too late"
    _same(root / "alone.mla", root / "together.mla")
    print(f"2 GB: one process {alone:.1f} s, four workers {seconds:.1f} s; voxels and metadata equal")


def _same(one, other):
    with mlarray.MLArray.open(one) as left, mlarray.MLArray.open(other) as right:
        assert left.meta.to_plain() == right.meta.to_plain(), (left.meta.stats, right.meta.stats)
        assert left.shape == right.shape
        for start in range(0, left.shape[0], 64):
            assert np.array_equal(left[start : start + 64], right[start : start + 64])


if __name__ == "__main__":
    for name in sys.argv[1:] or ("summary", "speed", "kills", "journal", "regions"):
        with tempfile.TemporaryDirectory() as folder:
            globals()[name](Path(folder))
