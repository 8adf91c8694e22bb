"""A thousand cases in a process of its own: starting, memory over two epochs, open files. Prints JSON."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path


def main(folder: Path) -> None:
    """Measure and print."""
    from benchmarks.train.cases import thousand
    from mlarray.torch import PatchDataset

    pairs = thousand(folder)
    PatchDataset(pairs[:30], 64)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, soft), hard))
    started = []
    for _ in range(3):
        began, cpu = time.perf_counter(), time.process_time()
        found = PatchDataset(pairs, 64, per_epoch=1000)
        started.append({"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu})
    memory, files = [], []
    for epoch in range(2):
        found.set_epoch(epoch)
        for index in range(1000):
            found[index]
            if index % 50 == 49:
                memory.append(_resident())
                files.append(len(os.listdir("/proc/self/fd")))
    print(json.dumps({"start": started, "memory": memory, "files": max(files), "limit": min(1024, soft)}))


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
