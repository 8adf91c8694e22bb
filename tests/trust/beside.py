"""Readers beside a writer: each sees one whole version, whatever the writer is doing."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from mlarray import MLArray

SHAPE = (64, 64, 64)
READERS = 2


def run(seconds: float, seed: int) -> list[str]:
    """Let one process write and two read for a while; return what went wrong."""
    context = multiprocessing.get_context("spawn")
    failures = []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.mla"
        _image(0).save(path)
        until = time.time() + seconds + 2
        results: Any = context.Queue()
        jobs = [context.Process(target=_write, args=(path, until, results))]
        jobs += [context.Process(target=_read, args=(path, until, seed + i, results)) for i in range(READERS)]
        for job in jobs:
            job.start()
        said = {}
        for _ in jobs:
            try:
                who, what = results.get(timeout=seconds + 60)
                said.setdefault(who, []).append(what)
            except Exception:
                failures.append("a process gave no answer")
        for job in jobs:
            job.join(30)
            if job.exitcode != 0:
                failures.append(f"a process ended with {job.exitcode}")
                job.kill()
    print(f"readers beside a writer: {seconds:.0f} s, {said}")
    if any(what["wrong"] for what in said.get("reader", [])):
        failures.append(f"readers: {said['reader']}")
    return failures


def _image(version: int) -> MLArray:
    noise = np.random.default_rng(0).integers(0, 99, SHAPE).astype("i2")
    layout = {"chunk_size": (32, 32, 32), "block_size": (8, 16, 16)}
    return MLArray(noise + np.int16(version % 9999), meta={"version": version}, **layout)


def _write(path: Path, until: float, results: Any) -> None:
    edits = saves = version = 0
    while time.time() < until:
        version += 1
        if version % 10 == 0:
            _image(version).save(path)
            saves += 1
            continue
        with MLArray.open(path, mmap_mode="r+") as image:
            image[...] = image[...] + np.int16(1)
            image.meta.source["version"] = version
            image.flush()
        edits += 1
    results.put(("writer", {"edits": edits, "saves": saves}))


def _read(path: Path, until: float, seed: int, results: Any) -> None:
    warnings.simplefilter("ignore")
    random = np.random.default_rng(seed)
    noise = np.random.default_rng(0).integers(0, 99, SHAPE).astype("i2")
    opened = patches = 0
    wrong: list[str] = []
    while time.time() < until and len(wrong) < 5:
        try:
            image = MLArray.open(path)
            opened += 1
            right = noise + np.int16(image.meta.source["version"] % 9999)
            for _ in range(int(random.integers(1, 20))):
                corner = random.integers(0, 40, 3)
                box = tuple(slice(int(start), int(start) + 24) for start in corner)
                patches += 1
                if not np.array_equal(image[box], right[box]):
                    wrong.append(f"torn at {box} of version {image.meta.source['version']}")
                    break
        except Exception as error:
            wrong.append(f"{type(error).__name__}: {error}")
    results.put(("reader", {"opened": opened, "patches": patches, "wrong": wrong}))
