"""Files that appear whole or not at all.

What is written goes to a temporary folder beside the target, ``.NAME.tmp-PID-RANDOM/NAME``, so that it has
the right name for libraries that look at it, and is on the target's file system. Only when it is complete and
on disk is it renamed over the target, which until then stays as it was.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.errors import ExistsError, MLArrayError, WriteError

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITING_ONLY = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}
_CAUSES = {
    errno.ENOSPC: ("the disk is full", "The target is unchanged; free some space"),
    errno.EDQUOT: ("the disk quota is used up", "The target is unchanged; free some space"),
    errno.EFBIG: ("the file is too large for this file system or this user", None),
    errno.EROFS: ("the file system is read-only", "Choose another folder"),
    errno.EACCES: ("no permission to write here", "Choose another folder"),
    errno.EPERM: ("no permission to write here", "Choose another folder"),
    errno.ENOTDIR: ("its folder is not a folder", "Choose another folder"),
    errno.ENOENT: ("its folder does not exist", "Create the folder first"),
}


class Publication:
    """One target that is being written: `commit` makes it appear, `abort` forgets it.

    Parameters
    ----------
    target
        Where the file or folder is to appear. Links are followed, a replaced file's permissions kept.
    overwrite
        Replace what is there. Otherwise an existing target is refused, at once and again by `commit`.

    Attributes
    ----------
    path
        Where to write: a path that doesn't exist yet, with the target's name, in a folder of its own. Other
        files that are written beside it (the ``.img`` of a ``.hdr``) are published beside the target.

    Raises
    ------
    ExistsError
        The target exists and `overwrite` is false.
    WriteError
        The target's folder is missing or can't be written, or the target is no file and no folder.
    """

    def __init__(self, target: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        self.asked = Path(target)
        self.target = Path(os.path.realpath(target))
        self.overwrite = overwrite
        self._check(self.target)
        name = self.target.name
        self._folder = self.target.parent / f".{name[:48]}.tmp-{os.getpid()}-{secrets.token_hex(4)}"
        self.path = self._folder / name
        self._open = False
        self._pid = os.getpid()
        with self._explained():
            self._folder.mkdir(mode=0o700)
        self._open = True

    def commit(self) -> None:
        """Put everything that was written into place: companions first, the target last. Once is enough."""
        if not self._open:
            return
        try:
            with self._explained():
                self._publish()
        finally:
            self.abort()

    def abort(self) -> None:
        """Remove everything that was written and not committed."""
        if self._open and os.getpid() == self._pid:  # not a forked child's to remove
            _remove(self._folder)
        self._open = False

    def explain(self, error: OSError) -> MLArrayError:
        """Say what `error`, raised while writing, means for the target."""
        return error if isinstance(error, MLArrayError) else write_error(error, self.asked)

    def concerns(self, error: OSError) -> bool:
        """Whether `error` came from writing, not from reading some other file."""
        names = (error.filename, error.filename2)
        return error.errno in _WRITING_ONLY or any(str(self._folder) in str(name) for name in names if name)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self.explain(error) from error

    def _check(self, target: Path) -> None:
        check_target(self.asked if target == self.target else target, overwrite=self.overwrite)

    def _publish(self) -> None:
        written = sorted(self._folder.iterdir(), key=lambda path: path == self.path)
        if self.path not in written:
            raise WriteError("nothing was written", path=self.asked)
        for path in written:
            self._check(self.target.parent / path.name)
        for path in written:
            sync(path)
        if any((self.target.parent / path.name).exists() for path in written[:-1]) and self.target.exists():
            self._replace_set(written)
        else:
            for path in written:
                self._move(path, self.target.parent / path.name)
        try:
            _sync_one(self.target.parent)
        except OSError as error:
            raise uncertain(error, self.asked) from error

    def _replace_set(self, written: list[Path]) -> None:
        """Replace files that make up one image, such as a header and its voxels: never a mix of old and new.

        The old target goes first. Until the new one is there the image is incomplete, as its readers say; a
        failure puts everything back.
        """
        places = [self.target.parent / path.name for path in written]
        asides: list[tuple[Path, Path]] = []
        try:
            for place in (places[-1], *places[:-1]):
                if place.exists():
                    aside = self._folder / f"{place.name}.before"
                    place.rename(aside)
                    asides.append((aside, place))
            _sync_one(self.target.parent)
            for path, place in zip(written, places, strict=True):
                self._move(path, place)
        except BaseException:
            for path, place in zip(written[:-1], places[:-1], strict=True):
                if not path.exists():
                    place.unlink(missing_ok=True)
            for aside, place in reversed(asides):
                aside.replace(place)
            raise

    def _move(self, path: Path, target: Path) -> None:
        if target.exists() and path.is_file() and target.is_file():
            path.chmod(stat.S_IMODE(target.stat().st_mode))
        if path.is_dir() or target.is_dir():
            self._move_folder(path, target)
        elif self.overwrite:
            path.replace(target)
        else:
            self._move_new(path, target)

    def _move_new(self, path: Path, target: Path) -> None:
        """Rename, but never over a file that another process has put there since we looked."""
        try:
            os.link(path, target)
        except FileExistsError:
            self._check(target)
            raise
        except OSError:  # a file system without hard links
            path.replace(target)

    def _move_folder(self, path: Path, target: Path) -> None:
        """Put a folder in place of whatever is there; a folder can't be renamed over a full one."""
        aside = self._folder / f"{target.name}.replaced"
        replaced = target.exists()
        if replaced and _exchange(path, target):
            return  # what was there is in the temporary folder now, and goes with it
        if replaced:
            target.rename(aside)
        try:
            path.rename(target)
        except BaseException:
            if replaced:
                aside.rename(target)
            raise


