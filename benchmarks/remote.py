"""Patches of a CT behind a web server that takes 30 ms for each request, beside the peers that are there."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.absent import noting
from benchmarks.table import table
from benchmarks.targets import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measure import Plan

SHAPE, PATCH, PAUSE, MANY = (280, 384, 384), 96, 30, 100
PEERS = ("tensorstore", "zarr, obstore")


def remote(folder: Path, reference: Path, plan: Plan) -> dict:
    """Return seconds and requests of opening, of single patches and of many at once, for each library."""
    served = folder / "served"
    served.mkdir(exist_ok=True)
    voxels = np.load(folder / "ct.npy", mmap_mode="r")[tuple(slice(0, size) for size in SHAPE)]
    _write(served, np.ascontiguousarray(voxels), plan)
    random = np.random.default_rng(7)
    starts = [[int(random.integers(0, n - PATCH + 1)) for n in voxels.shape] for _ in range(MANY)]
    boxes = [tuple(slice(at, at + PATCH) for at in start) for start in starts]
    results: dict[str, dict] = {}
    with _server(served) as url:
        for name, open_it in _readers(url, plan).items():
            with noting(plan.absent, name):
                results[name] = _opened(url, open_it, boxes[-1], voxels[boxes[-1]])
        for box in boxes[: 4 * plan.turns]:  # in turns: what else the machine does disturbs all alike
            for name, one in list(results.items()):
                del results[name]
                with noting(plan.absent, name):
                    _read(url, one, box)
                    results[name] = one
        if "ours" not in results:
            raise RuntimeError(plan.absent.pop("ours"))
        results["ours"]["many"] = []
        for _ in range(3):
            results["ours"]["image"]._state.need().release()
            begin = time.perf_counter()
            results["ours"]["image"].read_many(boxes)
            results["ours"]["many"].append((time.perf_counter() - begin) / MANY)
    return {
        name: {k: v for k, v in one.items() if k not in ("image", "read")} for name, one in results.items()
    }


def _opened(url: str, how: tuple, box: tuple, expected: np.ndarray) -> dict:
    """Return an open image, what opening it took, and how a box is read."""
    start, read = how
    _requests(url)
    begin = time.perf_counter()
    image = start()
    opened = {"open": time.perf_counter() - begin, "open requests": _requests(url)}
    if not np.array_equal(read(image, box), expected):
        raise RuntimeError("reads other voxels")
    return {**opened, "patch": [], "requests": [], "image": image, "read": read}


def _read(url: str, one: dict, box: tuple) -> None:
    """Read a box; note seconds and requests."""
    _requests(url)
    begin = time.perf_counter()
    one["read"](one["image"], box)
    one["patch"].append(time.perf_counter() - begin)
    one["requests"].append(_requests(url))


def _readers(url: str, plan: Plan) -> dict:
    """Return how each library that is there opens the image, and reads a box."""
    import mlarray

    def cold(image, box):
        image._state.need().release()
        return image[box]

    found = {"ours": (lambda: mlarray.MLArray.open(f"{url}ct.mla"), cold)}
    with noting(plan.absent, PEERS[0]):
        import tensorstore

        store = {"driver": "zarr3", "kvstore": {"driver": "http", "base_url": f"{url}sharded.zarr/"}}
        found[PEERS[0]] = (
            lambda: tensorstore.open(store, open=True).result(),
            lambda image, box: image[box].read().result(),
        )
    with noting(plan.absent, PEERS[1]):
        import zarr
        from obstore.store import HTTPStore
        from zarr.storage import ObjectStore

        kept = HTTPStore(f"{url}chunks.zarr", client_options={"allow_http": True})
        found[PEERS[1]] = (
            lambda: zarr.open_array(ObjectStore(kept, read_only=True), mode="r"),
            lambda image, box: image[box],
        )
    return found


def _write(folder: Path, voxels: np.ndarray, plan: Plan) -> None:
    import mlarray

    mlarray.MLArray(voxels, spacing=(1, 1, 1)).save(folder / "ct.mla")
    with noting(plan.absent, PEERS[1]):
        import zarr

        array = zarr.create_array(
            folder / "chunks.zarr", shape=voxels.shape, chunks=(64,) * 3, dtype=voxels.dtype, overwrite=True
        )
        array[...] = voxels
    with noting(plan.absent, PEERS[0]):
        import tensorstore

        inner = [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {"name": "zstd", "configuration": {"level": 3}},
        ]
        sharded = {
            "name": "sharding_indexed",
            "configuration": {"chunk_shape": [64] * 3, "codecs": inner},
        }
        grid = {"name": "regular", "configuration": {"chunk_shape": [256] * 3}}
        store = tensorstore.open(
            {
                "driver": "zarr3",
                "kvstore": {"driver": "file", "path": str(folder / "sharded.zarr")},
                "metadata": {
                    "shape": list(voxels.shape), "data_type": "int16",
                    "chunk_grid": grid, "codecs": [sharded],
                },
            },
            create=True,
            delete_existing=True,
        ).result()  # fmt: skip
        store[...].write(voxels).result()


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    script = Path(__file__).with_name("slow_server.py")
    command = [sys.executable, str(script), str(folder), str(PAUSE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/"
        finally:
            process.kill()


def _requests(url: str) -> int:
    with urllib.request.urlopen(f"{url}requests") as answer:
        return int(answer.read())


def verdicts(results: dict) -> list[Verdict]:
    """Return what is promised of reading over a network."""
    found = results.get("remote")
    if not found:
        return []
    ours = found["ours"]
    listed = [
        Verdict("remote, requests of a 96-cube", float(np.mean(ours["requests"])), 8, False),
        Verdict("remote, requests to open", ours["open requests"], 2, False),
    ]
    rivals = [median(found[name]["patch"]) for name in PEERS if name in found]
    if rivals:
        listed += [
            Verdict("remote, a 96-cube, to the best peer", median(ours["patch"]) / min(rivals), 0.6, False),
            Verdict("remote, 100 by read_many, to its", min(ours["many"]) / min(rivals), 0.35, False),
        ]
    return listed


def section(results: dict) -> str:
    """Return what the page says of it."""
    found = results.get("remote")
    if not found:
        return ""
    rows = [
        [
            name,
            f"{one['open'] * 1e3:.0f}",
            str(one["open requests"]),
            f"{median(one['patch']) * 1e3:.0f}",
            f"{np.mean(one['requests']):.1f}",
            f"{min(one['many']) * 1e3:.0f}" if "many" in one else "",
        ]
        for name, one in found.items()
    ]
    return (
        f"## Over a network: {PAUSE} ms for each request\n\nPatches of {PATCH} of a CT of 280 x 384 x 384, "
        "none of which is kept from the one before; `read_many` of 100 keeps what it may. Clock times.\n\n"
        + table(["", "open, ms", "requests", "patch, ms", "requests", "each of 100, ms"], rows)
    )
