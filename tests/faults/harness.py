"""Each system call that changes the disk fails once, in each way to write, and what is then there is judged.

``python -m tests.faults.harness`` tries every moment and prints a table, in a few minutes; names of ways
choose some. Needs Linux and a C compiler. A moment is one call with one fault: an input/output error, a full
disk, a kill just before it, and a kill in its middle.

old, new
    The file is one of the two versions, whole (``verify="full"``), and writing again gives the new one.
clear
    It can't be read, says so, and writing again mends it.
mixed, lost
    It is neither, or can't be mended. Never allowed.
bare
    An error that isn't one of mlarray's, so that a caller can't know what it means. Never allowed.
false
    An error that says that the target is unchanged, which it isn't. Never allowed.
left
    Temporary files are left, although the process lived. Never allowed.
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
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.faults.write_paths import WAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

SHIM = Path(__file__).with_name("shim.c")
FAULTS = {
    "EIO": ("error", errno.EIO),
    "ENOSPC": ("error", errno.ENOSPC),
    "kill before": ("kill", 0),
    "kill within": ("torn", 0),
}
GOOD, BAD = ("old", "new", "clear"), ("mixed", "lost", "bare", "false", "left")


def is_able() -> bool:
    """Whether this machine can compile and preload the shim."""
    return sys.platform == "linux" and shutil.which("cc") is not None


def compiled(folder: Path) -> Path:
    library = folder / "shim.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SHIM, "-ldl"], check=True)
    return library


class Moment(NamedTuple):
    """One call that failed, and what came of it."""

    way: str
    fault: str
    at: int
    verdict: str
    text: str


class Worker:
    """A process that writes with faults and looks at what is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        environment = {**os.environ, "LD_PRELOAD": str(compiled(folder)), "PYTHONDONTWRITEBYTECODE": "1"}
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


def moments(worker: Worker, way: str, every: int = 1) -> Iterator[Moment]:
    """Yield what comes of each moment of a way; of every n-th one, each time another."""
    before = worker.folder / "before"
    before.mkdir()
    old = worker.ask("prepare", way, before)["state"]
    whole = worker.folder / "whole"
    shutil.copytree(before, whole)
    done = worker.ask("act", way, whole)
    assert done["raised"] is None, done
    new = worker.ask("look", way, whole)["state"]
    assert new != old or way == "reseal", f"{way} changes nothing"
    for index, (fault, (kind, code)) in enumerate(FAULTS.items()):
        for at in range(1 + index % every, done["calls"] + 1, every):
            folder = worker.folder / "now"
            shutil.copytree(before, folder)
            ended = worker.ask("act", way, folder, at=at, kind=kind, code=code)
            found = worker.ask("look", way, folder)
            yield Moment(way, fault, at, _verdict(ended, found, old, new), ended.get("text", ""))
            shutil.rmtree(folder)
    shutil.rmtree(before)
    shutil.rmtree(whole)


def _verdict(ended: dict, found: dict, old: object, new: object) -> str:
    if ended.get("raised") and not ended["ours"]:
        return "bare"
    if found["left"] and "signal" not in ended:
        return "left"
    if found["again"] != new:
        return "lost"
    if found["state"] == old:
        return "old"
    if "unchanged" in ended.get("text", ""):
        return "false"
    if found["state"] == new:
        return "new"
    return "clear" if isinstance(found["state"], str) else "mixed"


def table(found: list[Moment]) -> list[str]:
    """Return lines that count what came of the moments of each way."""
    columns = (*GOOD, *BAD)
    lines = [f"{'':24}{'moments':>8}" + "".join(f"{name:>7}" for name in columns)]
    for way in [*dict.fromkeys(moment.way for moment in found), "all"]:
        verdicts = Counter(moment.verdict for moment in found if way in (moment.way, "all"))
        counts = "".join(f"{verdicts[name]:7}" for name in columns)
        lines.append(f"{way:24}{verdicts.total():8}{counts}")
    return lines


def run(ways: list[str], every: int = 1) -> list[Moment]:
    """Return what came of all moments of some ways, or of every n-th one."""
    found = []
    with tempfile.TemporaryDirectory() as folder, Worker(Path(folder)) as worker:
        for way in ways:
            found += moments(worker, way, every)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("ways", nargs="*", help="of " + ", ".join(WAYS))
    parser.add_argument("--every", type=int, default=1, help="try every n-th moment only")
    given = parser.parse_args()
    found = run(given.ways or list(WAYS), given.every)
    for moment in found:
        if moment.verdict in BAD:
            print(f"{moment.way}, {moment.fault} at call {moment.at}: {moment.verdict} {moment.text}")
    print(*table(found), sep="\n")
    return int(any(moment.verdict in BAD for moment in found))


if __name__ == "__main__":
    sys.exit(main())
