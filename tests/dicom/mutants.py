"""Reads damaged copies of DICOM files in a process with limits: mutants.py [survive] COUNT SEED FILE...

Every mutant must end in an error that mlarray explains, or in the values that pydicom reads from the same
mutant; with `survive`, in an explained error or any image at all, for objects that pydicom makes no image of.
Prints JSON: counts, and a line for each that did neither.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixels import apply_rescale

from mlarray_core.errors import MLArrayError, PluginError
from mlarray_dicom import DicomFormat
from mlarray_dicom.options import DicomOptions
from mlarray_io import Context, Source
from mlarray_io.engine.select import images_of, open_image

MEMORY, SECONDS, LARGEST = 3 << 30, 20, 1 << 28


def mutate(content: bytes, noise: random.Random) -> bytes:
    """Return a damaged copy; most hits are in the header."""
    data = bytearray(content)
    pixels = max(content.rfind(b"\xe0\x7f\x10\x00"), 200)
    reach = min(noise.choice([400, pixels, pixels + 64, len(data)]), len(data))
    place = noise.randrange(reach)
    kind = noise.choice(["flip", "flip", "bytes", "bytes", "cut", "digit", "repeat", "remove", "swap"])
    if kind == "flip":
        data[place] ^= 1 << noise.randrange(8)
    elif kind == "bytes":
        data[place : place + 4] = noise.choice(
            [b"\xff" * 4, bytes(4), b"\xff\xff\xff\x7f", noise.randbytes(4)]
        )
    elif kind == "cut":
        del data[noise.randrange(len(data)) :]
    elif kind == "digit":
        digits = [at for at in range(128, reach) if chr(data[at]).isdigit()] or [place]
        data[noise.choice(digits)] = noise.choice(b"0123456789-.eE ")
    elif kind == "repeat":
        data[place:place] = data[place : place + noise.choice([8, 200, 2000])]
    elif kind == "remove":
        del data[place : place + noise.choice([1, 2, 8, 40])]
    else:
        other = noise.randrange(reach)
        data[place], data[other] = data[other], data[place]
    return bytes(data)


def ours(path: Path) -> np.ndarray:
    """Return all voxels, as this package reads them."""
    source, context = Source(path), Context(threads=1, max_bytes=LARGEST)
    format, options = DicomFormat(), DicomOptions()
    image = images_of(source, format, options, context)[0]
    with open_image(source, format, image, options, context) as reader:
        return reader[tuple(slice(0, size) for size in reader.shape)]


def theirs(path: Path) -> np.ndarray | None:
    """Return all voxels as pydicom reads them, None where it refuses."""
    try:
        header = pydicom.dcmread(path, force=True)
        if "TransferSyntaxUID" not in header.file_meta:
            header.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
        voxels = apply_rescale(header.pixel_array, header)
        if header.get("DoseGridScaling"):
            voxels = voxels * float(header.DoseGridScaling)
    except Exception:
        return None
    return voxels


def judge(path: Path, count: Counter[str], *, compared: bool) -> str | None:
    """Read one mutant both ways; return what is wrong, if anything is."""
    started = time.perf_counter()
    try:
        voxels = ours(path)
    except PluginError as error:
        return f"not explained: {error}"
    except MLArrayError:
        count["refused"] += 1
        return None
    took = time.perf_counter() - started
    if took > SECONDS:
        return f"took {took:.1f} s"
    if not compared:
        count["read"] += 1
        return None
    reference = theirs(path)
    if reference is None:
        count["read, pydicom refuses"] += 1
        return None
    if voxels.size == reference.size and np.allclose(
        voxels.ravel(), reference.ravel(), rtol=1e-5, atol=1e-30, equal_nan=True
    ):
        count["read as pydicom does"] += 1
        return None
    return f"differs: {voxels.shape} {voxels.dtype}, pydicom has {reference.shape} {reference.dtype}"


def peak_mb() -> int:
    """Return the most memory this process had; getrusage would count its parent's, from before exec."""
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) // 1024


def main(count: int, seed: int, samples: list[Path], *, compared: bool) -> None:
    """Try `count` mutants of the samples in turn."""
    noise, counts, wrong = random.Random(seed), Counter[str](), []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            sample = samples[number % len(samples)]
            path = Path(folder) / sample.name
            path.write_bytes(mutate(sample.read_bytes(), noise))
            print(f"{number} {sample.name}", file=sys.stderr, flush=True)
            what = judge(path, counts, compared=compared)
            if what:
                wrong.append(f"mutant {number} (seed {seed}) of {sample.name}: {what}")
            path.unlink()
            if any(Path(folder).iterdir()):
                wrong.append(f"mutant {number} (seed {seed}) of {sample.name}: left files behind")
    peak = peak_mb()
    print(json.dumps({"mutants": count, "counts": counts, "wrong": wrong, "peak_mb": peak}))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    survive = sys.argv[1] == "survive"
    number, start, *names = sys.argv[1 + survive :]
    main(int(number), int(start), [Path(name) for name in names], compared=not survive)
