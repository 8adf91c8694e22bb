"""A child that opens the files it is told of, and says for each what came of it.

Reads lines ``PATH<tab>SAMPLE``; the first argument is a folder that holds the undamaged samples.
"""

from __future__ import annotations

import json
import resource
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from mlarray import MLArray
from mlarray_core.container.open import read_meta
from mlarray_core.errors import MLArrayError
from tests.trust.samples import known

SPACE = 3 << 30


class Expected:
    """What an undamaged file holds."""

    def __init__(self, path: Path) -> None:
        with MLArray.open(path) as image:
            self.images = everything(image)
        self.header = header(path)


def everything(image: MLArray) -> list[tuple[str, np.ndarray | None]]:
    """Return what an image and its levels say of themselves, and their voxels."""
    return [(known(one), None if one.shape is None else one.to_numpy()) for one in (image, *image.levels)]


def header(path: Path) -> str:
    meta, shape, dtype = read_meta(path)
    return json.dumps([meta.to_plain(), shape, dtype], sort_keys=True, default=str)


def content(path: Path, expected: Expected) -> bool:
    """Whether the voxels and metadata of a file are what is expected."""
    with MLArray.open(path) as image:
        found = everything(image)
    return len(found) == len(expected.images) and all(map(_same, found, expected.images))


def _same(one: tuple[str, np.ndarray | None], other: tuple[str, np.ndarray | None]) -> bool:
    if one[0] != other[0]:
        return False
    if one[1] is None or other[1] is None:
        return one[1] is other[1]
    return one[1].dtype == other[1].dtype and np.array_equal(one[1].view(np.uint8), other[1].view(np.uint8))


def outcome(action: Any) -> str:
    """Return the class of what `action`, which says whether all is right, does."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            right = action()
        except MLArrayError as error:
            return "opaque" if error.path is None else "error"
        except MemoryError:
            return "memory"
        except Exception as error:
            return f"foreign {type(error).__name__}: {error}"[:200]
    if caught:
        return "warned"
    return "right" if right else "silent"


def status(field: str) -> int:
    """Return a size of this process in KiB (proc(5))."""
    lines = (
        Path("/proc/self/status").read_text(encoding="utf-8").splitlines() if sys.platform == "linux" else []
    )
    return next((int(line.split()[1]) for line in lines if line.startswith(field)), 0)


def forget_peak() -> None:
    """Begin to measure the largest size anew."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def answer(path: Path, expected: Expected) -> dict[str, Any]:
    """Return what comes of reading the headers of a file, and all of it, and how much memory that takes."""
    forget_peak()
    before = status("VmRSS")
    return {
        "info": outcome(lambda: header(path) == expected.header),
        "read": outcome(lambda: content(path, expected)),
        "rss": status("VmHWM") - before,
    }


def main() -> None:
    """Answer until there are no more questions."""
    folder = Path(sys.argv[1])
    expected = {path.stem: Expected(path) for path in sorted(folder.glob("*.mla"))}
    resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))
    print("ready", flush=True)
    for line in sys.stdin:
        path, name = line.rstrip("\n").split("\t")
        print(json.dumps(answer(Path(path), expected[name])), flush=True)


if __name__ == "__main__":
    main()
