"""A file that the disk takes while more of it is made."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from mlarray_core.disk import naming, synced

if TYPE_CHECKING:
    from typing import BinaryIO, Self

STEP = 8 << 20
"""Bytes after which the disk is given what was written: some hundredths of a second of most."""


class Syncing:
    """Has the disk take a file while more of it is made, so that there is little left to wait for in the end.

    A context: it ends when the disk has what it was told of.

    Parameters
    ----------
    file
        The file that is written; one in memory is left alone.
    name
        What it is called; None for one in memory.
    end
        Where it ends so far.

    Raises
    ------
    OSError
        The disk fails. The system says so once, so that whoever syncs the file later isn't told.
    """

    def __init__(self, file: BinaryIO, name: str | None, end: int) -> None:
        self._file, self._name, self._synced = file, name, end
        self._pool: ThreadPoolExecutor | None = None
        self._last: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        if kind is None:
            self._demand_last()

    def reached(self, end: int) -> None:
        """Give the disk what was written, up to a new end, when that has become much and it has the rest."""
        if end - self._synced < STEP or (self._last is not None and not self._last.done()):
            return
        self._demand_last()
        self._synced, handle = end, _handle_of(self._file)
        if handle is not None:
            self._pool = self._pool or ThreadPoolExecutor(1)
            with suppress(RuntimeError):  # no thread begins when the interpreter ends, or all are taken
                self._last = self._pool.submit(synced, handle, getattr(os, "fdatasync", os.fsync))

    def _demand_last(self) -> None:
        if self._last is not None:
            with naming(self._name):
                self._last.result()


def _handle_of(file: BinaryIO) -> int | None:
    """Return the system's number of a file; None for one in memory."""
    try:
        return file.fileno()
    except (AttributeError, OSError):
        return None
