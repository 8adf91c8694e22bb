"""Each system call that changes the disk fails once, in each way to write, and what is then there is judged.

``python -m tests.faults.harness`` tries every moment and prints a table; names of ways, or of groups of them
(core, formats, batches, uploads), choose some. Needs Linux and a C compiler. A moment is one call with one
fault: an input/output error, no room, no room from then on, a kill just before it, and one in its middle.

old, new
    The file is one of the two versions, whole (``verify="full"``), and writing again gives the new one.
clear
    It can't be read, or isn't there, says so, and writing again mends it. Of a batch: each image is old, new
    or clear by itself, and running it again gives all of them.
mixed, lost
    It is neither, or can't be mended. Never allowed.
bare
    An error that isn't one of mlarray's, so that a caller can't know what it means. Never allowed.
false
    An error that says that the target is unchanged, which it isn't. Never allowed.
silent
    No error, although what was to be written isn't there. Never allowed.
died
    A failing call ended the process. Never allowed.
left
    Temporary files are left, although the process lived, or data files that no header names. Never allowed.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.faults.ways import GROUPS, WAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

SHIM = Path(__file__).with_name("shim.c")
FAULTS = {
    "EIO": ("error", errno.EIO),
    "ENOSPC": ("error", errno.ENOSPC),
    "full disk": ("full", 0),
    "kill before": ("kill", 0),
    "kill within": ("torn", 0),
}
GOOD, BAD = ("old", "new", "clear"), ("mixed", "lost", "bare", "false", "silent", "died", "left")
_COUNTED = 0.9
"""Of what is in the files, what must have been seen to be written: HDF5 leaves small holes."""
_STATE = 8192
"""Bytes of the file that the shim's state lies in, with room to spare."""


def is_able() -> bool:
    """Whether this machine can compile and preload the shim."""
    return sys.platform == "linux" and shutil.which("cc") is not None


def compiled(folder: Path) -> Path:
    library = folder / "shim.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SHIM, "-ldl"], check=True)
    return library


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder, in memory where that is possible: syncing takes no time there."""
    memory = Path("/dev/shm")
    usable = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 28
    with tempfile.TemporaryDirectory(dir=memory if usable else None) as folder:
        yield Path(folder)


class Moment(NamedTuple):
    """One call that failed, and what came of it."""

    way: str
    fault: str
    at: int
    verdict: str
    text: str
    found: dict[str, object]


class Worker:
    """A process that writes with faults and looks at what is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        state = folder / "state"
        state.write_bytes(bytes(_STATE))
        environment = {
            **os.environ, "LD_PRELOAD": str(compiled(folder)), "FAULT_STATE": str(state),
            "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=SHIM.parents[2],
        )  # fmt: skip

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(
        self, job: str, way: str, folder: Path, *, at: int = 0, kind: str = "count", code: int = 0
    ) -> Any:
        request = {"job": job, "way": way, "folder": str(folder), "at": at, "kind": kind, "errno": code}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class Versions(NamedTuple):
    """What is there before a way is gone, and after; and its files."""

    old: Any
    new: Any
    parts: bool
    files: list[str]
    left: list[str]


def moments(worker: Worker, way: str, every: int = 1) -> Iterator[Moment]:
    """Yield what comes of each moment of a way; of every n-th one, each time another."""
    every *= WAYS[way].stride
    before = worker.folder / "before"
    before.mkdir()
    before_it = worker.ask("prepare", way, before)
    old = before_it["state"]
    whole = worker.folder / "whole"
    shutil.copytree(before, whole, symlinks=True)
    done = worker.ask("act", way, whole)
    assert done.get("raised", done) is None, done
    seen = done["bytes"] >= _COUNTED * done["fresh"] or not WAYS[way].counted
    assert seen, f"{way} writes in a way that isn't counted: {done}"
    found = worker.ask("look", way, whole)
    versions = Versions(old, found["state"], WAYS[way].parts, found["files"], before_it["left"])
    assert versions.new == found["again"], found
    assert versions.new != old or way == "reseal", f"{way} changes nothing"
    for index, (fault, (kind, code)) in enumerate(FAULTS.items()):
        first = 1 + index * min(every, done["calls"]) // len(FAULTS)
        for at in range(first, done["calls"] + 1, every):
            folder = worker.folder / "now"
            shutil.copytree(before, folder, symlinks=True)
            ended = worker.ask("act", way, folder, at=at, kind=kind, code=code)
            if kind in ("error", "full") and "signal" in ended:
                ended["died"] = True
            found = worker.ask("look", way, folder)
            came = verdict(ended, found, versions)
            yield Moment(way, fault, at, came, ended.get("text", ""), found)
            shutil.rmtree(folder)
    shutil.rmtree(before)
    shutil.rmtree(whole)


