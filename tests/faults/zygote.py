"""Does what it is told in forked children of its own, the libraries loaded once; runs under `shim.c`.

Reads one request a line, and answers each by one line, both JSON.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
import warnings
from contextlib import suppress
from pathlib import Path

from mlarray_core.errors import MLArrayError, PluginError
from tests.faults.ways import WAYS

KINDS = {"count": 0, "error": 1, "kill": 2, "torn": 3, "full": 4}
SHIM = ctypes.CDLL(None)


def acted(request: dict) -> dict:
    """Write in the way that was asked for, with the fault; return how it ended."""
    folder = Path(os.path.realpath(request["folder"]))
    before = sizes(folder)
    SHIM.fault_arm(
        os.fsencode(folder), ctypes.c_long(request["at"]), KINDS[request["kind"]], request["errno"]
    )
    said = {"raised": None, "ours": True, "text": ""}
    try:
        WAYS[request["way"]].act(folder)
    except BaseException as error:  # which one it is, is judged elsewhere
        said = {
            "raised": type(error).__name__,
            "ours": isinstance(error, MLArrayError) and not isinstance(error, PluginError),
            "text": str(error),
        }
    count = ctypes.c_long()
    calls = SHIM.fault_disarm(ctypes.byref(count))
    fresh = sum(size - before.get(key, 0) for key, size in sizes(folder).items())
    return {**said, "calls": calls, "bytes": count.value, "fresh": fresh}


def sizes(folder: Path) -> dict[tuple[int, int], int]:
    """Return the size of each file, by what tells it from others."""
    status = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return {(one.st_dev, one.st_ino): one.st_size for one in status}


def temporary(folder: Path) -> list[str]:
    """Return the temporary files and folders that are left, wherever they are."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*.tmp-*"))


def looked(request: dict) -> dict:
    """Say what is in the folder, and what is there after writing again without any fault."""
    folder, way = Path(request["folder"]), WAYS[request["way"]]
    found: dict = {"left": temporary(folder), "state": shown(way.look, folder)}
    try:
        way.act(folder)
        found["again"] = shown(way.look, folder)
    except Exception as error:
        found["again"] = f"{type(error).__name__}: {error}"
    found["files"] = [name for name in files(folder) if ".tmp-" not in name]
    return found


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def shown(look: object, folder: Path) -> object:
    """Return what is there, or the error as text."""
    try:
        return look(folder)  # type: ignore[operator]
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def prepared(request: dict) -> dict:
    folder = Path(request["folder"])
    WAYS[request["way"]].prepare(folder)
    return {"state": WAYS[request["way"]].look(folder), "left": temporary(folder)}


def in_child(job: object, request: dict) -> dict:
    """Return what `job` returns in a child, or that the child was killed; nothing of it lives on."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.close(reader)
        warnings.simplefilter("ignore")
        with os.fdopen(writer, "w") as answer:
            known = set(sys.modules)
            said = job(request)  # type: ignore[operator]
            json.dump({**said, "modules": [name for name in sys.modules if name not in known]}, answer)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    status = os.waitpid(child, 0)[1]
    SHIM.fault_disarm(ctypes.byref(ctypes.c_long()))
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    return json.loads(text) if text else {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else -1}


def main() -> None:
    jobs = {"act": acted, "look": looked, "prepare": prepared}
    for line in sys.stdin:
        request = json.loads(line)
        answer = in_child(jobs[request["job"]], request)
        print(json.dumps(answer), flush=True)
        for name in answer.get("modules", ()):
            with suppress(Exception):  # here once, instead of in each child
                importlib.import_module(name)


if __name__ == "__main__":
    main()