STALE_SECONDS = 24 * 3600
_TEMPORARY = re.compile(r"\..+\.tmp-(\d+)-[0-9a-f]{8}")


def sweep(folder: str | os.PathLike[str], older: float = STALE_SECONDS) -> list[Path]:
    """Remove temporary folders that killed processes left in `folder`, and return their paths.

    Parameters
    ----------
    folder
        Where targets are.
    older
        Only those in which nothing has changed for so many seconds, and whose process is gone: on a shared
        disk, a process of another machine has a number that means nothing here.
    """
    swept = []
    for path in Path(folder).iterdir():
        match = _TEMPORARY.fullmatch(path.name)
        if match is None or path.is_symlink() or not path.is_dir() or _alive(int(match[1])):
            continue
        with suppress(OSError):
            times = [path.stat().st_mtime, *(entry.lstat().st_mtime for entry in path.iterdir())]
            if time.time() - max(times) > older:
                _restore(path)
                shutil.rmtree(path)
                swept.append(path)
    return swept


def discard(folder: str | os.PathLike[str], *names: str) -> None:
    """Remove at once what killed processes left in `folder` of targets called `names`; of all, without names.

    For those only who know that nobody is writing these targets, such as the holder of a batch's lock. What a
    process of this machine that lives is writing stays all the same.

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
        match = _TEMPORARY.fullmatch(path.name)
        if match is None or path.is_symlink() or not path.is_dir() or _alive(int(match[1])):
            continue
        with suppress(OSError):
            if not names or _is_of(path, names):
                _restore(path)
                shutil.rmtree(path)


def _is_of(temporary: Path, names: tuple[str, ...]) -> bool:
    """Whether a temporary folder is of one of these targets; its own name has but 48 characters of theirs."""
    fitting = [name for name in names if temporary.name.startswith(f".{name[:48]}")]
    inside = [entry.name.removesuffix(".replaced") for entry in temporary.iterdir()]
    return any(len(name) < 48 or any(one.startswith(name) for one in inside) for name in fitting)


def _restore(temporary: Path) -> None:
    """Put back a folder whose replacement was killed between its two renames."""
    for aside in temporary.glob("*.replaced"):
        target = temporary.parent / aside.name.removesuffix(".replaced")
        if not target.exists():
            aside.rename(target)


_EXCHANGE = 2
"""RENAME_EXCHANGE (linux/fs.h)."""
_HERE = -100
"""AT_FDCWD (linux/fcntl.h): paths are absolute, or of the current folder."""


def _exchange(path: Path, other: Path) -> bool:
    """Have two paths change places in one step; return whether this system and disk can do that."""
    if sys.platform != "linux":
        return False
    import ctypes

    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    return bool(rename(_HERE, os.fsencode(path), _HERE, os.fsencode(other), _EXCHANGE) == 0)


def _remove(folder: Path) -> None:
    """Remove a folder; a second time where something of it was left, for a disk may fail once."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


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


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


@contextmanager
def atomic(target: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a path to write to; it becomes `target` when the body ends, and vanishes when the body raises.

    Errors of the operating system that come from writing leave as `WriteError` with the target's name and the
    cause; every other error leaves as it is. See `Publication` for the rest.

    Parameters
    ----------
    target
        Where the file or folder appears.
    overwrite
        Replace what is there.

    Raises
    ------
    ExistsError
        The target exists and `overwrite` is false.
    WriteError
        The system refuses to write.
    """
    publication = Publication(target, overwrite=overwrite)
    try:
        yield publication.path
    except MLArrayError as error:
        if error.path is not None and error.path.startswith(str(publication.path)):
            error.path = str(publication.asked)
        raise
    except OSError as error:
        if publication.concerns(error):
            raise publication.explain(error) from error
        raise
    else:
        publication.commit()
    finally:
        publication.abort()


def check_target(target: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Raise `ExistsError` or `WriteError` when `target` can't be published, as far as can be seen.

    Raises
    ------
    ExistsError
        It exists and `overwrite` is false.
    WriteError
        Its folder is missing, or it is neither a file nor a folder.
    """
    real = Path(os.path.realpath(target))
    try:
        if not stat.S_ISDIR(real.parent.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(real.parent))
        mode = real.lstat().st_mode if real.exists() else None
    except OSError as error:
        raise write_error(error, target) from error
    if mode is None:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise WriteError("is neither a file nor a folder, so it can't be replaced", path=target)
    if not overwrite:
        raise ExistsError("exists already", path=target, hint="Overwrite it with --force (overwrite=True)")


def write_error(error: OSError, path: str | os.PathLike[str]) -> WriteError:
    """Say what an error of the operating system means for somebody who writes `path`."""
    cause, hint = _CAUSES.get(error.errno or 0, (error.strerror or str(error), None))
    return WriteError(f"can't be written: {cause}", path=path, hint=hint)


def uncertain(error: OSError, path: str | os.PathLike[str]) -> WriteError:
    """Say what `error` means that came after everything was written: that a power cut may still undo it."""
    cause = error.strerror or str(error)
    return WriteError(
        f"is written, but may not be on the disk yet: {cause}", path=path, hint="Write it again to be sure"
    )


def sync(path: Path) -> None:
    """Make a file, or a folder and all that is in it, outlive a power cut."""
    if path.is_dir():
        for entry in path.iterdir():
            sync(entry)
    _sync_one(path)


def _sync_one(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems can't sync folders
            raise
    finally:
        os.close(handle)