def verdict(ended: dict, found: dict, versions: Versions) -> str:
    """Return what came of a moment.

    Parameters
    ----------
    ended
        How the process ended: an error, a signal, or nothing of both.
    found
        What is there then, and what is there after writing again.
    versions
        What may be there.
    """
    if ended.get("died"):
        return "died"
    if ended.get("raised") and not ended["ours"]:
        return "bare"
    if set(found["left"]) - set(versions.left) and "signal" not in ended:
        return "left"
    if found["again"] != versions.new:
        return "lost"
    state = _state(found["state"], versions)
    if ended.get("raised", "killed") is None and state != "new":
        return "silent"
    text = ended.get("text", "")
    changed = state not in ("old", "some") and versions.old != versions.new  # sealing anew changes no value
    if "unchanged" in text and ".mlarray" not in text and changed:
        return "false"
    if len(found["files"]) > len(versions.files) and "signal" not in ended:
        return "left"
    return "clear" if state in ("some", "missing") else state


def _state(state: Any, versions: Versions) -> str:
    """Say which version is there; ``some`` of a batch's images, where each is one or the other."""
    if versions.parts and isinstance(state, dict):
        of = {name: _one(state[name], versions.old[name], versions.new[name]) for name in versions.new}
        kinds = set(of.values())
        return kinds.pop() if len(kinds) == 1 else "mixed" if "mixed" in kinds else "some"
    return _one(state, versions.old, versions.new)


def _one(state: Any, old: Any, new: Any) -> str:
    if state == new:
        return "new"
    if state == old:
        return "old"
    return "clear" if isinstance(state, str) else "missing" if state is None else "mixed"


def row(name: str, found: list[Moment]) -> str:
    """Return a line that counts what came of some moments."""
    verdicts = Counter(moment.verdict for moment in found)
    return f"{name:30}{len(found):8}" + "".join(f"{verdicts[column]:7}" for column in (*GOOD, *BAD))


def run(ways: list[str], every: int = 1) -> list[Moment]:
    """Print what came of all moments of some ways, or of every n-th one, and return them."""
    print(f"{'':30}{'moments':>8}" + "".join(f"{column:>7}" for column in (*GOOD, *BAD)))
    found: list[Moment] = []
    with scratch() as folder, Worker(folder) as worker:
        for way in ways:
            here = list(moments(worker, way, every))
            print(row(way, here), flush=True)
            for moment in here:
                if moment.verdict in BAD:
                    print(f"  {moment.fault} at call {moment.at}: {moment.verdict} {moment.text}")
                    print(f"    {moment.found}")
            found += here
    print(row("all", found))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("ways", nargs="*", help=f"of {', '.join([*GROUPS, *WAYS])}")
    parser.add_argument("--every", type=int, default=1, help="try every n-th moment only")
    given = parser.parse_args()
    started = time.perf_counter()
    chosen = [way for name in given.ways for way in GROUPS.get(name, [name])]
    found = run(chosen or list(WAYS), given.every)
    print(f"{time.perf_counter() - started:.0f} s")
    return int(any(moment.verdict in BAD for moment in found))


if __name__ == "__main__":
    sys.exit(main())
