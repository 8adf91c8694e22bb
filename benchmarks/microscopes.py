"""A large CZI mosaic and a large LIF to .mla: time and memory, beside their libraries and mlarray 0.0.54.

The part `microscopes` of `python -m benchmarks`: 2 GB of each, an eighth with --quick, and absent
without their libraries.
pylibCZIrw writes the mosaic, whose tiles overlap; no library writes LIF, so its blocks are laid out here.
Each is converted by the `mlarray` command, whose processes are counted together, and read whole by its
library and saved by the reference, mlarray 0.0.54, in one process. Results are compared; files are removed.
"""

from __future__ import annotations

import importlib
import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.absent import PeerError, noting
from benchmarks.table import table
from benchmarks.targets import Verdict

if TYPE_CHECKING:
    from benchmarks.measure import Plan

TILE, OVERLAP = 1024, 64
PLANE = 1024
PAGE = os.sysconf("SC_PAGE_SIZE")

BESIDE = "import sys; sys.path += sys.argv[3:]; import mlarray\n"
CZI = BESIDE + (
    "from pylibCZIrw.czi import open_czi\n"
    "with open_czi(sys.argv[1]) as file: mlarray.MLArray(file.read()[..., 0]).save(sys.argv[2])"
)
LIF = BESIDE + (
    "import liffile\n"
    "with liffile.LifFile(sys.argv[1]) as file: mlarray.MLArray(file.images[0].asarray()).save(sys.argv[2])"
)
COMPARE = (
    "import sys, mlarray; a, b = map(mlarray.MLArray, sys.argv[1:]); n = len(a)\n"
    "assert a.shape == b.shape and a.dtype == b.dtype\n"
    "assert all((a[i:i + 64] == b[i:i + 64]).all() for i in range(0, n, 64 if a.ndim == 2 else 1))"
)


def textures():
    """Return a function that makes tiles: cells on an uneven background, with noise that is drawn once."""
    import numpy as np

    noise = np.random.default_rng(0).normal(0, 8, (TILE, TILE)).astype("f4")
    y, x = np.mgrid[:TILE, :TILE]
    cells = (800 + 400 * np.exp(-((y % 64 - 32) ** 2 + (x % 48 - 24) ** 2) / 200.0)).astype("f4")

    def tile(number):
        return (cells + 300 * np.sin(number / 50.0) + np.roll(noise, number * 7919)).astype("u2")

    return tile


def make_czi(path, gigabytes):
    """Write a mosaic of square tiles that overlap."""
    from pylibCZIrw.czi import create_czi

    texture = textures()
    step = TILE - OVERLAP
    side = round((gigabytes * 1e9 / 2) ** 0.5 / step)
    with create_czi(str(path)) as file:
        for number in range(side * side):
            row, column = divmod(number, side)
            tile = texture(number)[..., None]
            file.write(tile, location=(column * step, row * step), plane={"C": 0}, scene=0)
        file.write_metadata(scale_x=1e-7, scale_y=1e-7)


