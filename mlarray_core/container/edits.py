"""Writing into an array that is stored in compressed chunks.

Chunks that are written to stay decompressed until room is needed or all is stored, so that filling a volume
slice by slice compresses each chunk once.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import ExitStack
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.chunks import codec
from mlarray_core.chunks.params import blosc2_params
from mlarray_core.container.storage import Storage
from mlarray_core.errors import ModeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlarray_core.chunks.grid import Box, Grid

Array = np.ndarray[Any, Any]

BUDGET = 512 << 20
"""Bytes of decompressed chunks that are kept: slices of a volume of 512 x 512 x 1000 meet theirs again."""
LOCKS = 64
"""Locks that the chunks of an array share: many more than threads, so that few wait for one another."""


class EndedError(Exception):
    """Something was written to an editor whose chunks are in the file already."""


class Editor:
    """A writable array over chunks that are loaded and stored one by one.

    Parameters
    ----------
    grid
        How the array is cut.
    cparams
        As `params.blosc2_params` returns them.
    load
        Returns an encoded chunk, None for zeros.
    store
        Takes an encoded chunk.
    """

    def __init__(
        self,
        grid: Grid,
        cparams: Mapping[str, object],
        load: Callable[[int], bytes | None],
        store: Callable[[int, bytes], None],
    ) -> None:
        self.grid, self.cparams = grid, cparams
        self._load, self._store = load, store
        self._kept: OrderedDict[int, Array] = OrderedDict()
        self._dirty: set[int] = set()
        self._room = max(1, BUDGET // max(1, grid.chunksize))
        self._ended = False
        self._books = Lock()
        self._locks = [RLock() for _ in range(LOCKS)]

    def read(self, box: Box, out: Array) -> Array:
        """Copy the voxels of `box` into `out`."""
        for number in self.grid.touched(box):
            here, inside = self.grid.overlap(number, box)
            with self._lock_of(number):
                out[here] = self._chunk(number)[inside]
        return out

    def write(self, box: Box, value: Array) -> None:
        """Put `value`, which has the shape of `box`, into the array.

        Raises
        ------
        EndedError
            The editor has been flushed for the last time.
        """
        for number in self.grid.touched(box):
            here, inside = self.grid.overlap(number, box)
            with self._lock_of(number):
                self._check_going()
                self._chunk(number, overwritten=self._covers(number, box))[inside] = value[here]
                with self._books:
                    self._dirty.add(number)

    def change(self, box: Box, rule: Callable[[Array], None]) -> None:
        """Have `rule` change the voxels of `box`, while no other thread writes to the chunks that it needs.

        Parameters
        ----------
        box
            Which voxels.
        rule
            Changes an array in place.

        Raises
        ------
        EndedError
            The editor has been flushed for the last time.
        """
        numbers = self.grid.touched(box)
        with ExitStack() as stack:
            for at in sorted({number % LOCKS for number in numbers}):
                stack.enter_context(self._locks[at])
            self._check_going()
            voxels = self.read(box, np.empty([part.stop - part.start for part in box], self.grid.dtype))
            rule(voxels)
            self.write(box, voxels)

    def flush(self, *, last: bool = False) -> None:
        """Encode and store every chunk that was written to.

        Parameters
        ----------
        last
            Let nothing be written any more.
        """
        with ExitStack() as stack:
            for lock in self._locks:
                stack.enter_context(lock)
            for number in sorted(self._dirty):
                self._put(number)
            self._ended = self._ended or last

    def go_on(self) -> None:
        """Let chunks be written again: what came after the last flush has failed."""
        self._ended = False

    def _check_going(self) -> None:
        if self._ended:
            raise EndedError

    def _lock_of(self, number: int) -> RLock:
        return self._locks[number % LOCKS]

    def _put(self, number: int) -> None:
        self._store(number, codec.encode(self._kept[number], self.grid, self.cparams))
        with self._books:
            self._dirty.discard(number)

    def _chunk(self, number: int, *, overwritten: bool = False) -> Array:
        """Return a chunk, decompressed and writable, whose lock the caller has."""
        with self._books:
            chunk = self._kept.get(number)
            if chunk is not None:
                self._kept.move_to_end(number)
                return chunk
        self._make_room()
        stored = None if overwritten else self._load(number)
        chunk = (
            np.zeros(self.grid.extended, self.grid.dtype)
            if stored is None
            else codec.decode(stored, self.grid)
        )
        with self._books:
            self._kept[number] = chunk
        return chunk

    def _make_room(self) -> None:
        """Store and forget the chunks that weren't used for longest, those aside that another thread uses."""
        with self._books:
            surplus = list(self._kept)[: max(0, len(self._kept) - self._room + 1)]
        for number in surplus:
            lock = self._lock_of(number)
            if not lock.acquire(blocking=False):
                continue
            try:
                if number in self._dirty:
                    self._put(number)
                with self._books:
                    self._kept.pop(number, None)
            finally:
                lock.release()

    def _covers(self, number: int, box: Box) -> bool:
        own = self.grid.box(number)
        return all(part.start <= o.start and o.stop <= part.stop for part, o in zip(box, own, strict=True))


class EditedStorage(Storage):
    """Voxels that are written to, chunk by chunk, over a frame or over nothing.

    Parameters
    ----------
    editor
        Holds the chunks that are in work.

    Attributes
    ----------
    after
        Returns where to write when these voxels have been committed, None where they never are.
    """

    editable = True

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        self.after: Callable[[], Storage] | None = None
        self.grid: Grid = editor.grid
        self.shape, self.dtype = self.grid.shape, self.grid.dtype

    def read(self, box: Box, out: Array | None = None) -> Array:
        """Return the voxels of `box`."""
        if out is None:
            out = np.empty([part.stop - part.start for part in box], self.dtype)
        return self.editor.read(box, out)

    def write(self, box: Box, value: Array) -> None:
        """Put `value` into the array."""
        try:
            self.editor.write(box, value)
        except EndedError:
            self._next().write(box, value)

    def change(self, box: Box, key: Any, value: Any) -> None:
        """Assign to some of the voxels of `box`; other threads' voxels in the same chunks stay.

        Parameters
        ----------
        box
            The voxels, one slice for each axis.
        key
            Which of them, as NumPy indexes.
        value
            What they are set to.
        """

        def rule(voxels: Array) -> None:
            voxels[key] = value

        try:
            self.editor.change(box, rule)
        except EndedError:
            self._next().change(box, key, value)

    def _next(self) -> Storage:
        if self.after is None:
            raise ModeError("what was edited is finished")
        return self.after()

    def chunk(self, number: int) -> bytes | None:
        """Return an encoded chunk, None for zeros."""
        self.editor.flush()
        return self.editor._load(number)


def edited_copy(base: Storage, cparams: Mapping[str, object]) -> EditedStorage:
    """Return a storage that starts as `base`, which is compressed, and keeps what is written in memory."""
    assert base.grid is not None
    changed: dict[int, bytes] = {}

    def load(number: int) -> bytes | None:
        return changed[number] if number in changed else base.chunk(number)

    return EditedStorage(Editor(base.grid, blosc2_params(cparams), load, changed.__setitem__))
