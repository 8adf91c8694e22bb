"""A disk that fills up at some moment of a write: the old file stays, the error says what and where."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlarray import MLArray, convert
from mlarray_core.errors import WriteError
from tests.trust.kill_worker import SHAPE, image, voxels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FRACTIONS = [0.02, 0.12, 0.25, 0.37, 0.5, 0.62, 0.75, 0.87, 0.95, 0.99]
WAYS = ("save", "create", "convert", "edit")


def run() -> list[str]:
    """Fill the disk at each fraction of each way to write; return what went wrong."""
    classes: Counter[str] = Counter()
    failures = []
    with tempfile.TemporaryDirectory() as name, small_disk(Path(name)) as (disk, limited, how):
        sources = Path(name) / "sources"
        sources.mkdir(exist_ok=True)
        for version in (0, 1):
            image(version).save(sources / f"{version}.mla")
        size = (sources / "1.mla").stat().st_size
        for way in WAYS:
            for fraction in FRACTIONS:
                word = _filled(way, disk, sources, int(fraction * size), limited)
                classes[f"{way}: {word}"] += 1
                if word != "old kept, disk and path named":
                    failures.append(f"disk full at {fraction} of {way}: {word}")
    print(f"disk full, by {how}: {len(WAYS)} ways, {len(FRACTIONS)} fractions")
    for word, times in sorted(classes.items()):
        print(f"  {word:40} {times}")
    return failures


def _filled(way: str, disk: Path, sources: Path, room: int, limited: Callable[[Path, int], None]) -> str:
    target = disk / "a.mla"
    limited(disk, -1)
    target.write_bytes((sources / "0.mla").read_bytes())
    before = target.read_bytes()
    try:
        _write(way, target, sources, lambda: limited(disk, room))
    except WriteError as error:
        cause = "disk is full" in str(error) or "too large" in str(error)
        word = "" if cause and str(target) in str(error) else str(error)
    except Exception as error:
        word = f"{type(error).__name__}: {error}"
    else:
        word = "no error"
    limited(disk, -1)
    left = [path.name for path in disk.iterdir() if path.name not in ("a.mla", "filler")]
    if left:
        return f"left {left}"
    if target.read_bytes() != before:
        return "changed"
    with MLArray.open(target, verify="full") as found:
        if not np.array_equal(found.to_numpy(), voxels(0)):
            return "wrong"
    return word or "old kept, disk and path named"


def _write(way: str, target: Path, sources: Path, fill: Callable[[], None]) -> None:
    if way == "save":
        new = image(1)
        fill()
        new.save(target)
    elif way == "convert":
        fill()
        convert(sources / "1.mla", target, overwrite=True)
    elif way == "create":
        with MLArray.create(target, SHAPE, "i2", chunk_size=(32, 48, 48), block_size=(16, 16, 16)) as new:
            fill()
            new[...] = voxels(1)
    else:
        with MLArray.open(target, mmap_mode="r+") as old:
            fill()
            old[...] = voxels(1)


@contextmanager
def small_disk(folder: Path) -> Iterator[tuple[Path, Callable[[Path, int], None], str]]:
    """Yield a folder, a function that leaves only so much room in it (-1: enough), and how that is done."""
    disk = folder / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        if mounted:
            yield disk, _fill, "tmpfs"
        else:
            yield disk, _limit_files, "RLIMIT_FSIZE"
    finally:
        _limit_files(disk, -1)
        if mounted:
            subprocess.run(["umount", "-l", str(disk)], check=True)


def _fill(disk: Path, room: int) -> None:
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    if room >= 0:
        free = os.statvfs(disk)
        with open(filler, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, free.f_bavail * free.f_frsize - room))


def _limit_files(disk: Path, room: int) -> None:
    """Let files grow no further than `room` bytes; in-place edits begin behind what is there."""
    target = disk / "a.mla"
    size = target.stat().st_size if target.exists() else 0
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    limit = hard if room < 0 else room if not _edits(target) else size + room
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))


def _edits(target: Path) -> bool:
    """Whether this process has the file open for editing."""
    from mlarray_core.container.mapping import being_written

    return target.exists() and being_written(str(target))
