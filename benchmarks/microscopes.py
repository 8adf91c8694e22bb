"""A large CZI mosaic and a large LIF to .mla: time and memory, beside their libraries and mlarray 0.0.54.

Run: python benchmarks/microscopes.py --reference REFERENCE_ENV/bin/python [--gigabytes 2] [--folder /var/tmp]

pylibCZIrw writes the mosaic, whose tiles overlap; no library writes LIF, so its blocks are laid out here.
Each is converted by the `mlarray` command, whose processes are counted together, and read whole by its
library and saved by the reference, mlarray 0.0.54, in one process. Results are compared; files are removed.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

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
        raise SystemExit(f"failed: {command}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"seconds": round(took, 1), "cpu_seconds": round(cpu, 1), "peak_mb": round(peak / 1e6)}


def main():
    """Measure both formats both ways, compare the results, and print them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", type=Path, required=True, help="Python that has mlarray 0.0.54")
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--folder", default=None)
    arguments = parser.parse_args()
    import liffile
    import pylibCZIrw

    libraries = sorted({str(Path(one.__file__).parents[1]) for one in (liffile, pylibCZIrw)})
    convert = [sys.executable, "-m", "mlarray", "convert", "--quiet", "--force"]
    results = {"cpus": len(os.sched_getaffinity(0))}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for name, make, script in (("czi", make_czi, CZI), ("lif", make_lif, LIF)):
            source, ours, theirs = (
                Path(folder) / f"{n}.{s}" for n, s in (("a", name), ("b", "mla"), ("c", "mla"))
            )
            make(source, arguments.gigabytes)
            runs = {"ours": [], "theirs": []}
            for _ in range(arguments.turns):
                runs["ours"].append(measured([*convert, source, ours]))
                runs["theirs"].append(
                    measured([arguments.reference, "-P", "-c", script, source, theirs, *libraries])
                )
            measured([sys.executable, "-c", COMPARE, ours, theirs])
            results[name] = {"source_mb": round(source.stat().st_size / 1e6), **runs, "equal": True}
            for path in (source, ours, theirs):
                path.unlink()
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
