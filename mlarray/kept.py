"""What stays open in this process, as much as the limit of file descriptors allows, that used last."""

from __future__ import annotations

import os
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from mlarray_core.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_FILES = 256
"""Files that are kept open at most: each is a file descriptor and a map, whose pages count as memory."""
RESERVED = 64
"""File descriptors that are left to others: sockets, logs, tensors on their way between processes."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Opens things when they are first asked for; travels to other processes with nothing open.

    Parameters
    ----------
    opened
        What opens one by its key.
    files
        What says how many files one of them has, by its key.
    closed
        What is done with one that isn't kept any longer; None to let go of it, when others may still use it.
    most
        Files that may be open; None for `MOST_FILES`. Fewer are where the system allows fewer.
    """

    def __init__(
        self,
        opened: Callable[[Key], Value],
        files: Callable[[Key], int],
        closed: Callable[[Value], None] | None = None,
        most: int | None = None,
    ) -> None:
        self.most = MOST_FILES if most is None else most
        self._opened, self._files, self._closed = opened, files, closed
        self._open: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._room: int | None = None

    def __getitem__(self, key: Key) -> Value:
        # without a lock, which a fork could inherit locked: two threads may open one twice
        kept = self._open.pop(key, None)
        if kept is None:
            kept = self._new(key)
        self._open[key] = kept
        return kept[0]

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": OrderedDict(), "_room": None}

    def close(self) -> None:
        """Close all of them."""
        while self._open:
            self._drop()

    def _new(self, key: Key) -> tuple[Value, int]:
        if self._room is None:
            self._room = _room(self.most)
        needed = self._files(key)
        while self._open and sum(files for _, files in list(self._open.values())) + needed > self._room:
            self._drop()
        try:
            return self._opened(key), needed
        except ReadError:
            if not self._open:
                raise
            self.close()  # others of this process have taken the descriptors meanwhile
            self._room = _room(self.most)
            return self._opened(key), needed

    def _drop(self) -> None:
        """Let go of the one that wasn't used for longest."""
        try:
            _, (value, _) = self._open.popitem(last=False)
        except KeyError:  # another thread has
            return
        if self._closed is not None:
            self._closed(value)


def _room(most: int) -> int:
    """Return how many files may be open: what was asked for, as far as the system allows."""
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
