"""Everything that is promised about damage, crashes and processes, tried and counted.

``python -m tests.trust.gate`` takes under a minute; with ``--full`` it takes the counts of docs/trust.md, and
a quarter of an hour. Parts can be named.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def mutants(full: bool, seed: int) -> list[str]:
    from tests.trust import mutants

    count = 10_000 if full else 600
    return mutants.run("sealed", count, seed) + mutants.run("unsealed", count, seed)


def kills(full: bool, seed: int) -> list[str]:
    from tests.trust import kills

    counts = {"save": 500, "convert": 500, "create": 200, "r+": 200}
    return [line for how, count in counts.items() for line in kills.run(how, count if full else 12, seed)]


def disk(full: bool, seed: int) -> list[str]:
    from tests.trust import disk

    return disk.run()


def loaders(full: bool, seed: int) -> list[str]:
    from tests.trust import loaders

    reads, workers = (10_000, 8) if full else (200, 2)
    print(f"loaders: {workers} workers, seed {seed}")
    return loaders.run(reads, workers, seed)


def beside(full: bool, seed: int) -> list[str]:
    from tests.trust import beside

    return beside.run(60 if full else 3, seed)


PARTS: dict[str, Callable[[bool, int], list[str]]] = {
    "mutants": mutants,
    "kills": kills,
    "disk": disk,
    "loaders": loaders,
    "beside": beside,
}


def main() -> int:
    """Run the parts that are asked for; 0 if all holds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all by default")
    parser.add_argument("--full", action="store_true", help="as many as promised")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"
    libraries = ", ".join(f"{name} {version(name)}" for name in ("mlarray", "blosc2", "numpy", "xxhash"))
    print(
        f"Python {platform.python_version()}, {libraries}, {platform.system()}, {os.cpu_count()} processors"
    )
    failures = []
    for part in asked.parts or PARTS:
        started = time.perf_counter()
        failures += PARTS[part](asked.full, asked.seed)
        print(f"  [{part}: {time.perf_counter() - started:.0f} s]", flush=True)
    print("\n".join(["FAILED:", *failures]) if failures else "everything holds")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
