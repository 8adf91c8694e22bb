"""How processes of Python are started, so that they import nothing from the folder that one stands in.

A data set that somebody downloaded may hold a `struct.py` or a `json.py`. Python puts the current folder in
front of its path for ``-c`` and ``-m``, and for an empty part of PYTHONPATH. Whatever is started here runs
with the safe path (``-P``), without the variables that would bring such folders back, and gets this process's
path as an explicit list, less the current folder and the folders that data come from or go to.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_KEPT = frozenset({
    "PYTHONDONTWRITEBYTECODE", "PYTHONFAULTHANDLER", "PYTHONHASHSEED", "PYTHONIOENCODING", "PYTHONMALLOC",
    "PYTHONNOUSERSITE", "PYTHONOPTIMIZE", "PYTHONUNBUFFERED", "PYTHONUTF8",
})  # fmt: skip
"""Variables of Python that can't name a folder or a module."""
_FOLDERS = frozenset({"PYTHONHOME", "PYTHONUSERBASE", "PYTHONPYCACHEPREFIX"})
"""Variables that name one folder; kept when it is absolute."""

_START = """\
import json, sys
path, module, sys.argv[1:] = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3:]
sys.path[:] = [entry for entry, safe in path if safe or entry in sys.path]
import runpy
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
"""What a process runs first. An entry that isn't safe stays when Python's own start has put it there: a
folder of installed packages, or one that such a folder's ``.pth`` names (an editable install)."""


def python_command(module: str, arguments: Sequence[str], untrusted: Iterable[str] = ()) -> list[str]:
    """Return the command that runs a module of this process's path, with nothing strange on it.

    Parameters
    ----------
    module
        Its full name; it is run as ``__main__``.
    arguments
        What it finds in ``sys.argv[1:]``.
    untrusted
        Files and folders of data: a folder that lies in one of them, or that a file lies in, isn't on the
        path. Neither is the current folder.
    """
    path = json.dumps(_path(untrusted))
    return [sys.executable, "-P", "-c", _START, path, module, *arguments]


def python_environment() -> dict[str, str]:
    """Return this process's environment without Python's variables that name modules or relative folders."""

    def keep(name: str, value: str) -> bool:
        if not name.upper().startswith("PYTHON") or name in _KEPT:
            return True
        return name in _FOLDERS and os.path.isabs(value)

    return {name: value for name, value in os.environ.items() if keep(name, value)}


def _path(untrusted: Iterable[str]) -> list[tuple[str, bool]]:
    """Return each entry of this process's path that is absolute, and whether it is safe."""
    here = _real(os.getcwd())
    roots = [_real(place if os.path.isdir(place) else os.path.dirname(place)) for place in untrusted]

    def is_safe(entry: str) -> bool:
        folder = _real(entry)
        return folder != here and not any(folder == root or _is_below(folder, root) for root in roots)

    return [(entry, is_safe(entry)) for entry in sys.path if os.path.isabs(entry)]


def _real(path: str) -> str:
    return os.path.normcase(os.path.realpath(path or os.curdir))


def _is_below(folder: str, root: str) -> bool:
    return folder.startswith(root.rstrip(os.sep) + os.sep)
