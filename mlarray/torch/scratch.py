"""Arrays that are worked on a few at a time; the others wait in a temporary file."""

from __future__ import annotations

import math
import os
import tempfile
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Tiles:
    """Arrays of float32 of one shape, zeros when they are first asked for.

    Parameters
    ----------
    shape
        Of each of them.
    memory
        Bytes of them that are held in memory.
    folder
        Where the file is, for as long as this is open; it has no name.
    """

    def __init__(self, shape: tuple[int, ...], memory: int, folder: str) -> None:
        self._shape, self._nbytes = shape, 4 * math.prod(shape)
        self._most = max(2, memory // self._nbytes)
        self._held: dict[int, Array] = {}
        self._places: dict[int, int] = {}
        self._free: list[int] = []
        self._end = 0
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by `close`

    def __getitem__(self, number: int) -> Array:
        """Return an array, to be changed in place before the next one is asked for."""
        tile = self._held.pop(number, None)
        if tile is None:
            while len(self._held) >= self._most:
                self._put(next(iter(self._held)))
            tile = self._taken(number)
        self._held[number] = tile
        return tile

    def pop(self, number: int) -> Array:
        """Return an array and forget it."""
        tile = self[number]
        del self._held[number]
        return tile

    def close(self) -> None:
        """Forget all of them."""
        self._held = {}
        self._file.close()

    def _put(self, number: int) -> None:
        """Write an array to the file."""
        place = self._free.pop() if self._free else self._end
        self._end = max(self._end, place + self._nbytes)
        data = self._held.pop(number).reshape(-1).view(np.uint8).data
        while data:
            place_of = place + self._nbytes - len(data)
            data = data[os.pwrite(self._file.fileno(), data, place_of) :]
        self._places[number] = place

    def _taken(self, number: int) -> Array:
        """Read an array from the file, or begin it."""
        place = self._places.pop(number, None)
        if place is None:
            return np.zeros(self._shape, np.float32)
        tile = np.empty(self._shape, np.float32)
        data = tile.reshape(-1).view(np.uint8).data
        while data:
            count = os.preadv(self._file.fileno(), [data], place + self._nbytes - len(data))
            if not count:
                raise OSError("the temporary file was cut short")
            data = data[count:]
        self._free.append(place)
        return tile
