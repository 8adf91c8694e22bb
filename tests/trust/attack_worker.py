"""A child that does with a stranger's file what anybody may do, and says what that cost.

Reads lines ``PATH<tab>WAY,WAY...``, without ways for all of them, and works in the file's folder, where
``canary`` appears if anything of the file is executed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import blosc2  # noqa: F401 - its import is no cost of the attack
import numpy as np

from mlarray import MLArray, convert, info, read
from mlarray_core.array.image import open_any
from mlarray_core.errors import MLArrayError
from mlarray_io.checks.verifying import verify
from tests.trust.mutant_worker import forget_peak, status

if TYPE_CHECKING:
    from collections.abc import Callable


def _open(path: Path) -> None:
    with open_any(path) as image:
        image[...]


def _load(path: Path) -> None:
    MLArray.load(path, compressed=False)


def _verify(path: Path) -> None:
    if error := verify(path).error:
        raise error


WAYS: dict[str, Callable[[Path], Any]] = {
    "open": _open,
    "load": _load,
    "info": info,
    "read": read,
    "verify": _verify,
    "reseal": lambda path: verify(path, reseal=True),
    "convert": lambda path: convert(path, path.with_name("converted.mla"), overwrite=True),
}


def attack(path: Path, ways: str = "") -> dict[str, Any]:
    """Try some ways, or every way."""
    answers = {}
    for name in ways.split(",") if ways else WAYS:
        forget_peak()
        before, started = status("VmRSS"), time.process_time()
        try:
            WAYS[name](path)
            said = "accepted"
        except MLArrayError as error:
            said = f"{type(error).__name__}: {error}"
        except Exception as error:
            said = f"unexplained {type(error).__name__}: {error}"
        seconds, memory = time.process_time() - started, status("VmHWM") - before
        answers[name] = {"said": said, "seconds": seconds, "mib": memory / 1024}
    return answers


def main() -> None:
    """Answer until there are no more questions."""
    warnings.simplefilter("ignore")
    sys.path.insert(0, os.getcwd())  # it is about to change
    with tempfile.TemporaryDirectory() as folder:
        warm = Path(folder) / "warm.mla"
        MLArray(np.zeros((4, 4), "i2")).save(warm)
        attack(warm)
    print("ready", flush=True)
    for line in sys.stdin:
        path, ways = line.rstrip("\n").split("\t")
        os.chdir(Path(path).parent)
        print(json.dumps(attack(Path(path), ways)), flush=True)


if __name__ == "__main__":
    main()
