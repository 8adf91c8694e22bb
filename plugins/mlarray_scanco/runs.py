"""Voxels of an AIM that are stored as runs: bytes of any offset, unpacked where they are asked for.

Runs of bytes (``D1TcharCmp``) are pairs of a value and a length. Runs of two values (``D1TbinCmp``) begin
with these, and are lengths in turn; 255 stands for 254 after which the value stays. So AimIO (Numerics88)
writes and reads them, and Scanco's program writes the second; ITK takes a value for its length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from typing import Any

    from mlarray_io.sdk import Bytes

_RUNS = 4096
"""Runs that are unpacked at once: to a MB at most."""
_PIECE = 1 << 20
"""Runs that are read at once to learn where which of them begin."""
_ON = 255
"""The length after which the value of two stays."""


class Runs:
    """The bytes that runs unpack to, as a file of them.

    Parameters
    ----------
    file
        Where the runs are.
    start, stored
        Of what byte on, and in how many.
    voxels
        How many voxels the header tells of.
    two
        Whether they are of two values.

    Raises
    ------
    CorruptError
        So few runs can't hold so many voxels.
    """

    forward = False

    def __init__(self, file: Bytes, start: int, stored: int, voxels: int, *, two: bool) -> None:
        self.path, self.limit, self._file = file.path, voxels, file
        self._start, self._width = start, 1 if two else 2
        self._values = np.frombuffer(file.read(start, 2), np.uint8) if two else None
        if two:
            self._start, stored = start + 2, stored - 2
        self._count = stored // self._width
        if stored < 0 or stored % self._width or not self._count <= voxels + 1 or voxels > self._count * _ON:
            raise CorruptError(f"{stored:,} bytes of runs can't hold {voxels:,} voxels", path=self.path)
        self._places: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None = None
        self._last: tuple[int, np.ndarray[Any, Any]] = (-1, np.empty(0, np.uint8))

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on."""
        out = bytearray(max(0, min(count, self.limit - offset)))
        self.read_into(offset, memoryview(out))
        return bytes(out)

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `offset` on.

        Raises
        ------
        CorruptError
            The runs hold another number of voxels than the header tells of.
        """
        starts, _ = self._begin()
        block = int(np.searchsorted(starts, offset, "right")) - 1
        done = 0
        while done < len(target):
            content = self._unpacked(block)
            skipped = offset + done - int(starts[block])
            part = content[skipped : skipped + len(target) - done]
            target[done : done + len(part)] = part.data
            done, block = done + len(part), block + 1

    def finish(self) -> None:
        """Do nothing: that the runs hold all voxels is checked before the first is read."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _begin(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return where each block of runs begins among the voxels, and with which of two values."""
        if self._places is None:
            sums, turns = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)]
            for at in range(0, self._count, _PIECE):
                lengths = self._lengths(at, _PIECE)
                edges = np.arange(0, len(lengths), _RUNS)
                sums.append(np.add.reduceat(self._spans(lengths), edges, dtype=np.int64))
                turns.append(np.add.reduceat(lengths != _ON, edges, dtype=np.int64))
            starts = np.cumsum(np.concatenate(sums))
            if starts[-1] != self.limit:
                text = f"its runs hold {starts[-1]:,} voxels, where its header tells of {self.limit:,}"
                raise CorruptError(text, path=self.path, hint="Was it copied whole?")
            self._places = starts[:-1], np.cumsum(np.concatenate(turns))[:-1] % 2
        return self._places

    def _stored(self, first: int, count: int) -> np.ndarray[Any, Any]:
        """Return runs as they are stored, one a row."""
        count = min(count, self._count - first)
        content = self._file.read(self._start + first * self._width, count * self._width)
        if len(content) < count * self._width:
            raise CorruptError("its runs are cut short", path=self.path, hint="Was it copied whole?")
        return np.frombuffer(content, np.uint8).reshape(count, self._width)

    def _lengths(self, first: int, count: int) -> np.ndarray[Any, Any]:
        return self._stored(first, count)[:, -1]

    def _spans(self, lengths: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return how many voxels runs of such lengths have."""
        return lengths if self._values is None else np.minimum(lengths, _ON - 1)

    def _unpacked(self, block: int) -> np.ndarray[Any, Any]:
        """Return the voxels of a block of runs; those of the last one are kept."""
        number, content = self._last
        if number != block:
            runs = self._stored(block * _RUNS, _RUNS)
            lengths, values = runs[:, -1], runs[:, 0]
            if self._values is not None:
                turned = np.cumsum(lengths != _ON) - (lengths != _ON)
                values = self._values[(self._begin()[1][block] + turned) % 2]
            content = np.repeat(values, self._spans(lengths))
            self._last = block, content
        return content
