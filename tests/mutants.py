"""Reads damaged copies of files in a process with limits: mutants.py FORMAT COUNT SEED FILE...

Every mutant must end in an error that mlarray explains, or in the voxels that the format's own library finds
in it too. Prints JSON: counts, and a line for each that did neither. Crashes and hangs are for the caller.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import random
import resource
import shutil
import sys
import tempfile
import time
import warnings
import zlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core.errors import MLArrayError, PluginError
from mlarray_io import Context, Source
from mlarray_io.engine.registry import installed
from mlarray_io.engine.select import images_of, open_image
from mlarray_io.testing import specimens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlarray_io import Format

MEMORY = 3 << 30
SECONDS = 20
LARGEST = 1 << 28
LIBC = ctypes.CDLL(None)
M_PERTURB = -6
"""glibc, malloc.h."""
NASTY = [
    b"nan",
    b"inf",
    b"0",
    b"-1",
    b"1e308",
    b"99999999999",
    b"2147483647",
    b"-0.0",
    b"none",
    b"()",
    b"%d",
    b"",
]


def mutate(content: bytes, noise: random.Random) -> bytes:
    """Return a damaged copy; two of three hits are in the header, where they hurt."""
    data = bytearray(content)
    if not data:
        return content
    reach = min(len(data), noise.choice([64, 512, 2048, len(data)])) or 1
    place = noise.randrange(reach)
    kind = noise.choice(["flip", "flip", "bytes", "cut", "number", "number", "line", "repeat", "swap"])
    if kind == "flip":
        data[place] ^= 1 << noise.randrange(8)
    elif kind == "bytes":
        data[place : place + 4] = noise.choice(
            [b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", noise.randbytes(4)]
        )
    elif kind == "cut":
        del data[noise.randrange(len(data)) :]
    elif kind == "number":
        digits = [at for at in range(reach) if chr(data[at]).isdigit()]
        if digits:
            start = end = noise.choice(digits)
            while end < len(data) and chr(data[end]) in "0123456789.e-":
                end += 1
            data[start:end] = noise.choice(NASTY)
    elif kind == "line":
        end = data.find(b"\n", place)
        del data[place : end if end > 0 else place + 1]
    elif kind == "repeat":
        data[place:place] = data[place : place + 200] * noise.choice([1, 2, 50])
    else:
        other = noise.randrange(reach)
        data[place], data[other] = data[other], data[place]
    return bytes(data)


def read_damaged(
    format: Format, source: Path, files: Sequence[Path], seed: int, count: int = 200
) -> Counter[str]:
    """Damage files of a source in turns, and count how often its images are read and how often refused.

    What a format doesn't explain is a failure. `tests.trust.campaign` tries more, each in its own process.
    """
    noise, counts = random.Random(seed), Counter[str]()
    for number in range(count):
        path = files[number % len(files)]
        content = path.read_bytes()
        path.write_bytes(mutate(content, noise))
        try:
            for image in specimens.images(format, source, LARGEST):
                with specimens.opened(format, source, image, LARGEST) as reader:
                    specimens.whole(reader)
            counts["read"] += 1
        except PluginError as error:
            raise AssertionError(f"mutant {number} of {path.name}: {error}") from error
        except MLArrayError:
            counts["refused"] += 1
        path.write_bytes(content)
    return counts


def packed(sample: Path) -> bool:
    """Say whether mutants are made of the content of a gzipped file, header and all."""
    return sample.read_bytes()[:2] == b"\x1f\x8b"


def packed_again(content: bytes, change: Callable[[bytes], bytes], noise: random.Random) -> bytes:
    """Return changed bytes; of what is gzipped, most of the time its content is changed and packed again."""
    if content[:2] == b"\x1f\x8b" and noise.random() < 0.6:
        with contextlib.suppress(zlib.error):  # a mutant of a mutant may be no gzip any more
            plain = change(zlib.decompressobj(31).decompress(content))
            packer = zlib.compressobj(1, zlib.DEFLATED, 31)
            return packer.compress(plain) + packer.flush()
    return change(content)


def variants(sample: Path, noise: random.Random) -> bytes:
    """Return a mutant of a file, half of the time of what a gzipped one holds."""
    return packed_again(sample.read_bytes(), lambda plain: mutate(plain, noise), noise)


class UnreadError(Exception):
    """The library hands back memory that it read nothing into."""


def voxels_of(path: Path) -> Path:
    """Return what is opened when a file was damaged: Bruker's parameters aren't opened themselves."""
    return path.with_name("2dseq") if path.name == "visu_pars" else path


def by_simpleitk(path: Path) -> np.ndarray:
    """Read a file twice, with new memory filled differently, to see what SimpleITK leaves unread."""
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    found = []
    for fill in (0x11, 0x66):
        if hasattr(LIBC, "mallopt"):  # glibc's
            LIBC.mallopt(M_PERTURB, fill)
        found.append(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))))
    if hasattr(LIBC, "mallopt"):
        LIBC.mallopt(M_PERTURB, 0)
    if found[0].tobytes() != found[1].tobytes():
        raise UnreadError
    return found[0]


def ours(name: str, path: Path) -> np.ndarray:
    """Return all voxels, as this package reads them."""
    format, path = installed().get(name), voxels_of(path)
    source, context = Source(path), Context(threads=1, max_bytes=LARGEST)
    image = images_of(source, format, format.options_type(), context)[0]
    with open_image(source, format, image, format.options_type(), context) as reader:
        return reader[tuple(slice(0, size) for size in reader.shape)]


ALONE = frozenset({"czi", "nd2", "lif", "openslide", "oif", "rosettasciio"})
"""Formats whose only reader is the library that reads them here too: there is nothing to compare with."""


def theirs(name: str, path: Path) -> np.ndarray | None:
    """Return all voxels as the format's own library reads them, None where it refuses or doesn't compare."""
    if name in ALONE:
        return None
    try:
        if name == "nrrd":
            import nrrd

            return nrrd.read(str(path), index_order="C")[0]
        if name in ("metaimage", "gipl", "vtk", "bruker"):
            return by_simpleitk(voxels_of(path))
        import nibabel.ecat

        if name == "ecat":
            image = nibabel.ecat.load(path)
        elif name == "parrec":  # otherwise it orders slices by how often their number came before
            image = nibabel.load(path, strict_sort=True)
        else:
            image = nibabel.load(path)
        voxels = np.asanyarray(image.dataobj)
        return voxels if name == "minc" else voxels.T
    except UnreadError:
        raise
    except Exception:
        return None


def same(left: np.ndarray, right: np.ndarray) -> bool:
    """Say whether two images hold the same values, to the rounding of float32."""
    if left.size != right.size:
        return False
    with np.errstate(all="ignore"):
        return np.allclose(left.ravel(), right.ravel(), rtol=1e-5, atol=1e-30, equal_nan=True)


def stopped(reference: np.ndarray, voxels: np.ndarray) -> bool:
    """Say whether a library read the same up to a number that it doesn't take, such as -0.0, then zeros."""
    left, right = reference.ravel(), voxels.ravel()
    return left.size == right.size and not left[np.argmax(left != right) :].any()


