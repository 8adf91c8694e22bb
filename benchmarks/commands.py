"""Whole commands: converting a file, and starting up. Processor time and memory are the child's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.absent import PeerError

if TYPE_CHECKING:
    from benchmarks.measure import Plan


_MEASURED = """\
import json, os, subprocess, sys, tempfile, time
said = tempfile.TemporaryFile()
started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=said)
_, status, usage = os.wait4(process.pid, 0)
took = {"cpu": usage.ru_utime + usage.ru_stime, "wall": time.perf_counter() - started}
said.seek(max(0, said.tell() - 500))
failed = {"failed": os.waitstatus_to_exitcode(status), "said": said.read().decode(errors="replace")}
print(json.dumps({**took, "rss": usage.ru_maxrss * 1024, **failed}))
"""


def child(arguments: list[str]) -> dict:
    """Run a command and return its processor and wall seconds and its peak memory in bytes.

    A small process starts it: the system counts the memory of whoever starts a process as the process's own.
    """
    if not shutil.which(arguments[0]):
        raise PeerError(f"{arguments[0]} is not installed")
    # packages that are installed have their bytecode beside them: it is written by the first turn
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _MEASURED, *arguments],
        stdout=subprocess.PIPE,
        check=True,
        env=settings,
    )
    took: dict = json.loads(answer.stdout)
    code, said = took.pop("failed"), took.pop("said").strip().rpartition("\n")[2]
    if code:
        raise PeerError(f"exit code {code}: {said}")
    return took


def _script(python: str | Path, name: str) -> str:
    return str(Path(python).parent / name)


def convert(folder: Path, reference: Path, plan: Plan) -> dict:
    """Return processor time and memory of converting a `.nii.gz`, ours and the reference's."""
    ours = [_script(sys.executable, "mlarray"), "convert", "--force", "--quiet"]
    ways = {
        "ours": ours,
        "ours fast": [*ours, "-o", "profile=fast"],
        "reference": [_script(reference, "mlarray_convert")],
    }
    results: dict[str, list] = {}
    source = _gzipped(folder, "ct")
    for _ in range(max(1, plan.turns // 3)):
        for key, command in ways.items():
            target = folder / f"converted-{key.replace(' ', '-')}.mla"
            took = child([*command, str(source), str(target)])
            results.setdefault(key, []).append({**took, "size": target.stat().st_size})
    if "large" in plan.images and (folder / "large.npy").exists():
        target = folder / "converted-large.mla"
        results["ours large"] = [child([*ours, str(_gzipped(folder, "large")), str(target)])]
    return results


def _gzipped(folder: Path, name: str) -> Path:
    """Return the image as NIfTI, slices last as scanners have it."""
    path = folder / f"{name}.nii.gz"
    if not path.exists():
        import nibabel

        nibabel.openers.Opener.default_compresslevel = 1
        nibabel.save(nibabel.Nifti1Image(np.load(folder / f"{name}.npy").T, np.diag([1.0, 1, 2, 1])), path)
    return path


def start(folder: Path, reference: Path, plan: Plan) -> dict:
    """Return processor seconds of starting up; the least counts, for everything else only adds to it."""
    image = next(folder.glob("ct.ours-default*"))
    command, theirs = _script(sys.executable, "mlarray"), _script(reference, "mlarray_convert")
    ways = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "mlarray --help": [command, "--help"],
        "mlarray --version": [command, "--version"],
        "mlarray info": [command, "info", str(image)],
        "reference --help": [theirs, "--help"],
    }
    times: dict[str, list[float]] = {key: [] for key in ways}
    for _ in range(3 * plan.turns):
        for key, arguments in ways.items():
            times[key].append(child(arguments)["cpu"])
    return times
