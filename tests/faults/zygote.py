"""Does what it is told in forked children of its own, the libraries loaded once; runs under `shim.c`.

Reads one request a line, and answers each by one line, both JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import warnings
from pathlib import Path

from mlarray_core.errors import MLArrayError
from tests.faults.write_paths import WAYS

KINDS = {"count": 0, "error": 1, "kill": 2, "torn": 3}


def acted(request: dict) -> dict:
    """Write in the way that was asked for, with the fault; return how it ended."""
    shim = ctypes.CDLL(None)
    folder = Path(request["folder"])
    root = os.fsencode(os.path.realpath(folder))
    shim.fault_arm(root, ctypes.c_long(request["at"]), KINDS[request["kind"]], request["errno"])
    said = {"raised": None, "ours": True, "text": ""}
    try:
        WAYS[request["way"]].act(folder)
    except BaseException as error:  # which one it is, is judged elsewhere
        said = {
            "raised": type(error).__name__,
            "ours": isinstance(error, MLArrayError),
            "text": str(error),
        }
    return {**said, "calls": shim.fault_disarm()}


def looked(request: dict) -> dict:
    """Say what is in the folder, and what is there after writing again without any fault."""
    folder = Path(request["folder"])
    found = {"left": sorted(path.name for path in folder.iterdir() if path.name.startswith("."))}
    for name in ("state", "again"):
        try:
            if name == "again":
                WAYS[request["way"]].act(folder)
            found[name] = WAYS[request["way"]].look(folder)
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found


def prepared(request: dict) -> dict:
    folder = Path(request["folder"])
    WAYS[request["way"]].prepare(folder)
    return {"state": WAYS[request["way"]].look(folder)}


def in_child(job: object, request: dict) -> dict:
    """Return what `job` returns in a child, or that the child was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        warnings.simplefilter("ignore")
        with os.fdopen(writer, "w") as answer:
            json.dump(job(request), answer)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    status = os.waitpid(child, 0)[1]
    return json.loads(text) if text else {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else -1}


def main() -> None:
    jobs = {"act": acted, "look": looked, "prepare": prepared}
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(in_child(jobs[request["job"]], request)), flush=True)


if __name__ == "__main__":
    main()
