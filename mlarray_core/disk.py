"""Files as the operating system has them: its errors explained, syncing, renames that replace nothing."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.errors import LockedError, MLArrayError, WriteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ELSEWHERE, _ROOM = "Choose another folder", "Free some space"
_CAUSES = {
    errno.ENOSPC: ("the disk is full", _ROOM),
    errno.EDQUOT: ("the disk quota is used up", _ROOM),
    errno.EFBIG: ("the file is too large for this file system or this user", None),
    errno.EROFS: ("the file system is read-only", _ELSEWHERE),
    errno.EACCES: ("no permission to write here", _ELSEWHERE),
    errno.EPERM: ("no permission to write here", _ELSEWHERE),
    errno.ENOTDIR: ("its folder is not a folder", _ELSEWHERE),
    errno.ENOENT: ("its folder does not exist", "Create the folder first"),
}
_NO_FLAGS = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM}
"""What a file system says that can't link, or has no flags of renaming."""
PATIENCE = 20.0
"""Seconds that publishing files which belong together waits for others that do so in the same folder."""


def write_error(error: OSError, path: str | os.PathLike[str], *, unchanged: bool = False) -> WriteError:
    """Say what an error of the operating system means for somebody who writes `path`.

    Parameters
    ----------
    error
        What the system said.
    path
        What was to be written.
    unchanged
        Whether what was there is known to be as it was.
    """
    cause, hint = _CAUSES.get(error.errno or 0, (error.strerror or str(error), None))
    if error.errno == errno.ENOENT:
        hint = home_hint(path) or hint
    if unchanged and hint == _ROOM:
        hint = "The target is unchanged; free some space"
    return WriteError(f"can't be written: {cause}", path=path, hint=hint)


def home_hint(path: str | os.PathLike[str]) -> str | None:
    """Say, of a path that isn't there, that nothing expands its ``~``; None for paths without."""
    if not os.fspath(path).startswith("~"):
        return None
    return "'~' is expanded by shells only: give os.path.expanduser(path)"


@contextmanager
def explained(path: str | os.PathLike[str], *, unchanged: bool = False) -> Iterator[None]:
    """Say in the product's words what the system refuses while `path` is written.

    Parameters
    ----------
    path, unchanged
        As `write_error` takes them.

    Raises
    ------
    WriteError
        The operating system refuses.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, MLArrayError):
            raise
        raise write_error(error, path, unchanged=unchanged) from error


def uncertain(error: OSError, path: str | os.PathLike[str]) -> WriteError:
    """Say what `error` means that came after everything was written: that a power cut may still undo it."""
    cause = error.strerror or str(error)
    return WriteError(
        f"is written, but may not be on the disk yet: {cause}", path=path, hint="Write it again to be sure"
    )


def remove_folder(folder: Path) -> None:
    """Remove a folder, as far as the system lets us: a second time what is left, for a disk may fail once."""
    for _ in range(2):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


@contextmanager
def spool_beside(path: Path) -> Iterator[Path]:
    """Yield a folder beside a file for what goes into it later; it is gone in the end.

    Raises
    ------
    OSError
        It can't be removed: whoever publishes the file would publish it too.
    """
    folder = Path(tempfile.mkdtemp(dir=path.parent))
    try:
        yield folder
    except BaseException:
        remove_folder(folder)
        raise
    remove_folder(folder)
    if folder.exists():
        folder.rmdir()


@contextmanager
def naming(path: str | os.PathLike[str] | None) -> Iterator[None]:
    """Name a file in the system's errors that don't: those of reading and writing an open one.

    Raises
    ------
    OSError
        As it was, with a name.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and not isinstance(error, MLArrayError):
            error.filename = path
        raise


def sync(path: Path) -> None:
    """Make a file, or a folder and all that is in it, outlive a power cut."""
    if path.is_dir():
        for entry in path.iterdir():
            sync(entry)
    sync_one(path)


def sync_one(path: Path) -> None:
    """Make a file, or which entries a folder has, outlive a power cut.

    Raises
    ------
    OSError
        The system refuses.
    """
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        synced(handle, os.fsync)
    finally:
        os.close(handle)


def synced(handle: int, how: Callable[[int], None]) -> None:
    """Call `how`, one of the system's ways to sync, for an open file or folder.

    Raises
    ------
    OSError
        The system refuses.
    """
    try:
        how(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems can't sync folders
            raise


_NOREPLACE, _EXCHANGE = 1, 2
"""RENAME_NOREPLACE, RENAME_EXCHANGE (linux/fs.h)."""
_HERE = -100
"""AT_FDCWD (linux/fcntl.h): paths are absolute, or of the current folder."""


def exchange(path: Path, other: Path) -> bool:
    """Have two paths change places in one step; return whether this system and disk can do that."""
    return _renamed(path, other, _EXCHANGE) == 0


def move_new(path: Path, target: Path) -> None:
    """Rename, but never over what another process has put there meanwhile.

    Raises
    ------
    FileExistsError
        There is something.
    OSError
        The system refuses.
    """
    number = _renamed(path, target, _NOREPLACE)
    if number == 0:
        return
    if number is not None and number not in _NO_FLAGS:
        raise OSError(number, os.strerror(number), str(path), None, str(target))
    if path.is_dir():  # over a folder that isn't empty, or a file, the system itself refuses to
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        path.rename(target)
        return
    try:
        os.link(path, target)
    except OSError as error:
        if error.errno not in _NO_FLAGS:
            raise
        path.rename(target)  # a file system without hard links


def _renamed(path: Path, target: Path, flag: int) -> int | None:
    """Rename with a flag; return 0 or the number of the system's error, None where there are no flags."""
    if sys.platform != "linux":
        return None
    import ctypes

    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return None
    failed = rename(_HERE, os.fsencode(path), _HERE, os.fsencode(target), flag)
    return ctypes.get_errno() if failed else 0


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Publish several files into a folder while nobody else of this library does.

    Raises
    ------
    LockedError
        Another process has been doing so for long.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > until:
                    what = "another process is putting files into its folder"
                    raise LockedError(what, path=folder, hint="Try again") from error
                time.sleep(0.01)
            except OSError:  # not every disk has locks
                break
        yield
    finally:
        os.close(handle)
