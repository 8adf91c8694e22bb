"""Reads damaged files in a process of its own, so that a crash shows. Arguments: folder, seed, count.

Prints a line for each mutant: its number, then ``same`` (what tifffile reads), ``refused`` or what is wrong.
"""

from __future__ import annotations

import random
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import tifffile

from mlarray_core.errors import MLArrayError, PluginError
from mlarray_io import Context, Source
from mlarray_io.engine.select import images_of, open_image
from mlarray_tiff import TiffFormat
from mlarray_tiff.options import TiffOptions

LIMIT = 1 << 28
SECONDS = 20.0


def mutant(content, noise):
    """Flip bits, overwrite, cut or repeat: the header and the tags more often than the voxels."""
    content = bytearray(content)
    for _ in range(noise.choice([1, 1, 2, 4])):
        kind = noise.randrange(5)
        near = noise.choice([16, 300, 300, len(content), len(content)])
        tail = noise.random() < 0.3
        at = noise.randrange(min(near, len(content)))
        at = len(content) - 1 - at if tail else at
        if kind <= 1:
            content[at] ^= 1 << noise.randrange(8)
        elif kind == 2:
            content[at : at + 4] = noise.choice(
                [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x7f", noise.randbytes(4)]
            )
        elif kind == 3:
            content = content[: max(9, at)]
        else:
            content[at:at] = content[at : at + noise.randrange(64)]
    return bytes(content)


def ours(path):
    format, context, source = TiffFormat(), Context(threads=2, max_bytes=LIMIT), Source(path)
    image = images_of(source, format, TiffOptions(), context)[0]
    with open_image(source, format, image, TiffOptions(), context) as reader:
        return reader[tuple(slice(0, size) for size in reader.shape)]


def theirs(path):
    """Return what tifffile reads; None when it fails or the size is absurd."""
    try:
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            if int(np.prod(series.shape, dtype=object)) * series.dtype.itemsize > LIMIT:
                return None
            return series.asarray()
    except Exception:
        return None


def verdict(path):
    started = time.perf_counter()
    try:
        array = ours(path)
    except PluginError as error:
        return f"unexplained: {error}"
    except MLArrayError as error:
        result = "refused" if len(str(error).splitlines()) <= 2 else f"long: {error}"
    else:
        expected = theirs(path)
        same = expected is None or (array.shape == expected.shape and array.tobytes() == expected.tobytes())
        result = "same" if same else f"differs: {array.shape} {expected.shape}"
    took = time.perf_counter() - started
    return result if took < SECONDS else f"slow: {took:.0f} s"


def main():
    warnings.simplefilter("ignore")
    folder, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    samples = sorted(path for path in folder.iterdir() if path.is_file())
    path = folder / "mutants" / "mutant.tif"
    path.parent.mkdir(exist_ok=True)
    for number in range(count):
        noise = random.Random(seed * 1_000_003 + number)
        sample = noise.choice(samples)
        path.write_bytes(mutant(sample.read_bytes(), noise))
        print(number, sample.name, verdict(path), sep="\t", flush=True)


if __name__ == "__main__":
    main()
