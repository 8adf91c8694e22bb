"""Reading and writing, all libraries in turns on the same boxes."""

from __future__ import annotations

import json
import os
import platform
import random
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import data
from benchmarks.absent import PeerError, noting
from benchmarks.peers import PEERS

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGES = ("ct", "mr", "labels", "rgb", "time", "large")
PACKAGES = ("mlarray", "blosc2", "numpy", "zarr", "tensorstore", "h5py", "hdf5plugin", "nibabel", "tifffile")
SERVER = Path(__file__).with_name("server.py")
PLANE = 3_000_000
"""About so many voxels are read before the next library has its turn."""


@dataclass(frozen=True)
class Plan:
    """How much is measured; `absent` collects which library of a part isn't, and why."""

    quick: bool
    turns: int
    images: list[str]
    absent: dict[str, str] = field(default_factory=dict)


class Client:
    """A library in a process of its own."""

    def __init__(self, python: str, peer: str, folder: Path, script: Path = SERVER) -> None:
        self.process = subprocess.Popen(
            [python, str(script), peer, str(folder)], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def send(self, do: str, **request) -> None:
        """Ask the process for something, without waiting; one that has ended is met by `answer`."""
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self.process.stdin.flush()

    def answer(self) -> dict:
        """Return the next answer of the process."""
        line = self.process.stdout.readline()
        if not line:
            raise PeerError(f"its process ended early, exit code {self.process.wait()}")
        answer = json.loads(line)
        if "failed" in answer:
            raise PeerError(answer["failed"])
        return answer

    def ask(self, do: str, **request) -> dict:
        """Ask the process for something and return its answer."""
        self.send(do, **request)
        return self.answer()

    def close(self) -> None:
        """Have the process end, and wait for it."""
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@contextmanager
def clients(reference: Path, folder: Path, *names: str) -> Iterator[dict[str, Client]]:
    """Run one process for each library, by name, and end them afterwards."""
    running = {
        name: Client(str(reference) if name == "reference" else sys.executable, name, folder)
        for name in names or PEERS
    }
    try:
        yield running
    finally:
        for client in running.values():
            client.close()


def machine(folder: Path, reference: Path, plan: Plan) -> dict:
    """Return what the measurements were made on: processor, system, versions."""
    cpu = next(
        (line.split(":")[1].strip() for line in _text("/proc/cpuinfo").splitlines() if "model name" in line),
        platform.processor(),
    )
    with clients(reference, folder, "ours", "reference") as running:
        found = {name: client.ask("versions", names=PACKAGES) for name, client in running.items()}
    return {"cpu": cpu, "cores": os.cpu_count(), "system": platform.platform(), "versions": found}


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8") if Path(path).exists() else ""


def images(folder: Path, reference: Path, plan: Plan) -> dict:
    """Make the images that aren't there yet; return their shapes, types and sizes."""
    found = {}
    for name in plan.images:
        if plan.quick and name == "large":
            continue
        path = folder / f"{name}.npy"
        if not path.exists():
            np.save(path, data.load(name, small=plan.quick))
        array = np.load(path, mmap_mode="r")
        found[name] = {"shape": array.shape, "dtype": str(array.dtype), "bytes": array.nbytes}
    return {"real": bool(data.REAL), "images": found}


def _images(folder: Path, plan: Plan) -> dict[str, np.ndarray]:
    found = {name: folder / f"{name}.npy" for name in plan.images}
    return {name: np.load(path, mmap_mode="r") for name, path in found.items() if path.exists()}


def write(folder: Path, reference: Path, plan: Plan) -> dict:
    """Return seconds and bytes of writing each image by each library, and check what was written."""
    results = {}
    with clients(reference, folder) as running:
        for name, array in _images(folder, plan).items():
            large = name == "large"
            rounds = 1 if large else max(1, plan.turns // 3)
            cells: dict[str, dict] = {}
            for turn in range(rounds):
                for key, peer, profile in _writers(array, large=large):
                    if PEERS[peer].takes(name) and (turn == 0 or key in TIMED):
                        with _present(plan, key, name):
                            took = running[peer].ask("write", image=name, profile=profile)
                            cell = cells.setdefault(key, {"cpu": [], "wall": [], "size": took["size"]})
                            cell["cpu"].append(took["cpu"])
                            cell["wall"].append(took["wall"])
            for peer, client in running.items():
                with _present(plan, peer, name):
                    client.ask("forget")
            check(running, name, array, cells, plan)
            results[name] = cells
            print(name, {key: cell["size"] for key, cell in cells.items()}, flush=True)
    return results


TIMED = ("ours", "ours fast", "ours small", "reference")


def _writers(array: np.ndarray, *, large: bool) -> Iterator[tuple[str, str, str]]:
    """Yield key in the results, library and profile of each file to write."""
    yield "ours", "ours", "default"
    yield "reference", "reference", "default"
    if large:
        return
    for profile in ("fast", "small", "auto"):
        yield f"ours {profile}", "ours", profile
    if _is_volume(array):
        for axis in range(3):
            yield f"ours slices:{axis}", "ours", f"slices:{axis}"
    for peer in PEERS:
        if peer not in ("ours", "reference"):
            yield peer, peer, "default"


def _is_volume(array: np.ndarray) -> bool:
    return array.ndim == 3 and array.shape[-1] != 3


def library(key: str) -> tuple[str, str]:
    """Return library and profile of a key in the results."""
    if not key.startswith("ours"):
        return key, "default"
    return "ours", key.removeprefix("ours").strip() or "default"


@contextmanager
def _present(plan: Plan, key: str, image: str) -> Iterator[None]:
    """Note a peer that fails as absent; without us or the reference there is nothing to compare."""
    if _is_main(key):
        yield
        return
    with noting(plan.absent, f"{key}, {image}"):
        yield


def _is_main(key: str) -> bool:
    return key.startswith("ours") or key == "reference"


def check(running: dict[str, Client], name: str, array: np.ndarray, cells: dict, plan: Plan) -> None:
    """Drop a peer that gives back other voxels than went in; fail when it is ours or the reference."""
    shape = [min(40, size) for size in array.shape]
    start = [size // 3 if size > 60 else 0 for size in array.shape]
    for key in list(cells):
        peer, profile = library(key)
        kept = cells.pop(key)
        with _present(plan, key, name):
            if not running[peer].ask("check", image=name, profile=profile, start=start, shape=shape)["equal"]:
                raise PeerError(f"{key} returns wrong voxels of {name}")
            cells[key] = kept


def read(folder: Path, reference: Path, plan: Plan) -> dict:
    """Return seconds for each box that is read, by image, box and library."""
    results: dict[str, dict] = {}
    written = _written(folder)
    with clients(reference, folder) as running:
        for name, array in _images(folder, plan).items():
            keys = [key for key in written[name] if not key.startswith("ours slices")]
            for cell, shape in _cells(name, array.shape).items():
                tuned = f"ours slices:{cell[-1]}"
                chosen = [*keys, tuned] if cell.startswith("slice") and tuned in written[name] else keys
                if cell.startswith("slice"):
                    chosen = [key for key in chosen if key not in ("ours auto",)]
                results.setdefault(name, {})[cell] = cell_of(running, name, array.shape, shape, chosen, plan)
            print(name, "read", flush=True)
    return results


def _written(folder: Path) -> dict:
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    if "write" not in results:
        raise RuntimeError("nothing was written that could be read: see the part write")
    return results["write"]


def _cells(name: str, shape: tuple[int, ...]) -> dict[str, list[int]]:
    if name == "rgb":
        return {str(size): [size, size, 3] for size in (256, 512, 1024)}
    if name == "time":
        return {"64": [shape[0], *(min(64, size) for size in shape[1:])]}
    sizes = (128,) if name == "large" else (96, 128, 192)
    patches = {str(size): [min(size, s) for s in shape] for size in sizes}
    slices = {f"slice {axis}": [1 if a == axis else s for a, s in enumerate(shape)] for axis in range(3)}
    return {**patches, **slices}


def _starts(chance: random.Random, size: tuple[int, ...], shape: list[int], count: int) -> list[list[int]]:
    return [[chance.randrange(s - n + 1) for s, n in zip(size, shape, strict=True)] for _ in range(count)]


def cell_of(
    running: dict[str, Client],
    name: str,
    size: tuple[int, ...],
    shape: list[int],
    keys: list[str],
    plan: Plan,
) -> dict[str, list[float]]:
    """Return processor seconds per box, one number for each turn."""
    count = max(4, min(16, 4 * PLANE // int(np.prod(shape))))
    times: dict[str, list[float]] = {key: [] for key in keys}
    for turn in range(-1, plan.turns):
        chance = random.Random(turn)
        starts = _starts(chance, size, shape, count)
        order = list(keys)
        chance.shuffle(order)
        for key in order:
            if not _is_main(key) and (turn > 2 or key not in times):
                continue
            some = starts if _is_main(key) else starts[: max(2, count // 6)]
            peer, profile = library(key)
            earlier = times.pop(key)
            with _present(plan, key, name):
                took = running[peer].ask("read", image=name, profile=profile, starts=some, shape=shape)
                times[key] = [*earlier, took["cpu"] / len(some)] if turn >= 0 else []
    return {key: times[key] for key in keys if key in times}


def first(folder: Path, reference: Path, plan: Plan) -> dict:
    """Return seconds to open a file and read one voxel."""
    ways = {
        "ours": ("ours", {}),
        "ours verify=none": ("ours", {"verify": "none"}),
        **{peer: (peer, {}) for peer in ("reference", "zarr 3", "tensorstore", "h5py + Blosc2")},
    }
    times: dict[str, list[float]] = {key: [] for key in ways}
    with clients(reference, folder, *{peer for peer, _ in ways.values()}) as running:
        for turn in range(-1, min(7, plan.turns)):
            for key, (peer, options) in ways.items():
                if key not in times:
                    continue
                earlier = times.pop(key)
                with _present(plan, key, "ct"):
                    took = running[peer].ask("first", image="ct", profile="default", count=40, **options)
                    times[key] = [*earlier, took["cpu"]] if turn >= 0 else []
    return {key: times[key] for key in ways if key in times}


def workers(folder: Path, reference: Path, plan: Plan) -> dict:
    """Return wall seconds per patch of 128 voxels when two processes read one file at once."""
    shape = [min(128, size) for size in np.load(folder / "ct.npy", mmap_mode="r").shape]
    size = np.load(folder / "ct.npy", mmap_mode="r").shape
    times: dict[str, list[float]] = {"ours": [], "reference": []}
    with clients(reference, folder, *times) as one, clients(reference, folder, *times) as two:
        for turn in range(-1, min(7, plan.turns)):
            chance = random.Random(turn)
            starts = _starts(chance, size, shape, 16)
            for key in times:
                pair = one[key], two[key]
                for client in pair:
                    client.send("read", image="ct", profile="default", starts=starts, shape=shape)
                took = [client.answer() for client in pair]
                if turn >= 0:
                    times[key].append(max(answer["wall"] for answer in took) / len(starts) / 2)
    return times
