"""What `mlarray view --zarr` costs: a .mla read as OME-Zarr over HTTP, beside an OME-Zarr converted from it.

Run: python -m benchmarks.virtual_zarr [--turns 5] [--folder /tmp]

Both are served from this machine by servers in processes of their own, and read by zarr-python: whole, plane
by plane, and in patches. Shown are medians of the reader's wall time and of the server's processor time. The
image is the CT of the other benchmarks (`MLARRAY_BENCH_DATA`, or made), cut in half along each axis.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import zarr

import mlarray
from benchmarks.data import load

VIEW = "from mlarray_io.commands.main import main; main()"
FILES = """
import functools, http.server, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=sys.argv[1]))
print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
server.serve_forever()
"""


def started(script: str, *arguments: str) -> tuple[subprocess.Popen, str]:
    """Start a server; return it and the address that it prints."""
    command = [sys.executable, "-c", script, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def processor(process: subprocess.Popen) -> float:
    """Return the seconds of the processor that a process has had (proc(5), ``stat``)."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_whole(array: zarr.Array) -> np.ndarray:
    """Read all voxels."""
    return array[:]


def read_planes(array: zarr.Array) -> np.ndarray:
    """Read ten planes."""
    return np.stack([array[at] for at in range(0, array.shape[0], max(1, array.shape[0] // 10))])


def read_patches(array: zarr.Array) -> np.ndarray:
    """Read ten patches of 64 x 64 x 64."""
    random = np.random.default_rng(0)
    starts = [[random.integers(0, size - 63) for size in array.shape] for _ in range(10)]
    return np.stack([array[tuple(slice(a, a + 64) for a in start)] for start in starts])


READS = {"whole": read_whole, "10 planes": read_planes, "10 patches of 64": read_patches}


def main() -> None:
    """Measure, check that both give the same voxels, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--folder", default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
        folder = Path(temporary)
        voxels = load("ct", small=True)
        mlarray.MLArray(voxels).save(folder / "ct.mla")
        begin = time.perf_counter()
        mlarray.convert(folder / "ct.mla", folder / "ct.ome.zarr", options={"levels": "none"})
        seconds = time.perf_counter() - begin
        stored = sum(path.stat().st_size for path in (folder / "ct.ome.zarr").rglob("*") if path.is_file())
        print(f"{voxels.shape} {voxels.dtype}: {voxels.nbytes / 1e6:.0f} MB of voxels", end=", ")
        print(
            f"{(folder / 'ct.mla').stat().st_size / 1e6:.0f} MB as .mla, {stored / 1e6:.0f} MB as OME-Zarr",
            end="",
        )
        print(f", which took {seconds:.1f} s to convert\n")
        view, url = started(VIEW, "view", str(folder / "ct.mla"), "--no-browser", "--no-labels", "--zarr")
        files, other = started(FILES, str(folder))
        try:
            compare(given.turns, voxels, {
                "as it lies": (view, f"{url}zarr/0.5/0.ome.zarr/0"),
                "converted": (files, f"{other}ct.ome.zarr/0"),
            })  # fmt: skip
        finally:
            for process in (view, files):
                process.terminate()
                process.wait()


def compare(turns: int, voxels: np.ndarray, served: dict[str, tuple[subprocess.Popen, str]]) -> None:
    """Print a row for each way to read; sides take turns."""
    arrays = {name: zarr.open_array(url, mode="r") for name, (_, url) in served.items()}
    print("| read | side | wall ms | server's processor ms |\n|---|---|---|---|")
    for title, read in READS.items():
        wanted = read(voxels)
        took: dict[str, list[tuple[float, float]]] = {name: [] for name in served}
        for _ in range(turns):
            for name, (process, _) in served.items():
                wall, cpu = time.perf_counter(), processor(process)
                got = read(arrays[name])
                took[name].append((time.perf_counter() - wall, processor(process) - cpu))
                assert np.array_equal(got, wanted), name
        for name, times in took.items():
            wall, cpu = (statistics.median(column) * 1e3 for column in zip(*times, strict=True))
            print(f"| {title} | {name} | {wall:.0f} | {cpu:.0f} |")


if __name__ == "__main__":
    main()
