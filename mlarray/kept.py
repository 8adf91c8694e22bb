"""What stays open in this process, as much as the limit of file descriptors allows, that used last."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_FILES = 256
"""Files that are kept open at most: each is a file descriptor and a map, whose pages count as memory."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Opens things when they are first asked for; travels to other processes with nothing open.

    Parameters
    ----------
    opened
        What opens one by its key.
    files
        How many files one of them has.
    """

    def __init__(self, opened: Callable[[Key], Value], files: int) -> None:
        import resource  # here: Windows has none, and `mlarray.torch` takes MOST_FILES there too

        self._opened = opened
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        # half of the limit is left to others: sockets, logs, tensors on their way between processes
        self.most = max(1, min(MOST_FILES, limit // 2) // files)
        self._open: OrderedDict[Key, Value] = OrderedDict()

    def __getitem__(self, key: Key) -> Value:
        # without a lock, which a fork could inherit locked: two threads may open one twice
        value = self._open.pop(key, None)
        if value is None:
            value = self._opened(key)
        self._open[key] = value
        while len(self._open) > self.most:
            self._open.popitem(last=False)
        return value

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": OrderedDict()}
