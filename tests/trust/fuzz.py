"""Damage files of a format guided by the branches that they take, with atheris (libFuzzer for Python).

``python -m tests.trust.fuzz FORMAT [--runs 2000] [--seed 1] [--keep FOLDER]``, after ``pip install atheris``.
It mutates the same seeds as the campaign, in one process, and stops at the first file that ends it, takes
10 s or 2 GB, or fails without an explanation. Whether voxels are right is the campaign's question, as is
everything of formats whose library runs in processes of its own: no branch is seen there.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import pkgutil
import sys
import tempfile
import warnings
import zlib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

SECONDS, MEGABYTES = 10, 2048
LARGEST = 1 << 28
GZIP = b"\x1f\x8b"


def instrumented(format: str) -> None:
    """Import all modules that read a format, so that their branches are seen."""
    import atheris

    plugins = {one.value.partition(":")[0].partition(".")[0] for one in entry_points(group="mlarray")}
    with atheris.instrument_imports(include=[*plugins - {"mlarray_io"}, "mlarray_io.sdk"]):
        from mlarray_io.engine.registry import installed

        package = type(installed().get(format)).__module__.partition(".")[0]
        found = importlib.import_module(package)
        for module in pkgutil.walk_packages(found.__path__, f"{package}."):
            importlib.import_module(module.name)


def mutate(content: bytes, most: int, seed: int) -> bytes:
    """Return a mutant as libFuzzer makes them; of a gzipped file, of what it holds."""
    import atheris

    del seed  # libFuzzer's own generator is used
    if content[:2] != GZIP:
        return bytes(atheris.Mutate(content, most))
    try:
        plain = zlib.decompressobj(31).decompress(content, most)
    except zlib.error:
        return bytes(atheris.Mutate(content, most))
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(bytes(atheris.Mutate(plain, most))) + packer.flush()


def main() -> None:
    """Damage files until the runs are used up; the process ends with 0 then."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("format")
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where the file that did wrong is kept (here)")
    asked = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        parser.error("atheris is not installed: pip install atheris")
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        process = os.fork()
        if not process:  # libFuzzer ends the process that it runs in
            _fuzz(asked, Path(name))
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    sys.exit(code if code >= 0 else 1)


def _fuzz(asked: argparse.Namespace, folder: Path) -> None:
    import atheris

    instrumented(asked.format)
    import mlarray
    from mlarray_core.errors import MLArrayError, PluginError
    from tests.trust.seeds import seeds

    corpus, work = folder / "corpus", folder / "work"
    corpus.mkdir()
    work.mkdir()
    for number, one in enumerate(seeds(asked.format, folder / "seeds")):
        if one.opened.is_file():
            (corpus / str(number)).write_bytes(one.opened.read_bytes())
            suffix = "".join(one.opened.suffixes)
    path = work / f"mutant{suffix}"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        try:
            mlarray.read(path, format=asked.format, max_bytes=LARGEST, threads=1)
        except PluginError:
            raise
        except MLArrayError:
            return

    warnings.simplefilter("ignore")
    keep = asked.keep or Path.cwd()
    options: list[Any] = [
        f"-runs={asked.runs}", f"-seed={asked.seed}", f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}",
        f"-artifact_prefix={keep}/{asked.format}-", "-max_len=300000", "-len_control=0", str(corpus),
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options], read, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
