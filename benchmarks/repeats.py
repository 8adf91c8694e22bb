"""What repeats as a whole: label images of different grain, and floats made of whole numbers."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import data, grain, measure
from benchmarks.peers import SEGMENTED
from benchmarks.table import table
from benchmarks.targets import Verdict, speedup

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measure import Plan

PATCHES = (96, 128)
HEAD = ["", "", *map(str, PATCHES), "size", ""]
LABEL_WAYS = ("ours", "ours stored", "reference")
QUANTISED_WAYS = ("ours", "ours shuffled", "ours plain", "ours auto", "ours small", "reference")


def labels(folder: Path, reference: Path, plan: Plan) -> dict:
    """Return bytes and times of four label images: as labels, without compression, and by the reference."""
    return {name: _compared(name, LABEL_WAYS, folder, reference, plan) for name in SEGMENTED}


def quantised(folder: Path, reference: Path, plan: Plan) -> dict:
    """Return bytes and times of a CT of deviation 1 in several compressions, and by the reference."""
    return _compared("quantised", QUANTISED_WAYS, folder, reference, plan)


def _compared(name: str, ways: tuple[str, ...], folder: Path, reference: Path, plan: Plan) -> dict:
    path = folder / f"{name}.npy"
    if not path.exists():
        np.save(path, data.load(name) if name == "quantised" else getattr(grain, name)())
    array = np.load(path, mmap_mode="r")
    found: dict = {"size": {}, "read": {}, "dtype": str(array.dtype), "bytes": array.nbytes}
    with measure.clients(reference, folder, "ours", "reference") as running:
        for key in ways:
            peer, profile = measure.library(key)
            found["size"][key] = running[peer].ask("write", image=name, profile=profile)["size"]
        for client in running.values():
            client.ask("forget")
        measure.check(running, name, array, found["size"], plan)
        for patch in PATCHES:
            shape = [min(patch, size) for size in array.shape]
            found["read"][str(patch)] = measure.cell_of(running, name, array.shape, shape, list(ways), plan)
    print(name, found["size"], flush=True)
    return found


def verdicts(results: dict) -> list[Verdict]:
    """Return what is promised of labels of any grain, and of quantised floats."""
    listed = []
    for name, found in results.get("labels", {}).items():
        for patch, times in found["read"].items():
            value = median(speedup(times, "ours"))
            listed.append(Verdict(f"read {name} {patch}, to the reference", value, 4.0, True))
        value = found["size"]["ours"] / found["size"]["reference"]
        listed.append(Verdict(f"size {name}", value, 1.0, False))
    if found := results.get("quantised"):
        value = found["size"]["ours"] / found["size"]["ours shuffled"]
        listed.append(Verdict("size quantised, to LZ4HC 6 shuffled", value, 0.6, False))
        for patch, times in found["read"].items():
            value = median(speedup(times, "ours", "ours shuffled"))
            listed.append(Verdict(f"read quantised {patch}, to LZ4HC 6 shuffled", value, 0.95, True))
    return listed


LABELS = """\
## Labels of different grain

Made by the benchmark, 160 x 224 x 224: twelve organs, 400 regions of a brain, 2744 cells, vessels. Speed of
reading patches and size, both to the reference. `ours stored` is the same without any compression: how fast
Blosc2 is when it only copies.
"""
QUANTISED = """\
## Floats made of whole numbers

A CT of mean 0 and deviation 1, float32. Speed of reading patches and size, both to LZ4HC 6, shuffled, the
default for scans; `plain` is LZ4HC 9 without a filter, the bytes of a voxel together.
"""


def section(results: dict) -> str:
    """Return what the page says of them."""
    parts = []
    if found := results.get("labels"):
        rows = [
            row for name, one in found.items() for row in _rows(f"{name}, {one['dtype']}", one, "reference")
        ]
        parts.append(LABELS + "\n" + table(HEAD, rows))
    if found := results.get("quantised"):
        parts.append(QUANTISED + "\n" + table(HEAD, _rows("", found, "ours shuffled")))
    return "\n".join(parts)


def _rows(name: str, found: dict, base: str) -> list[list[str]]:
    rows = []
    for key, size in found["size"].items():
        speeds = [f"{median(speedup(times, key, base)):.2f}" for times in found["read"].values()]
        rows.append([name, key, *speeds, f"{size / found['size'][base]:.3f}", f"{size / 1e6:.2f} MB"])
    return rows
