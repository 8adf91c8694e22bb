"""A file that is edited in place: locked against other writers, and known to be the one that was read."""

from __future__ import annotations

import os
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from mlarray_core.container.mapping import lock, open_binary
from mlarray_core.errors import LockedError, WriteError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlarray_core.container.contents import Contents


_held: weakref.WeakSet[HeldFile] = weakref.WeakSet()


class HeldFile:
    """A file that this process alone may write to, until `release`.

    Parameters
    ----------
    path
        Of the file.
    contents
        What was read of it.

    Attributes
    ----------
    file
        Open for reading and writing, unbuffered.

    Raises
    ------
    LockedError
        Another writer has the file open, or has changed it since it was read.
    ReadError
        It can't be opened for writing.
    """

    def __init__(self, path: Path, contents: Contents) -> None:
        self.path, self.contents = path, contents
        self.file = open_binary(str(path), "r+b", buffering=0)
        _held.add(self)
        try:
            _lock(self.file, path)
            self.check_same()
            if not self._is_unchanged():
                raise LockedError(
                    "another writer has changed the file since it was opened", path=path, hint="Open it again"
                )
        except BaseException:
            self.release()
            raise

    def _is_unchanged(self) -> bool:
        header = self.contents.frame.header
        self.file.seek(0)
        return self.file.read(len(header)) == header

    def check_same(self) -> None:
        """Make sure that the file is still at its path.

        Raises
        ------
        WriteError
            Another file is there now, or none.
        """
        if not _is_at(self.file, self.path):
            raise WriteError("the file was replaced or removed while it was being edited", path=self.path)

    def undo(self) -> None:
        """Cut off what was written behind the image and never committed: nothing refers to these bytes."""
        with suppress(OSError):
            if self._is_unchanged():
                self.file.truncate(self.contents.end)

    def release(self) -> None:
        """Let other writers have the file."""
        with suppress(OSError):
            self.file.close()


def _after_fork() -> None:
    """Give up what a forked child inherited: with it, the lock would outlast the parent's."""
    for file in list(_held):
        file.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep other writers out of a file that is read and then replaced by another.

    Parameters
    ----------
    path
        Of the file; what it holds is to be read within.

    Raises
    ------
    LockedError
        Another writer has the file open, or has just replaced it.
    ReadError
        It can't be opened.
    """
    with open_binary(str(path)) as file:
        _lock(file, path)
        if not _is_at(file, path):
            raise LockedError("another writer has just replaced the file", path=path, hint="Try again")
        yield


def _lock(file: BinaryIO, path: Path) -> None:
    if not lock(file):
        raise LockedError(
            "another writer has the file open", path=path,
            hint="Wait for it to finish, or save to another file",
        )  # fmt: skip


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
