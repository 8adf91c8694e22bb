"""Processes killed while they write: the file is the old one or the new one, whole."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from mlarray import MLArray
from mlarray_core.errors import MLArrayError
from mlarray_core.leftovers import sweep
from tests.trust.child import Child
from tests.trust.kill_worker import image, voxels


def run(how: str, count: int, seed: int) -> list[str]:
    """Kill `count` processes that write by `how`; return what went wrong."""
    draw = random.Random(f"{seed}/{how}")
    expected = {version: voxels(version) for version in (0, 1)}
    classes: Counter[str] = Counter()
    failures = []
    left = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target = folder / "a.mla"
        image(0).save(target)
        writers = Child("tests.trust.kill_worker", how, name)
        for number in range(count):
            kill_one(writers, number, draw)
            word = state(target, expected)
            classes[word] += 1
            if not word.startswith("whole"):
                failures.append(f"{how} kill {number}: {word}")
                image(0).save(target)
            left += len(sweep(folder, older=0))
        writers.stop()
        remains = [path.name for path in folder.iterdir() if ".tmp-" in path.name]
        if remains:
            failures.append(f"{how}: {remains} were not swept")
    print(f"kills in {how}: {count}, seed {seed}; {left} temporary folders swept")
    for word, times in sorted(classes.items()):
        print(f"  {word:16} {times}")
    return failures


def kill_one(writers: Child, number: int, draw: random.Random) -> None:
    """Start a writer and kill it at a random moment of its work."""
    pid, seconds = writers.ask(str(number)).split()
    time.sleep(draw.random() * FILES * float(seconds))
    os.kill(int(pid), signal.SIGKILL)
    if writers.more() != "gone":
        raise RuntimeError("the writer outlived its kill")


FILES = 3
"""How many files a writer writes until it is killed, at most."""


def state(target: Path, expected: dict[int, np.ndarray]) -> str:
    """Return what a file is after a kill."""
    if not target.exists():
        return "lost"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with MLArray.open(target, verify="full") as found:
                version = found.meta.source["version"]
                if not np.array_equal(found.to_numpy(), expected[version]):
                    return "wrong"
    except MLArrayError as error:
        return f"unreadable: {error}"
    return f"whole, version {version}"
