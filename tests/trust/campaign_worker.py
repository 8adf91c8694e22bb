"""A child of the campaign: ``ours`` converts damaged files, ``theirs`` compares with the format's library.

Reads lines of JSON, answers each with one. A damaged file may end, stop or fill the process: the campaign,
which started it, sees that.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
import time
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import mlarray
from mlarray_core.errors import MLArrayError, PluginError
from tests import mutants
from tests.trust.children import Children
from tests.trust.guide import Guide
from tests.trust.references import by_library

if TYPE_CHECKING:
    from collections.abc import Callable

SPACE = 4 << 30
LARGEST = 1 << 28
ELSEWHERE = frozenset(
    {"hdf5", "minc", "afni", "parrec", "ecat", "bruker", "fits", "netcdf", "gdal", "film", "klb", "oif"}
    | {"jpegxl", "jpegxr", "qoi", "avif", "heif", "gif", "animation", "tga", "exr", "n5", "precomputed"}
    | {"rosettasciio", "openslide", "czi", "lif", "nd2"}
)
"""Formats read by processes of their own, whose memory isn't filled here."""
GUIDES: dict[str, Guide] = {}
CHILDREN = Children()
PERTURB = -6
"""``M_PERTURB`` of glibc's malloc.h: fills new memory, so that what nobody wrote to it differs."""


def ours(asked: dict[str, Any]) -> dict[str, Any]:
    """Convert one file, read it a second time with new memory filled otherwise, and say what came of it."""
    path, target, format = Path(asked["path"]), Path(asked["target"]), asked["format"]

    def convert() -> dict[str, Any]:
        done = mlarray.convert(path, target, source_format=format, max_bytes=LARGEST, threads=1)
        told = [text.replace(str(path), "") for text in done.warnings]
        return {"what": "read", "text": "", "told": told}

    def again() -> dict[str, Any]:
        image, found = mlarray.read(path, format=format), _stored(str(target))
        second = image.to_numpy() if image.shape is not None else np.empty(0)
        if found.tobytes() == second.tobytes():
            return {"what": "read", "text": f"{found.shape} {found.dtype}"}
        return {"what": "unstable", "text": f"two readings of {found.shape} {found.dtype} differ"}

    before, started = mutants.forget_peak(), time.perf_counter()
    CHILDREN.peak = 0
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        guide = GUIDES.setdefault(format, Guide(format))
        with guide if asked["guided"] else nullcontext():
            outcome = _outcome(convert)
        measured = {
            "warned": bool(said),
            "new": guide.new if asked["guided"] else 0,
            "seconds": round(time.perf_counter() - started, 2),
            "mb": max(mutants.memory_mb("VmHWM") - before, CHILDREN.peak),
        }
        if outcome["what"] == "read" and format not in ELSEWHERE:
            _fill(0x66)  # after measuring: filled memory counts, even what is reserved and never used
            outcome |= _outcome(again)
            _fill(0)
    return {**outcome, **measured}


def _outcome(act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return act()
    except PluginError as error:
        return {"what": "unexplained", "text": str(error)}
    except MLArrayError as error:
        return {"what": "refused", "text": type(error).__name__}
    except MemoryError as error:
        return {"what": "memory", "text": str(error)}
    except Exception as error:
        return {"what": "foreign", "text": f"{type(error).__name__}: {error}"}


def _fill(byte: int) -> None:
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(PERTURB, byte)


def theirs(asked: dict[str, str]) -> dict[str, Any]:
    """Compare what was converted with the undamaged file, and then with what the library reads."""
    found, whole = _stored(asked["target"]), _stored(asked["whole"])
    if asked["target"] != asked["whole"] and _same(found, whole):
        return {"what": "as undamaged"}
    if asked["format"] == "mla":
        return {
            "what": "differs",
            "text": f"{found.shape} {found.dtype}, {whole.shape} {whole.dtype} undamaged",
        }
    try:
        references = list(by_library(asked["format"], Path(asked["path"])))
    except Exception as error:
        return {"what": "the library refuses", "text": f"{type(error).__name__}: {error}"}
    if not references:
        return {"what": "no library compares"}
    if any(_same(found, one) for one in references):
        return {"what": "as the library"}
    described = ", ".join(f"{one.shape} {one.dtype}" for one in references)
    return {"what": "differs", "text": f"{found.shape} {found.dtype}, the library has {described}"}


def _stored(path: str) -> np.ndarray:
    with mlarray.MLArray.open(path) as image:
        return image.to_numpy() if image.shape is not None else np.empty(0)


def _same(found: np.ndarray, reference: np.ndarray) -> bool:
    """Say whether voxels agree, to the rounding of float32, in the same or in reverse order of axes."""
    if reference.dtype.names:  # colours, as nibabel has them
        reference = np.stack([reference[name] for name in reference.dtype.names])
    if found.size != reference.size:
        return False
    with np.errstate(all="ignore"):
        return any(
            np.allclose(found.ravel(), other.ravel(), rtol=1e-5, atol=1e-30, equal_nan=True)
            for other in (reference, reference.T)
        )


def main() -> None:
    """Answer until there are no more questions."""
    CHILDREN.start()
    answer = {"ours": ours, "theirs": theirs}[sys.argv[1]]
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers, sys.stdout = sys.stdout, sys.stderr
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries complain of every mutant
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        try:
            said = answer(json.loads(line))
        except MemoryError as error:
            said = {"what": "memory", "text": str(error)}
        print(json.dumps(said), file=answers, flush=True)


if __name__ == "__main__":
    main()