def make_lif(path, gigabytes):
    """Write one image of two channels, z, y, x, by Leica's "Image File Format" 2.0."""
    texture = textures()
    planes = int(gigabytes * 1e9 / 2 / PLANE**2 / 2)
    nbytes = 2 * planes * PLANE**2 * 2
    plane = PLANE**2 * 2
    channels = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="16" NameOfMeasuredQuantity="" Min="0" '
        f'Max="1" Unit="" LUTName="{c}" IsLUTInverted="0" BytesInc="{c * plane * planes}" BitInc="0"/>'
        for c in range(2)
    )
    dimensions = "".join(
        f'<DimensionDescription DimID="{number}" NumberOfElements="{size}" Origin="0" Length="1e-4" Unit="m" '
        f'BytesInc="{increment}" BitInc="0"/>'
        for number, size, increment in ((1, PLANE, 2), (2, PLANE, 2 * PLANE), (3, planes, plane))
    )
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="made"><Children><Element Name="stack"><Data>'
        f"<Image><ImageDescription><Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions>"
        f'</ImageDescription></Image></Data><Memory Size="{nbytes}" MemoryBlockID="MemBlock_0"/></Element>'
        "</Children></Element></LMSDataContainerHeader>"
    ).encode("utf-16-le")
    name = "MemBlock_0".encode("utf-16-le")
    with path.open("wb") as file:
        file.write(struct.pack("<IIBI", 0x70, len(xml) + 5, 0x2A, len(xml) // 2) + xml)
        head = struct.pack("<BQBI", 0x2A, nbytes, 0x2A, len(name) // 2) + name
        file.write(struct.pack("<II", 0x70, len(head)) + head)
        for number in range(2 * planes):
            file.write(texture(number).tobytes())


def tree(root):
    """Return the processes that a process started, itself included."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def held(root):
    """Return the bytes that a process and its children hold, shared pages once (proc(5), Pss)."""
    total = 0
    for pid in tree(root):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        told = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:] if line.endswith("kB")}
        total += (told.get("Pss_Anon", 0) + told.get("Pss_Shmem", 0)) << 10
    return total


def measured(command):
    """Run a command; return seconds, those of processors, and the most that its processes hold in MB."""
    started = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    peak, done = 0, threading.Event()

    def watch():
        nonlocal peak
        while not done.wait(0.1):
            peak = max(peak, held(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    done.set()
    watcher.join()
    if process.returncode:
        raise PeerError(f"{command[0]} ended with exit code {process.returncode}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"seconds": round(took, 1), "cpu_seconds": round(cpu, 1), "peak_mb": round(peak / 1e6)}


def microscopes(folder: Path, reference: Path, plan: Plan) -> dict:
    """Return clock, processor time and memory of both formats both ways, in turns."""
    gigabytes, turns = (0.25 if plan.quick else 2.0), min(plan.turns, MOST_TURNS)
    results = {}
    for name, (library, make, script) in FORMATS.items():
        with noting(plan.absent, name):
            found = Path(importlib.import_module(library).__file__)
            beside = found.parents[1] if found.name == "__init__.py" else found.parent
            make(folder / f"large.{name}", gigabytes)
            results[name] = _both(folder, name, script, (reference, beside), turns)
    return results


def _both(folder: Path, name: str, script: str, theirs: tuple[Path, Path], turns: int) -> dict:
    """Convert a file both ways, compare the results, and remove all three."""
    source, ours, other = (
        folder / f"{n}.{s}" for n, s in (("large", name), ("ours", "mla"), ("other", "mla"))
    )
    convert = [sys.executable, "-P", "-m", "mlarray", "convert", "--quiet", "--force"]
    reference, library = theirs
    try:
        runs: dict[str, list[dict]] = {"ours": [], "reference": []}
        for _ in range(turns):
            runs["ours"].append(measured([*convert, source, ours]))
            runs["reference"].append(measured([reference, "-P", "-c", script, source, other, library]))
        measured([sys.executable, "-P", "-c", COMPARE, ours, other])
    finally:
        for path in (source, ours, other):
            path.unlink(missing_ok=True)
    return runs


FORMATS = {"czi": ("pylibCZIrw", make_czi, CZI), "lif": ("liffile", make_lif, LIF)}
MOST_TURNS = 3
MOST_MEMORY = 500
"""MB that a conversion may need."""


def verdicts(results: dict) -> list[Verdict]:
    """Return what is promised of large microscopes' files: no longer than the libraries take, in 500 MB."""
    found = []
    for name, runs in results.get("microscopes", {}).items():
        ours, theirs = (least(runs[who], "seconds") for who in ("ours", "reference"))
        peak = max(run["peak_mb"] for run in runs["ours"])
        found.append(
            Verdict(f"large {name} to .mla, clock, to its library and the reference", ours / theirs, 1, False)
        )
        found.append(Verdict(f"large {name} to .mla, memory, to 500 MB", peak / MOST_MEMORY, 1, False))
    return found


def section(results: dict) -> str:
    """Return what the page says of it."""
    found = results.get("microscopes")
    if not found:
        return ""
    rows = [
        [
            f"{name}, {who}",
            f"{least(runs[who], 'seconds'):.1f}",
            f"{least(runs[who], 'cpu_seconds'):.1f}",
            f"{max(run['peak_mb'] for run in runs[who])} MB",
        ]
        for name, runs in found.items()
        for who in ("ours", "reference")
    ]
    return (
        "## Large files of microscopes to `.mla`\n\nA mosaic of CZI and a stack of LIF, uint16, beside "
        "reading each whole with its library and saving it with the reference.\n\n"
        + table(["", "clock, s", "processor, s", "peak memory"], rows)
    )


def least(runs: list[dict], what: str) -> float:
    """Return the least of a figure over the turns."""
    return min(run[what] for run in runs)
