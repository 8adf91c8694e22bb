"""All methods by processor time; two workers by the clock; a thousand files; many files again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.train import cases, methods, turns

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path


def everything(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Return all results."""
    import torch

    torch.set_num_threads(1)
    results: dict[str, Any] = {"left out": {}}
    results["cpu"] = alone(folder, asked.rounds, asked.patches, results["left out"])
    results["workers"] = workers(folder, asked.rounds, results["left out"])
    results["thousand"] = child("thousand", folder)
    if asked.reference is not None:
        results["many"] = many(folder, asked.reference, asked.rounds, again=True)
        results["once"] = many(folder, asked.reference, asked.rounds, again=False)
    return results


def alone(folder: Path, rounds: int, count: int, left_out: dict[str, str]) -> dict[str, list[float]]:
    """Return processor milliseconds a patch of each method for each round, and note what was left out."""
    times: dict[str, list[float]] = {}
    for library in turns.LIBRARIES:
        done = child("turns", folder, library, str(rounds), str(count))
        times |= done["times"]
        left_out |= done["left out"]
    return times


def workers(folder: Path, rounds: int, left_out: dict[str, str]) -> dict[str, list[float]]:
    """Return milliseconds of the clock a patch with two workers and batches of four."""
    from torch.utils.data import DataLoader

    ways: dict[str, Callable[[], Any]] = {
        "PatchDataset": lambda: methods.dataset(folder),
        "PatchDataset, float32": lambda: methods.dataset(folder, "float32"),
        "nnU-Net's pattern, float32": lambda: methods.Pattern(folder),
    }
    times: dict[str, list[float]] = {}
    for turn in range(rounds):
        for name, make in ways.items():
            if name in left_out:
                continue
            loader = iter(DataLoader(make(), 4, num_workers=2, multiprocessing_context="fork"))
            for _ in range(8):
                next(loader)
            began = time.perf_counter()
            for _ in range(24):
                next(loader)
            if turn:
                times.setdefault(name, []).append((time.perf_counter() - began) / 24 / 4 * 1e3)
            del loader
    return times


def child(module: str, folder: Path, *given: str) -> Any:
    """Return what a module beside this one measures in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.train.{module}", str(folder), *given]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


ONE_EACH = """\
import json, random, sys, time
from mlarray import MLArray
paths, size, shape = json.loads(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
again = sys.argv[4] == "again"
chance = random.Random(0)
jobs = []
for _ in range(4 if again else 1):
    for path in paths:
        start = [chance.randrange(n - size + 1) for n in shape]
        jobs.append((path, tuple(slice(s, s + size) for s in start)))
def go(jobs):
    for path, box in jobs:
        image = MLArray.open(path); image[box]; image.close()
first = jobs if again else jobs[:8]
go(first)
rest = jobs if again else jobs[8:]
times = []
for _ in range(4 if again else 1):
    began = time.process_time(); go(rest); times.append((time.process_time() - began) / len(rest) * 1e3)
print(min(times))
"""
SAVE = "import sys, numpy as np; from mlarray import MLArray; MLArray(np.load(sys.argv[1])).save(sys.argv[2])"
CASES, COPIES = 12, 6
"""Cases for one patch from each of many files, and files of each of them where none comes again."""


def many(folder: Path, reference: Path, rounds: int, *, again: bool) -> dict[str, dict[str, list[float]]]:
    """Return processor milliseconds of one patch from each of many files: opened, read, closed.

    Parameters
    ----------
    folder
        Of the cases.
    reference
        Python that has mlarray 0.0.54.
    rounds
        Processes of each, in turns.
    again
        Whether the process has had each of the files open before.
    """
    programs = {"ours": [sys.executable], "reference": [str(reference), "-I"]}
    files = _many_files(folder, reference, 1 if again else COPIES)
    found: dict[str, dict[str, list[float]]] = {}
    for size in (64, 96, 128):
        cell: dict[str, list[float]] = {key: [] for key in programs}
        for turn in range(rounds):
            for key in list(programs)[:: 1 if turn % 2 else -1]:
                given = [json.dumps(files[key]), str(size), json.dumps(cases.SHAPE)]
                command = [*programs[key], "-c", ONE_EACH, *given, "again" if again else "once"]
                done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
                cell[key].append(float(done.stdout))
        found[str(size)] = cell
    return found


def _many_files(folder: Path, reference: Path, copies: int) -> dict[str, list[str]]:
    """Return files of ours and of the reference, with the same voxels."""
    import numpy as np

    from mlarray import MLArray

    files: dict[str, list[str]] = {"ours": [], "reference": []}
    (folder / "many").mkdir(exist_ok=True)
    for name in cases.names(folder)[:CASES]:
        ours, theirs = folder / "mla" / f"{name}.mla", folder / "many" / f"{name}-reference.mla"
        if not theirs.exists():
            np.save(folder / "now.npy", MLArray.open(ours).to_numpy())
            subprocess.run([reference, "-I", "-c", SAVE, folder / "now.npy", theirs], check=True)
        for key, path in (("ours", ours), ("reference", theirs)):
            for number in range(copies):
                copy = path if copies == 1 else folder / "many" / f"{name}-{key}-{number}.mla"
                if not copy.exists():
                    shutil.copyfile(path, copy)
                files[key].append(str(copy))
    return {key: sorted(paths, key=lambda path: path[-6:]) for key, paths in files.items()}
