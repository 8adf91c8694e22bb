"""Open cases, as many as the system lets a process have open, those used last."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from mlarray.kept import MOST_FILES
from mlarray.torch.cases import OpenCase
from mlarray_core.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlarray.torch.cases import Case

RESERVED = 64
"""File descriptors that are left to others: sockets, logs, tensors on their way between processes."""


class OpenCases:
    """Cases that are open in this process; they are opened anew in processes that this is sent to.

    Parameters
    ----------
    cases
        All of them.
    prepare
        What is done with a case when it has been opened.
    keep
        Files that may be open; None for `MOST_FILES`. Fewer are where the system allows fewer.
    verify
        As `MLArray.open` takes it.
    """

    def __init__(
        self,
        cases: list[Case],
        prepare: Callable[[int, OpenCase], None],
        keep: int | None = None,
        verify: str = "touch",
    ) -> None:
        self.cases, self.keep, self.verify = cases, keep, verify
        self._prepare = prepare
        self._open: dict[int, OpenCase] = {}
        self._known: dict[int, OpenCase] = {}
        self._files = 0
        self._room: int | None = None

    def __getitem__(self, number: int) -> OpenCase:
        # without a lock, which a fork could inherit locked: two threads may open one case twice
        case = self._open.pop(number, None)
        if case is None:
            case = self._opened(number)
        self._open[number] = case
        return case

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": {}, "_known": {}, "_files": 0, "_room": None}

    def close(self) -> None:
        """Close all of them."""
        while self._open:
            self._drop()

    def forget(self) -> None:
        """Close all of them, and forget what is known of them."""
        self.close()
        self._known = {}

    def _opened(self, number: int) -> OpenCase:
        if self._room is None:
            self._room = _room(self.keep)
        needed = self.cases[number].files
        while self._open and self._files + needed > self._room:
            self._drop()
        try:
            case = self._ready(number)
        except ReadError:
            if not self._open:
                raise
            self.close()  # others of this process have taken the descriptors meanwhile
            self._room = _room(self.keep)
            case = self._ready(number)
        self._files += needed
        return case

    def _ready(self, number: int) -> OpenCase:
        """Return a case, open; what was known of it when it was open before is not found out again."""
        case = self._known.get(number)
        if case is not None:
            case.reopen()
            return case
        case = OpenCase(self.cases[number], self.verify)
        self._prepare(number, case)
        self._known[number] = case
        return case

    def _drop(self) -> None:
        """Close the case that wasn't used for longest."""
        with suppress(KeyError, StopIteration):
            case = self._open.pop(next(iter(self._open)))
            self._files -= case.case.files
            case.close()


def _room(keep: int | None) -> int:
    """Return how many files may be open: what was asked for, as far as the system allows."""
    most = MOST_FILES if keep is None else keep
    try:
        import resource
    except ImportError:  # Windows, where a process may have thousands of handles
        return max(1, most)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return max(1, most)
    free = limit - _open_now() - RESERVED
    return max(1, min(most, free if free > RESERVED else free // 2 + RESERVED // 2))


def _open_now() -> int:
    """Return how many file descriptors this process has."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            return len(os.listdir(folder))
    return RESERVED
