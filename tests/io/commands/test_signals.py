"""Commands that replace files and are told to stop leave the old file, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from mlarray import MLArray

SLOW = """
import sys, time
from mlarray_core import disk
def slow(path):
    print("now", flush=True)
    time.sleep(30)
disk.sync_one = slow
from mlarray_io.commands.main import main
sys.exit(main(sys.argv[1:]))
"""
COMMANDS = {
    "levels --build": ["levels", "FILE", "--build"],
    "levels --drop": ["levels", "FILE", "--drop"],
    "verify --reseal": ["verify", "FILE", "--reseal"],
    "show": ["show", "FILE", "-o", "FOLDER/b.png"],
}


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_signal_leaves_the_old_file_alone(tmp_path, name):
    path = tmp_path / "a.mla"
    voxels = np.random.default_rng(0).integers(0, 900, (40, 40, 40)).astype("i2")
    MLArray(voxels).save(path, levels=1)
    if name == "verify --reseal":
        with path.open("ab") as file:
            file.write(b"what an interrupted edit has left")
    before = path.read_bytes()
    arguments = [one.replace("FILE", str(path)).replace("FOLDER", str(tmp_path)) for one in COMMANDS[name]]
    child = subprocess.Popen(
        [sys.executable, "-c", SLOW, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"now\n"
    assert len(list(tmp_path.iterdir())) == 2
    child.send_signal(signal.SIGTERM)
    _, complaint = child.communicate(timeout=20)
    assert child.returncode == 143
    assert b"Traceback" not in complaint
    assert [one.name for one in tmp_path.iterdir()] == ["a.mla"]
    assert path.read_bytes() == before


FETCHING = """
import sys, time
from mlarray_io.places import fetching
def slow(*_):
    print("now", flush=True)
    time.sleep(30)
fetching._pour = slow
from mlarray_io.commands.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("command", [["info"], ["info", "--json"], ["show"]])
def test_a_signal_leaves_nothing_of_what_was_fetched(tmp_path, command):
    pytest.importorskip("fsspec")
    np.save(tmp_path / "a.npy", np.zeros((3, 4)))
    (tmp_path / "temporary").mkdir()
    url = f"simplecache::file://{tmp_path}/a.npy"
    child = subprocess.Popen(
        [sys.executable, "-c", FETCHING, *command, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == b"now\n"
    assert list((tmp_path / "temporary").glob(".mlarray-spool.tmp-*"))
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=20)
    assert child.returncode == 143
    assert not list((tmp_path / "temporary").glob(".mlarray-spool.tmp-*"))
