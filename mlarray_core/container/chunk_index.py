"""The index of a frame: where each chunk is stored, and whether what is there can be it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlarray_core.chunks.header import (
    CHUNK_HEADER,
    NAN,
    UNINIT,
    ZERO,
    ChunkHead,
    repeated,
    stored_size,
    without_size,
)
from mlarray_core.errors import CorruptError, LimitError, MLArrayError, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from mlarray_core.chunks.grid import Grid
    from mlarray_core.container.frame import Frame, Read

    Array = np.ndarray[Any, Any]

MAX_CHUNKS = 1 << 25
"""How many chunks are read; their offsets take 256 MB."""
ZEROS = -(0x7F << 56)
"""Offset that stands for a chunk of zeros (c-blosc2's frame.c: the highest byte is 0x81)."""
_MAX_KINDS = 64
"""How many kinds of chunk headers are remembered: a frame has a few, unless it was made to fill memory."""


class ChunkIndex:
    """Where the chunks of a frame are. Only its size is checked at first; what it says, when it is needed.

    Parameters
    ----------
    read, frame
        The file.
    path
        Named in errors.

    Raises
    ------
    CorruptError
        The index isn't what lies between the chunks and the trailer.
    LimitError
        It names more chunks than are read.
    """

    def __init__(self, read: Read, frame: Frame, path: str | None = None) -> None:
        self._read, self._frame, self._path = read, frame, path
        self._start = frame.header_size
        self._kinds: dict[bytes, bool] = {}
        self._found: set[int] = set()
        self._check()

    def _check(self) -> None:
        frame = self._frame
        if frame.nchunks > MAX_CHUNKS:
            raise LimitError(f"the file has {frame.nchunks:,} chunks, the limit is {MAX_CHUNKS:,}")
        if not frame.nbytes:
            return
        head = ChunkHead.of(self._read(frame.offsets_at, CHUNK_HEADER))
        if head.nbytes != 8 * frame.nchunks or frame.offsets_at + head.cbytes != frame.trailer_at:
            raise CorruptError("the index of chunks doesn't fit between the chunks and the trailer")

    @property
    def offsets(self) -> Array:
        """Where each chunk lies from the end of the header on; negative for chunks that aren't stored."""
        return self._places[0]

    @property
    def room(self) -> Array:
        """Bytes from each stored chunk to the next one, or to the end; 0 for chunks that aren't stored."""
        return self._places[1]

    @cached_property
    def _any_marked(self) -> bool:
        """Whether the index marks chunks as never written."""
        return any(
            len(part) and part.min() < 0 and (kinds(part) == UNINIT).any() for part in _parts(self.offsets)
        )

    @cached_property
    def all_zeros(self) -> bool:
        """Whether the index says of all chunks at once that they are zeros, or were never written."""
        offsets = self.offsets
        return offsets.strides == (0,) and kinds(int(offsets[0])) in (ZERO, UNINIT)

    @property
    def any_unwritten(self) -> bool:
        """Whether a chunk was never written, as far as they were looked at: such chunks are zeros."""
        return bool(self._found) or self._any_marked

    def is_unwritten(self, number: int) -> bool:
        """Whether chunk `number`, which was looked at, was never written."""
        return number in self._found or bool(kinds(int(self.offsets[number])) == UNINIT)

    @cached_property
    def _places(self) -> tuple[Array, Array]:
        with about(self._path):
            offsets = self._unpacked()
            return offsets, _room(offsets, self._frame.cbytes)

    def _unpacked(self) -> Array:
        import numpy as np

        from mlarray_core.chunks import codec

        frame = self._frame
        if not frame.nbytes:
            return np.empty(0, np.int64)
        index = self._read(frame.offsets_at, frame.trailer_at - frame.offsets_at)
        same = repeated(index)
        if same is not None and len(same) == 8:  # a few hundred bytes may name 33 million chunks of zeros
            return np.broadcast_to(np.frombuffer(same, "<i8"), frame.nchunks)
        return np.frombuffer(codec.decompress(index, 8 * frame.nchunks), "<i8")

    def locate(self, number: int) -> tuple[int, int] | None:
        """Return where in the file a chunk is stored and how long it is; None when it isn't stored.

        Raises
        ------
        CorruptError, UnsupportedError
            Its header can't be that of a chunk of this frame.
        """
        return self.locate_at(number, int(self.offsets[number]), int(self.room[number]))

    def locate_at(self, number: int, offset: int, room: int) -> tuple[int, int] | None:
        """Return what `locate` does, without looking into the index again.

        Parameters
        ----------
        number
            Of the chunk.
        offset, room
            What the index says of it.

        Raises
        ------
        CorruptError, UnsupportedError
            As `locate`.
        """
        if offset < 0:
            return None
        at = self._start + offset
        head = self._read(at, CHUNK_HEADER)
        size = stored_size(head)
        # the headers of a frame's chunks differ in nothing but their size, so one of each kind is examined
        kind = without_size(head)
        unwritten = self._kinds.get(kind)
        if unwritten is None or not CHUNK_HEADER <= size <= room:
            unwritten = self._examined(number, head, kind)
        if unwritten:
            self._found.add(number)
        return at, size

    def _examined(self, number: int, head: bytes, kind: bytes) -> bool:
        """Check a chunk's header, and return whether the chunk was never written."""
        try:
            said = ChunkHead.of(head)
        except MLArrayError as error:
            error.path = self._path
            raise
        sizes = (self._frame.chunksize, self._frame.blocksize)
        if (said.nbytes, said.blocksize) != sizes or said.cbytes > self.room[number]:
            raise CorruptError(
                f"chunk {number} is damaged: its header disagrees with the frame's", path=self._path
            )
        if len(self._kinds) < _MAX_KINDS:
            self._kinds[kind] = said.unwritten
        return said.unwritten


def _room(offsets: Array, end: int) -> Array:
    """Return the bytes from each stored chunk to the next one or to `end`, and check that they can be."""
    import numpy as np

    if offsets.strides == (0,) and len(offsets) > 1:
        if offsets[0] >= 0:
            raise CorruptError("the index of chunks names one chunk twice")
        return np.broadcast_to(_room(offsets[:1].copy(), end), len(offsets))
    if len(offsets) and offsets[0] >= 0 and (offsets[1:] > offsets[:-1]).all():  # one after the other
        room = np.empty(len(offsets), np.int64)
        np.subtract(offsets[1:], offsets[:-1], out=room[:-1])
        room[-1] = end - offsets[-1]
        if room[-1] < CHUNK_HEADER:
            raise CorruptError("the index of chunks points outside the file")
        return room
    marks = (ZERO, NAN, UNINIT)
    for part in _parts(offsets):
        absent = part[part < 0]
        if len(absent) and not np.isin(kinds(absent), marks).all():  # asking of none costs a tenth of a patch
            raise CorruptError("the index of chunks holds an unknown mark")
    stored = np.flatnonzero(offsets >= 0)
    stored = stored[np.argsort(offsets[stored])]
    ends = np.empty(len(stored), np.int64)
    starts = offsets[stored]
    ends[:-1], ends[-1:] = starts[1:], end
    gaps = ends - starts
    if len(gaps) and gaps[-1] < CHUNK_HEADER:
        raise CorruptError("the index of chunks points outside the file")
    if not gaps.all():
        raise CorruptError("the index of chunks names one chunk twice")
    room = np.zeros(len(offsets), np.int64)
    room[stored] = gaps
    return room


def _parts(offsets: Array) -> Iterator[Array]:
    """Yield the offsets some at a time: a few hundred bytes may name millions of chunks of zeros."""
    for start in range(0, len(offsets), 1 << 16):
        yield offsets[start : start + (1 << 16)]


def special(offset: int, grid: Grid) -> bytes | None:
    """Return the chunk that a negative offset stands for, None for zeros."""
    from mlarray_core.chunks import codec

    return codec.special_chunk(grid, NAN) if kinds(offset) == NAN else None


def kinds(offsets: Any) -> Any:
    """Return what negative offsets stand for; 0 for positive ones (c-blosc2, frame.c)."""
    return (offsets >> 56) & 0x7F
