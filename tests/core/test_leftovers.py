"""What killed writers leave, and who may remove it: not another machine's, not a living process's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from mlarray_core.leftovers import ELSEWHERE_SECONDS, discard, sweep, temporary_name

if TYPE_CHECKING:
    from pathlib import Path

DAY = 25 * 3600


def temporary(folder: Path, pid: int, age: float, name: str = "a.mla", machine: str = "") -> Path:
    made = folder / f".{name}.tmp-{pid}-0123abcd{machine}"
    made.mkdir()
    (made / name).write_bytes(b"half")
    grow_old(made, age)
    return made


def grow_old(folder: Path, age: float) -> None:
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (time.time() - age, time.time() - age))


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_sweeping_removes_what_dead_processes_left_long_ago(tmp_path: Path) -> None:
    old = temporary(tmp_path, dead_pid(), DAY)
    kept = [
        temporary(tmp_path, os.getpid(), DAY),
        temporary(tmp_path, dead_pid(), 60, "fresh.mla"),
        tmp_path / ".other.tmp-x",
    ]
    kept[-1].mkdir()
    assert sweep(tmp_path) == [old]
    assert not old.exists()
    assert all(path.exists() for path in kept)


def test_what_changes_deep_inside_is_alive(tmp_path: Path) -> None:
    """A writer of a Zarr changes files in folders, whose own times stay."""
    old = temporary(tmp_path, dead_pid(), DAY)
    (old / "c" / "0").mkdir(parents=True)
    grow_old(old, DAY)
    (old / "c" / "0" / "1").write_bytes(b"chunk")
    for path in (old, old / "c", old / "c" / "0"):
        os.utime(path, (time.time() - DAY, time.time() - DAY))
    assert sweep(tmp_path) == []
    grow_old(old, DAY)
    assert sweep(tmp_path) == [old]


def test_another_machines_writer_is_left_alone(tmp_path: Path) -> None:
    """On a shared disk, the number of its process is that of none here, and says nothing."""
    living = temporary(tmp_path, dead_pid(), DAY, machine="-deadbeef")
    discard(tmp_path)
    discard(tmp_path, "a.mla")
    assert sweep(tmp_path) == []
    assert living.exists()
    grow_old(living, ELSEWHERE_SECONDS + 60)
    assert sweep(tmp_path) == [living]


def test_names_tell_the_machine(tmp_path: Path) -> None:
    mine = tmp_path / temporary_name("a.mla").replace(str(os.getpid()), str(dead_pid()))
    mine.mkdir()
    discard(tmp_path, "a.mla")
    assert not mine.exists()


def test_sweeping_follows_no_links(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / f".a.mla.tmp-{dead_pid()}-0123abcd").symlink_to(real)
    assert sweep(tmp_path, older=-1) == []
    assert real.exists()


def test_sweeping_puts_back_a_folder_whose_replacement_was_killed(tmp_path: Path) -> None:
    left = temporary(tmp_path, dead_pid(), 99, "a.zarr")
    (left / "a.zarr.replaced").mkdir()
    (left / "a.zarr.replaced" / "voxels").write_bytes(b"old")
    sweep(tmp_path, older=-1)
    assert (tmp_path / "a.zarr" / "voxels").read_bytes() == b"old"
    assert not left.exists()


@pytest.mark.parametrize("placed", [True, False])
def test_sweeping_puts_back_a_pair_whose_replacement_was_killed(tmp_path: Path, placed: bool) -> None:
    """The header goes first and comes last: until then the old pair is whole, in the temporary folder."""
    left = temporary(tmp_path, dead_pid(), 99, "a.hdr")
    (left / "a.hdr.replaced").write_bytes(b"old header")
    (left / "a.img.before").write_bytes(b"old voxels")
    ((tmp_path if placed else left) / "a.img").write_bytes(b"new voxels")
    sweep(tmp_path, older=-1)
    assert (tmp_path / "a.hdr").read_bytes() == b"old header"
    assert (tmp_path / "a.img").read_bytes() == b"old voxels"


def test_a_pair_that_is_in_place_stays(tmp_path: Path) -> None:
    left = tmp_path / f".a.hdr.tmp-{dead_pid()}-0123abcd"
    left.mkdir()
    (left / "a.hdr.replaced").write_bytes(b"old header")
    (left / "a.img.before").write_bytes(b"old voxels")
    for name in ("a.hdr", "a.img"):
        (tmp_path / name).write_bytes(b"new")
    sweep(tmp_path, older=-1)
    assert [(tmp_path / name).read_bytes() for name in ("a.hdr", "a.img")] == [b"new", b"new"]


def test_what_somebody_wrote_since_stays(tmp_path: Path) -> None:
    left = temporary(tmp_path, dead_pid(), 99, "a.hdr")
    (left / "a.hdr.replaced").write_bytes(b"old header")
    (left / "a.img.before").write_bytes(b"old voxels")
    for name in ("a.hdr", "a.img"):
        (tmp_path / name).write_bytes(b"since")
    sweep(tmp_path, older=-1)
    assert [(tmp_path / name).read_bytes() for name in ("a.hdr", "a.img")] == [b"since", b"since"]
