"""A `.mla` file that is open: one Blosc2 frame, checked as far as it was used."""

from __future__ import annotations

import itertools
import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from mlarray_core.chunks.grid import Grid
from mlarray_core.container import frame as frames
from mlarray_core.container import seal
from mlarray_core.container.chunk_index import ZEROS, ChunkIndex, special
from mlarray_core.container.mapping import being_written
from mlarray_core.container.stored_meta import meta_of, read_mapping
from mlarray_core.errors import CorruptError, MLArrayError, about

if TYPE_CHECKING:
    import mmap

    import numpy as np

    from mlarray_core.container.level_index import StoredLevel
    from mlarray_core.container.mapping import Identity
    from mlarray_core.meta import Meta

    Array = np.ndarray[Any, Any]

SUFFIX = ".mla"
AT_ONCE = 4096
"""Chunks of which index and seal are asked at once, when all are checked: there may be millions."""
_checked = seal.CheckedFiles()


class Unchecked(NamedTuple):
    """A chunk that is still to be checked.

    Attributes
    ----------
    number
        Of the chunk.
    offset, room
        Where the index says that it lies, and how long it can be.
    sum
        What the seal says that its checksum is; None where none is compared.
    """

    number: int
    offset: int
    room: int
    sum: int | None


class Contents:
    """A checked frame in memory or in a memory map: metadata, chunks and their checksums.

    Parameters
    ----------
    buffer
        All bytes of the file.
    path
        Named in errors.
    verify
        ``"none"``: structure only; ``"touch"``: each chunk's checksum when it is first used; ``"full"``: all
        of them at once.
    identity
        What file this is, as `map_file` says it: chunks that were checked when it was open before aren't
        checked again. None to check all.

    Attributes
    ----------
    verification
        `verify`, as it was given.
    read
        ``read(at, count)`` returns bytes of the file, fewer at its end.
    frame
        What the header and the trailer say.
    index
        Where its chunks are.
    state, table
        What the seal says, and its checksums, None without any.
    end
        Where the image ends in the file: behind its frame, or behind its levels.
    """

    def __init__(
        self,
        buffer: bytes | memoryview | mmap.mmap,
        path: str | None = None,
        verify: str = "touch",
        identity: Identity | None = None,
    ) -> None:
        self.buffer, self.path = buffer, path
        self.verification = verify
        self.read = read = reader(buffer)
        with about(path):
            self.frame = frames.parse(read, len(buffer))
            self.index = ChunkIndex(read, self.frame, path)
            self.state, self.table = seal.read_seal(read, self.frame, compare=verify != "none")
        self._compares = verify != "none" and self.state is seal.State.SEALED
        self._file = None if identity is None or not self._compares else (identity, self.frame.fingerprint)
        self._all_checked = not self.frame.nchunks
        self.end = _end_of(self)
        if verify == "full":
            self.verify_all(complete=False)

    def window(self, at: int, size: int) -> Contents:
        """Return the frame in a part of the file, `size` bytes from `at` on."""
        return Contents(self._view[at : at + size], self.path, self.verification)

    def mapping(self) -> dict[str, object]:
        """Return the metadata as they are stored, of plain values, whichever generation wrote them."""
        return read_mapping(self.read, self.frame, self.path)

    def meta(self, mapping: dict[str, object] | None = None) -> Meta:
        """Return the metadata, made of `mapping` where that was read before."""
        return meta_of(self.mapping() if mapping is None else mapping, self.frame.shape, self.path)

    @cached_property
    def grid(self) -> Grid:
        """How the array is cut."""
        from mlarray_core.chunks import codec

        frame = self.frame
        with about(self.path):
            dtype = codec.dtype_of(frame.dtype, frame.typesize)
        return Grid(frame.shape, frame.chunks, frame.blocks, dtype)

    @cached_property
    def checked(self) -> seal.Checked:
        """What was checked of this file, now and when it was open before."""
        return _checked.of(self._file, self.grid.counts)

    @cached_property
    def _unchecked(self) -> Array:
        return self.checked.unchecked

    @cached_property
    def _view(self) -> memoryview:
        return memoryview(self.buffer)

    @cached_property
    def _sums(self) -> Array:
        """The checksums of the table, empty without any."""
        import numpy as np

        return np.frombuffer(b"" if self.table is None else self.table.sums, "<u8")

    @property
    def voxels_sum(self) -> str | None:
        """What tells these voxels, as they are stored, from others; None without a seal that holds."""
        if self.table is None or self.state is not seal.State.SEALED:
            return None
        return seal.sum_of_sums(self.table.sums)

    def chunk(self, number: int) -> bytes | None:
        """Return the encoded bytes of one chunk, checked, or None for zeros."""
        if self._unchecked.flat[number]:
            self.check(self._told_of([number], compare=self._compares))
        where = self.index.locate(number)
        if self.index.is_unwritten(number):
            return None
        return special(int(self.index.offsets[number]), self.grid) if where is None else self.read(*where)

    def run(self) -> tuple[list[int], list[tuple[int, int]]] | None:
        """Return numbers and places of the stored chunks, checked, if they follow one another in the file.

        None where one is out of order or leaves a gap, or one isn't stored and yet isn't zeros.
        """
        import numpy as np

        offsets = self.index.offsets
        numbers: list[int] = np.flatnonzero(offsets >= 0).tolist()
        if not numbers or not self.grid.shape or (offsets[offsets < 0] != ZEROS).any():
            return None
        self.touch(tuple(slice(0, size) for size in self.grid.shape))
        starts, rooms = offsets[numbers].tolist(), self.index.room[numbers].tolist()
        found = list(map(self.index.locate_at, numbers, starts, rooms))
        places = [place for place in found if place is not None]
        gaps = any(at + size != after for (at, size), (after, _) in itertools.pairwise(places))
        return None if gaps or self.index.any_unwritten else (numbers, places)

    def touch(self, box: tuple[slice, ...]) -> None:
        """Check the chunks that `box` needs, each the first time that it is needed."""
        self.check(self.unchecked_in(box))

    def unchecked_in(self, box: tuple[slice, ...]) -> list[Unchecked]:
        """Return the chunks that `box` needs and that are still to be checked, in their order."""
        if self._all_checked:
            return []
        chunks = self.grid.chunks
        near = tuple([slice(p.start // c, -(-p.stop // c)) for p, c in zip(box, chunks, strict=True)])
        fresh = self._unchecked[near]
        if not fresh.any():
            self._all_checked = not self._unchecked.any()
            return []
        import numpy as np

        places = tuple(place + p.start for place, p in zip(fresh.nonzero(), near, strict=True))
        numbers: list[int] = np.ravel_multi_index(places, self.grid.counts).tolist()
        return self._told_of(numbers, compare=self._compares)

    def _told_of(self, numbers: list[int], *, compare: bool) -> list[Unchecked]:
        """Return what the index says of some chunks, and the seal, if there is one, to be compared."""
        sums = self._sums[numbers].tolist() if compare and len(self._sums) else [None] * len(numbers)
        offsets, rooms = self.index.offsets[numbers].tolist(), self.index.room[numbers].tolist()
        return list(map(Unchecked, numbers, offsets, rooms, sums))

    def check(self, chunks: list[Unchecked]) -> None:
        """Check some chunks now, and note them as checked when none of them is damaged.

        Raises
        ------
        CorruptError
            One of them is damaged.
        """
        if not chunks:
            return
        for chunk in chunks:
            if not self._agrees(chunk):
                raise CorruptError(
                    f"chunk {chunk.number} is damaged: its checksum disagrees",
                    path=self.path,
                    field="voxels",
                    hint="Restore the file from a copy; verify='none' reads what is left",
                )
        self._unchecked.reshape(-1)[[chunk.number for chunk in chunks]] = False
        self._all_checked = not self._unchecked.any()

    def _agrees(self, chunk: Unchecked) -> bool:
        """Whether a chunk can be what the index says, and its checksum is the seal's.

        Raises
        ------
        CorruptError, UnsupportedError
            Its header can't be that of a chunk of this frame.
        """
        where = self.index.locate_at(chunk.number, chunk.offset, chunk.room)
        if chunk.sum is None:
            return True
        stored = b"" if where is None else self._view[where[0] : where[0] + where[1]]
        return seal.chunk_sum(stored) == chunk.sum

    def prefetch(self, box: tuple[slice, ...]) -> None:
        """Have the system read the chunks that `box` needs from the disk, without waiting for them."""
        import mmap

        if not isinstance(self.buffer, mmap.mmap) or not hasattr(mmap, "MADV_WILLNEED"):
            return
        for number in self.grid.touched(box):
            offset = int(self.index.offsets[number])
            if offset >= 0:
                start = self.frame.header_size + offset
                page = start // mmap.PAGESIZE * mmap.PAGESIZE
                self.buffer.madvise(mmap.MADV_WILLNEED, page, start + int(self.index.room[number]) - page)

    def damaged(self) -> list[int]:
        """Return the numbers of all chunks whose checksum or structure is wrong."""
        import numpy as np

        stored = self.index.offsets >= 0
        bad = [] if self.table is None else np.flatnonzero(~stored & ~self.table.absent()).tolist()
        numbers = np.flatnonzero(stored)
        for first in range(0, len(numbers), AT_ONCE):
            told = self._told_of(numbers[first : first + AT_ONCE].tolist(), compare=True)
            bad += [chunk.number for chunk in told if not self._is_whole(chunk)]
        return sorted(bad)

    def _is_whole(self, chunk: Unchecked) -> bool:
        try:
            return self._agrees(chunk)
        except MLArrayError:
            return False

    def verify_all(self, *, complete: bool = True) -> None:
        """Check every chunk, those of the coarser levels too.

        Parameters
        ----------
        complete
            Levels that are gone are an error, although the image is whole; otherwise they are only missing.

        Raises
        ------
        CorruptError
            A chunk is damaged, or the file was edited elsewhere since it was sealed.
        """
        if self.state is seal.State.EDITED:
            raise CorruptError(
                f"the file is {self.state.value}, or damaged", path=self.path,
                hint="Accept it as it is with: mlarray verify --reseal",
            )  # fmt: skip
        bad = self.damaged()
        if bad:
            shown = ", ".join(map(str, bad[:5])) + (" ..." if len(bad) > 5 else "")
            raise CorruptError(
                f"{len(bad)} of {self.frame.nchunks} chunks are damaged: {shown}",
                path=self.path,
                field="voxels",
            )
        self.verify_levels(complete=complete)

    def verify_levels(self, *, complete: bool = True) -> None:
        """Check every chunk of the coarser levels.

        Parameters
        ----------
        complete
            Check that all are there that the seal speaks of.

        Raises
        ------
        CorruptError
            They are gone, or one is damaged.
        """
        promised = 0 if self.table is None else self.table.levels
        if complete and len(self.levels) < promised:
            raise CorruptError(
                f"its {promised} coarser levels are gone or damaged; the image is whole",
                path=self.path, field="levels", hint="Make them again with: mlarray levels FILE --build",
            )  # fmt: skip
        for number, level in enumerate(self.levels, 1):
            try:
                self._level(level).verify_all()
            except CorruptError as error:
                raise CorruptError(
                    error.message, path=self.path, field=f"levels[{number}]",
                    hint="Make them again with: mlarray levels FILE --build",
                ) from error  # fmt: skip

    def _level(self, level: StoredLevel) -> Contents:
        contents = self.window(level.at, level.size)
        if contents.state is not seal.State.SEALED:
            raise CorruptError("its seal is broken", path=self.path)
        return contents

    @cached_property
    def levels(self) -> list[StoredLevel]:
        """Where the coarser levels are; none where there are none, or none that belong to this image."""
        from mlarray_core.container.level_index import end_of_levels, read_index

        try:
            return read_index(self.read, end_of_levels(self.read, len(self.buffer), self.frame), self.frame)
        except CorruptError:
            return []


def reader(buffer: bytes | memoryview | mmap.mmap) -> frames.Read:
    """Return what reads bytes of a buffer: a method would keep the file open."""
    return lambda at, count: bytes(buffer[at : at + count])


def _end_of(contents: Contents) -> int:
    """Return where frame and levels end, and warn of anything else that follows."""
    size, length = len(contents.buffer), contents.frame.length
    if size == length:
        if contents.table is not None and contents.table.levels:
            _warn_gone(contents.path)
        return size
    from mlarray_core.container.level_index import end_of_levels

    end = end_of_levels(contents.read, size, contents.frame) if contents.levels else length
    if end < size:
        _warn_more(contents.path, size - end)
    return end


def _warn_gone(path: str | None) -> None:
    """Warn of levels that the seal speaks of and that aren't there."""
    warnings.warn(
        f"{path}: its coarser levels are gone, another program cut them off; the image is whole. "
        "Make them again with: mlarray levels FILE --build",
        stacklevel=5,
    )


def _warn_more(path: str | None, count: int) -> None:
    """Warn of bytes behind the frame, unless somebody is writing them just now."""
    if path is None or not being_written(path):
        warnings.warn(
            f"{path}: {count:,} bytes after the image are ignored: an edit was interrupted, or another "
            "program added them. Saving or 'mlarray verify --reseal' removes them",
            stacklevel=5,
        )


def warn_edited(path: str | None) -> None:
    """Warn of a file whose seal doesn't hold."""
    warnings.warn(
        f"{path}: edited by another program since it was sealed, or damaged; its voxels are not verified. "
        "Accept it as it is with: mlarray verify --reseal",
        stacklevel=4,
    )
