"""A file that is edited in place: locked against other writers, and known to be the one that was read."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from mlarray_core.container.mapping import lock, open_binary
from mlarray_core.errors import LockedError, WriteError

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core.container.contents import Contents


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
        try:
            if not lock(self.file):
                raise LockedError(
                    "another writer has the file open",
                    path=path,
                    hint="Wait for it to finish, or save to another file",
                )
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
        """Raise `WriteError` when the file isn't at its path any more.

        Raises
        ------
        WriteError
            Another file is there now, or none.
        """
        try:
            same = os.path.samestat(os.stat(self.path), os.fstat(self.file.fileno()))
        except FileNotFoundError:
            same = False
        if not same:
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
