"""What killed writers leave: the names of temporary folders, and when one may be removed by somebody else."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

STALE_SECONDS = 24 * 3600
ELSEWHERE_SECONDS = 7 * STALE_SECONDS
"""After how long without a change a temporary folder of another machine is given up: whether its process
lives can't be known here."""
REPLACED, BEFORE = ".replaced", ".before"
"""Ends of the names under which a target, and what belongs to it, are set aside while they are replaced."""
_TEMPORARY = re.compile(r"\..+\.tmp-(\d+)-[0-9a-f]{8}(?:-([0-9a-f]{8}))?")
_LONGEST = 48
"""Characters of a target's name that its temporary folder's has."""


def temporary_name(name: str) -> str:
    """Return a fresh name for the temporary folder of a target, which tells whose it is."""
    return f".{name[:_LONGEST]}.tmp-{os.getpid()}-{secrets.token_hex(4)}-{_machine()}"


@cache
def _machine() -> str:
    """Return what tells this machine, or this container, from others that share a disk, as 8 digits."""
    import socket
    from hashlib import blake2s

    numbers = ""  # of processes: each container counts its own
    with suppress(OSError):
        numbers = os.readlink("/proc/self/ns/pid")
    name = os.uname().nodename if hasattr(os, "uname") else socket.gethostname()
    return blake2s(f"{name} {numbers}".encode(), digest_size=4).hexdigest()


def sweep(folder: str | os.PathLike[str], older: float = STALE_SECONDS) -> list[Path]:
    """Remove temporary folders that killed processes left in `folder`, and return their paths.

    Parameters
    ----------
    folder
        Where targets are.
    older
        Only those in which nothing has changed for so many seconds, and whose process is gone. Those of
        another machine that shares the disk are left for a week.
    """
    swept = []
    for path in Path(folder).iterdir():
        if is_given_up(path, older):
            with suppress(OSError):
                restore(path)
                shutil.rmtree(path)
                swept.append(path)
    return swept


def discard(folder: str | os.PathLike[str], *names: str) -> None:
    """Remove at once what killed processes left in `folder` of targets called `names`; of all, without names.

    For those only who know that nobody is writing these targets, such as the holder of a batch's lock. What a
    process that lives is writing stays all the same, and so does what another machine's wrote this week.

    Parameters
    ----------
    folder
        Where the targets are.
    names
        What the targets' names begin with.
    """
    if not Path(folder).is_dir():
        return
    for path in Path(folder).iterdir():
        if is_given_up(path, None):
            with suppress(OSError):
                if not names or _is_of(path, names):
                    restore(path)
                    shutil.rmtree(path)


def restore(temporary: Path) -> None:
    """Put back what was set aside for a new version that never came: the target last.

    The new target lies in the temporary folder until everything else is in place, and moves last.
    """
    inside = list(temporary.iterdir())
    if all(path.name.endswith((REPLACED, BEFORE)) for path in inside):
        return  # the new version is complete
    folder = temporary.parent
    targets = [path for path in inside if path.name.endswith(REPLACED)]
    others = [path for path in inside if path.name.endswith(BEFORE)]
    gone = [path.name.removesuffix(REPLACED) for path in targets]
    gone = gone or [path.name for path in inside if path not in others]
    if any(os.path.lexists(folder / name) for name in gone):
        return  # somebody else has put something there
    for path in others:
        path.replace(folder / path.name.removesuffix(BEFORE))
    for path in targets:
        path.rename(folder / path.name.removesuffix(REPLACED))


def is_given_up(path: Path, older: float | None) -> bool:
    """Whether a path is a temporary folder that nobody writes into.

    Parameters
    ----------
    path
        Any path.
    older
        Seconds for which nothing may have changed in it; None when its age doesn't matter.
    """
    match = _TEMPORARY.fullmatch(path.name)
    if match is None or path.is_symlink() or not path.is_dir():
        return False
    if match[2] not in (None, _machine()):
        return _is_older(path, max(older or 0, ELSEWHERE_SECONDS))
    return not _is_alive(int(match[1])) and (older is None or _is_older(path, older))


def _is_older(folder: Path, seconds: float) -> bool:
    """Whether nothing in a folder, however deep, has changed for so long."""
    limit = time.time() - seconds
    try:
        if folder.stat().st_mtime > limit:
            return False
        return all(path.lstat().st_mtime <= limit for path in folder.rglob("*"))
    except OSError:  # it changes right now
        return False


def _is_of(temporary: Path, names: tuple[str, ...]) -> bool:
    """Whether a temporary folder is of one of these targets; its own name has but 48 characters of theirs."""
    fitting = [name for name in names if temporary.name.startswith(f".{name[:_LONGEST]}")]
    inside = [entry.name.removesuffix(REPLACED).removesuffix(BEFORE) for entry in temporary.iterdir()]
    return any(len(name) < _LONGEST or any(one.startswith(name) for one in inside) for name in fitting)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