def judge(name: str, path: Path, whole: np.ndarray, count: Counter[str]) -> str | None:
    """Read one mutant both ways; return what is wrong. `whole` is what the undamaged file holds."""
    started, before = time.perf_counter(), forget_peak()
    try:
        voxels = ours(name, path)
    except PluginError as error:
        return f"not explained: {error}"
    except MLArrayError:
        count["refused"] += 1
        return slow(started)
    except MemoryError:
        return "out of memory"
    finally:
        count["peak_mb"] = max(count["peak_mb"], memory_mb("VmHWM") - before)
    late = slow(started)
    try:
        reference = theirs(name, path)
    except UnreadError:
        if not same(voxels, whole):
            return f"read {voxels.shape} {voxels.dtype}, where the library leaves voxels unread"
        count["read as if undamaged"] += 1
        return late
    if reference is None:
        count["read" if name in ALONE else "read, the library refuses"] += 1
    elif same(voxels, reference):
        count["read as the library does"] += 1
    elif same(voxels, whole):  # the library is misled by what doesn't matter here
        count["read as if undamaged"] += 1
    elif name == "vtk" and b"ASCII" in path.read_bytes()[:100] and stopped(reference, voxels):
        count["read on where the library stops"] += 1
    else:
        return f"differs: {voxels.shape} {voxels.dtype}, the library has {reference.shape} {reference.dtype}"
    return late


def slow(started: float) -> str | None:
    """Say that it took too long, if it did."""
    took = time.perf_counter() - started
    return f"took {took:.1f} s" if took > SECONDS else None


def forget_peak() -> int:
    """Begin to measure the peak anew; return the size now, of which the library has kept much."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return memory_mb("VmRSS")


def memory_mb(field: str) -> int:
    """Return a size of this process; getrusage would count its parent's peak, from before exec."""
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in status if line.startswith(field)).split()[1]) // 1024


def main(name: str, count: int, seed: int, samples: list[Path]) -> None:
    """Try `count` mutants of the samples in turn."""
    noise, counts, wrong = random.Random(seed), Counter[str](), []
    wholes = {sample: ours(name, sample) for sample in samples}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            sample = samples[number % len(samples)]
            work = Path(folder) / str(number)
            work.mkdir()
            stem = "" if voxels_of(sample).name == "2dseq" else sample.name.split(".")[0]
            for other in sample.parent.glob(f"{stem}*"):
                if other.is_file() and other.stat().st_size < 2 << 20:
                    shutil.copyfile(other, work / other.name)
            path = work / sample.name
            path.write_bytes(variants(sample, noise))
            before = sorted(work.iterdir())
            print(f"{number} {sample.name}", file=sys.stderr, flush=True)
            what = judge(name, path, wholes[sample], counts)
            if sorted(work.iterdir()) != before:
                what = "left files behind"
            if what:
                wrong.append(f"mutant {number} (seed {seed}) of {sample.name}: {what}")
            shutil.rmtree(work)
    peak = counts.pop("peak_mb")
    print(json.dumps({"mutants": count, "counts": counts, "wrong": wrong, "peak_mb": peak}))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), [Path(name) for name in sys.argv[4:]])
