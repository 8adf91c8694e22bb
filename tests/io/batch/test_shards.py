"""The recipe for job arrays in docs/scale.md, run as it stands there but for the folders and the count."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_io.checks.verifying import verify

sys.path.insert(0, str(Path(__file__).parents[1]))
from batches import convert, files, states

PAGE = Path(__file__).parents[3] / "docs/scale.md"
COUNT = 3
pytestmark = pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")


@pytest.fixture
def archive(tmp_path):
    """Twelve images in folders, by the name of the target."""
    noise = np.random.default_rng(0)
    images = {f"p{i % 4}/im{i:02}": noise.integers(0, 99, (40, 50, 60), np.int16) for i in range(12)}
    for name, voxels in images.items():
        (tmp_path / "archive" / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "archive" / f"{name}.npy", voxels)
    return images


def recipe(folder):
    """Return the command line of the page's job array, for `COUNT` tasks and the folders of a test."""
    found = re.search(
        r"^## A job array\n+(?:<!-- .* -->\n)?```sh\n#SBATCH --array=1-(\d+) .*\n(.*)\n```",
        PAGE.read_text("utf-8"),
        re.M,
    )
    count, line = found.groups()
    assert line.count(f"$SLURM_ARRAY_TASK_ID/{count} ") == 1
    assert line.count("/data/") == 2
    return line.replace(f"_ID/{count} ", f"_ID/{COUNT} ").replace("/data/", f"{folder}/")


def task(line, number):
    """Start a task as SLURM does: a shell with its number in the environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "SLURM_ARRAY_TASK_ID": str(number)}
    return subprocess.Popen(
        ["sh", "-c", f"exec {line}"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def check(folder, archive):
    """Each image is there once, whole; nothing else; each was done by one task, once."""
    out = folder / "converted"
    assert files(out) == sorted(f"{name}.mla" for name in archive)
    for name, voxels in archive.items():
        assert verify(out / f"{name}.mla").state == "sealed"
        np.testing.assert_array_equal(mlarray.read(out / f"{name}.mla"), voxels)
    done = Counter()
    for journal in out.glob(".mlarray/journal*.jsonl"):
        lines = map(json.loads, journal.read_text(encoding="utf-8").splitlines())
        done.update(line["source"] for line in lines if line["state"] == "done")
    assert done == {str(folder / "archive" / f"{name}.npy"): 1 for name in archive}
    assert not list(out.rglob(".*.tmp-*"))


def test_each_image_is_of_one_task(tmp_path, capfd, archive, monkeypatch):
    line = recipe(tmp_path)
    counts = []
    for number in range(1, COUNT + 1):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(number))
        words = shlex.split(os.path.expandvars(line))
        assert words[:2] == ["mlarray", "convert"]
        code, lines = convert(capfd, *words[2:], "--jobs", "1")  # here, not in processes
        assert code == 0
        counts.append(states(lines)["converted"])
    assert sum(counts) == len(archive)
    assert all(counts)
    check(tmp_path, archive)
    assert states(convert(capfd, tmp_path / "archive", tmp_path / "converted", "--stats")[1])["skipped"] == 12


@pytest.mark.slow
def test_tasks_at_the_same_time_one_of_which_is_killed_and_requeued(tmp_path, capfd, archive):
    line = recipe(tmp_path)
    tasks = [task(line, number) for number in range(1, COUNT + 1)]
    journal = tmp_path / f"converted/.mlarray/journal-2-of-{COUNT}.jsonl"
    while tasks[1].poll() is None and (not journal.exists() or b'"started"' not in journal.read_bytes()):
        time.sleep(0.005)
    tasks[1].send_signal(signal.SIGKILL)
    ends = [one.communicate()[1] for one in tasks]
    assert [one.returncode for one in tasks] == [0, -signal.SIGKILL, 0], ends
    again = task(line, 2)
    assert (again.communicate()[1], again.returncode) == (b"", 0)
    check(tmp_path, archive)
    assert states(convert(capfd, tmp_path / "archive", tmp_path / "converted", "--stats")[1])["skipped"] == 12
