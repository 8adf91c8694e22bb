"""A `.mla` file: one Blosc2 frame, its metadata and its seal, read safely."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from mlarray_core import chunks, generations, msgpack, seal
from mlarray_core import frame as frames
from mlarray_core.errors import CorruptError, LimitError, MLArrayError
from mlarray_core.files import being_written, map_file, open_binary

if TYPE_CHECKING:
    import mmap

    import numpy as np

    from mlarray_core.codec import Grid
    from mlarray_core.meta import Meta

    Array = np.ndarray[Any, Any]

META_KEY = "mlarray"
SUFFIX = ".mla"
MAX_CHUNKS = 1 << 25
"""How many chunks are read; their offsets take 256 MB."""
MAX_META = generations.MAX_BYTES + (1 << 16)
"""Bytes of stored metadata that are read."""

_Seal = tuple[seal.State, "seal.Table | None"]
_Result = TypeVar("_Result")


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

    Attributes
    ----------
    verification
        `verify`, as it was given.
    frame
        What the header and the trailer say.
    state, table
        What the seal says, and its checksums, None without any.
    end
        Where the image ends in the file: behind its frame, or behind its levels.
    """

    def __init__(
        self, buffer: bytes | memoryview | mmap.mmap, path: str | None = None, verify: str = "touch"
    ) -> None:
        self.buffer, self.path = buffer, path
        self.verification = verify
        try:
            self.frame = frames.parse(self.read, len(buffer))
            _check_index(self.read, self.frame)
            self.state, self.table = read_seal(self.read, self.frame, compare=verify != "none")
        except MLArrayError as error:
            error.path = error.path or path
            raise
        self._left = self.frame.nchunks
        self.end = _end_of(self)
        if verify == "full":
            self.verify_all()

    def read(self, at: int, count: int) -> bytes:
        """Return `count` bytes of the file from `at` on, fewer at its end."""
        return bytes(self.buffer[at : at + count])

    def window(self, at: int, size: int) -> Contents:
        """Return the frame in a part of the file, `size` bytes from `at` on."""
        return Contents(self._view[at : at + size], self.path, self.verification)

    def meta(self) -> Meta:
        """Return the metadata, whichever generation wrote it."""
        return read_metadata(self.read, self.frame, self.path)

    @cached_property
    def grid(self) -> Grid:
        """How the array is cut."""
        from mlarray_core import codec

        frame = self.frame
        try:
            dtype = codec.dtype_of(frame.dtype, frame.typesize)
        except MLArrayError as error:
            error.path = error.path or self.path
            raise
        return codec.Grid(frame.shape, frame.chunks, frame.blocks, dtype)

    @cached_property
    def offsets(self) -> Array:
        """Where each chunk lies from the end of the header on; negative for chunks that aren't stored."""
        try:
            return _read_offsets(self.read, self.frame)
        except MLArrayError as error:
            error.path = error.path or self.path
            raise

    @cached_property
    def unwritten(self) -> set[int]:
        """Numbers of the chunks that were never written, as far as they were looked at: they are zeros."""
        import numpy as np

        return set(np.flatnonzero(_kinds(self.offsets) == chunks.UNINIT).tolist())

    @cached_property
    def _unchecked(self) -> Array:
        """For each chunk, at its place among the others, whether it is still to be checked."""
        import numpy as np

        return np.ones(self.grid.counts, bool)

    @cached_property
    def _room(self) -> Array:
        """Bytes from each stored chunk to the next one, or to the end."""
        import numpy as np

        room = np.zeros(len(self.offsets), np.int64)
        order = np.argsort(self.offsets)[np.count_nonzero(self.offsets < 0) :]
        room[order] = np.diff(self.offsets[order], append=self.frame.cbytes)
        return room

    @cached_property
    def _view(self) -> memoryview:
        return memoryview(self.buffer)

    @cached_property
    def _sums(self) -> Array:
        """The checksums of the table, empty without any."""
        import numpy as np

        return np.frombuffer(b"" if self.table is None else self.table.sums, "<u8")

    def chunk(self, number: int) -> bytes | None:
        """Return the encoded bytes of one chunk, checked, or None for zeros."""
        where = self._locate(number)
        self._check_chunk(number, where)
        if number in self.unwritten:
            return None
        return special(int(self.offsets[number]), self.grid) if where is None else self.read(*where)

    def touch(self, box: tuple[slice, ...]) -> None:
        """Check the chunks that `box` needs, each the first time that it is needed."""
        if not self._left:
            return
        chunks = self.grid.chunks
        near = tuple([slice(p.start // c, -(-p.stop // c)) for p, c in zip(box, chunks, strict=True)])
        if not self._unchecked[near].any():
            return
        for number in self.grid.touched(box):
            if self._unchecked.flat[number]:
                self._check_chunk(number, self._locate(number))

    def prefetch(self, box: tuple[slice, ...]) -> None:
        """Have the system read the chunks that `box` needs from the disk, without waiting for them."""
        import mmap

        if not isinstance(self.buffer, mmap.mmap) or not hasattr(mmap, "MADV_WILLNEED"):
            return
        for number in self.grid.touched(box):
            offset = int(self.offsets[number])
            if offset >= 0:
                start = self.frame.header_size + offset
                page = start // mmap.PAGESIZE * mmap.PAGESIZE
                self.buffer.madvise(mmap.MADV_WILLNEED, page, start + int(self._room[number]) - page)

    def _locate(self, number: int) -> tuple[int, int] | None:
        """Return where a chunk is stored and how long it is, checked; None when it isn't stored."""
        offset = int(self.offsets[number])
        if offset < 0:
            return None
        at = self.frame.header_size + offset
        try:
            head = chunks.ChunkHead.of(self.buffer[at : at + chunks.CHUNK_HEADER])
        except MLArrayError as error:
            error.path = self.path
            raise
        sizes = (self.frame.chunksize, self.frame.blocksize)
        if (head.nbytes, head.blocksize) != sizes or head.cbytes > self._room[number]:
            raise CorruptError(
                f"chunk {number} is damaged: its header disagrees with the frame's", path=self.path
            )
        if head.unwritten:
            self.unwritten.add(number)
        return at, head.cbytes

    def _check_chunk(self, number: int, where: tuple[int, int] | None) -> None:
        if not self._unchecked.flat[number]:
            return
        if (
            self.verification != "none"
            and self.state is seal.State.SEALED
            and not self._agrees(number, where)
        ):
            raise CorruptError(
                f"chunk {number} is damaged: its checksum disagrees", path=self.path, field="voxels",
                hint="Restore the file from a copy; verify='none' reads what is left",
            )  # fmt: skip
        self._unchecked.flat[number] = False
        self._left -= 1

    def _agrees(self, number: int, where: tuple[int, int] | None) -> bool:
        """Whether the checksum of a chunk is right; without a seal it is."""
        stored = b"" if where is None else self._view[where[0] : where[0] + where[1]]
        return not len(self._sums) or seal.chunk_sum(stored) == self._sums[number]

    def damaged(self) -> list[int]:
        """Return the numbers of all chunks whose checksum or structure is wrong."""
        import numpy as np

        stored = self.offsets >= 0
        bad = [] if self.table is None else np.flatnonzero(~stored & ~self.table.absent()).tolist()
        for number in np.flatnonzero(stored).tolist():
            try:
                if not self._agrees(number, self._locate(number)):
                    bad.append(number)
            except MLArrayError:
                bad.append(number)
        return sorted(bad)

    def verify_all(self) -> None:
        """Check every chunk.

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


def open_contents(path: str, verify: str = "touch") -> Contents:
    """Return a file's frame in a memory map, as it is now: later edits in place don't show.

    Raises
    ------
    CorruptError
        It is damaged.
    ReadError
        It can't be opened, or is no regular file.
    """
    return _settled(path, lambda: Contents(map_file(path), path, verify))


def load_contents(path: str, verify: str = "touch") -> Contents:
    """Return a file's frame in memory. Errors are those of `open_contents`."""

    def load() -> Contents:
        with open_binary(path) as file:
            return Contents(file.read(), path, verify)

    return _settled(path, load)


def _settled(path: str, attempt: Callable[[], _Result]) -> _Result:
    """Try again when a failed attempt may have met another process in the moment of a commit."""
    for _ in range(5):
        before = _header_of(path)
        try:
            return attempt()
        except CorruptError:
            if _header_of(path) == before:
                raise
    return attempt()


def _header_of(path: str) -> bytes:
    with open_binary(path) as file:
        return file.read(frames.MIN_HEADER)


def special(offset: int, grid: Grid) -> bytes | None:
    """Return the chunk that a negative offset stands for, None for zeros."""
    from mlarray_core import codec

    return codec.special_chunk(grid, codec.NAN) if _kinds(offset) == codec.NAN else None


def _kinds(offsets: Any) -> Any:
    """Return what negative offsets stand for; 0 for positive ones (c-blosc2, frame.c)."""
    return (offsets >> 56) & 0x7F


def _check_index(read: frames.Read, frame: frames.Frame) -> None:
    """Check that the chunk of offsets is what lies between the chunks and the trailer."""
    if frame.nchunks > MAX_CHUNKS:
        raise LimitError(f"the file has {frame.nchunks:,} chunks, the limit is {MAX_CHUNKS:,}")
    if not frame.nbytes:
        return
    head = chunks.ChunkHead.of(read(frame.offsets_at, chunks.CHUNK_HEADER))
    if head.nbytes != 8 * frame.nchunks or frame.offsets_at + head.cbytes != frame.trailer_at:
        raise CorruptError("the index of chunks doesn't fit between the chunks and the trailer")


def _read_offsets(read: frames.Read, frame: frames.Frame) -> Array:
    import numpy as np

    from mlarray_core import codec

    if not frame.nbytes:
        return np.empty(0, np.int64)
    index = read(frame.offsets_at, frame.trailer_at - frame.offsets_at)
    offsets = np.frombuffer(codec.decompress(index, 8 * frame.nchunks), "<i8")
    stored = np.sort(offsets[offsets >= 0])
    if len(stored) and int(stored[-1]) > frame.cbytes - chunks.CHUNK_HEADER:
        raise CorruptError("the index of chunks points outside the file")
    if (stored[1:] == stored[:-1]).any():
        raise CorruptError("the index of chunks names one chunk twice")
    others = offsets[offsets < 0] if len(stored) < len(offsets) else stored[:0]
    if len(others) and not np.isin(_kinds(others), (codec.ZERO, codec.NAN, codec.UNINIT)).all():
        raise CorruptError("the index of chunks holds an unknown mark")
    return offsets


def read_seal(read: frames.Read, frame: frames.Frame, *, compare: bool = True) -> _Seal:
    """Return the state of a frame's seal and its checksums, if it has any.

    Parameters
    ----------
    read, frame
        The file.
    compare
        Check header, index and trailer. Chunks are checked one by one, elsewhere.

    Raises
    ------
    CorruptError
        They are damaged.
    """
    if frame.fingerprint_type not in (0, seal.FINGERPRINT_TYPE):
        raise CorruptError("the seal is of an unknown kind")
    sealed = frame.fingerprint_type == seal.FINGERPRINT_TYPE
    if seal.KEY not in frame.vlmeta:
        if sealed:
            raise CorruptError("header, index or metadata are damaged: the checksums are missing")
        return seal.State.UNSEALED, None
    limit = 8 * frame.nchunks + 256
    packed = msgpack.unpack(frames.vlmeta_content(read, frame, seal.KEY, limit))
    table = seal.Table.unpack(packed if isinstance(packed, bytes) else b"", frame.nchunks)
    if not sealed:
        return seal.State.EDITED, table
    if compare and _sum_frame(read, frame) != frame.fingerprint:
        raise CorruptError("header, index or metadata are damaged: the checksum disagrees")
    return seal.State.SEALED, table


def _sum_frame(read: frames.Read, frame: frames.Frame) -> bytes:
    index = read(frame.offsets_at, frame.trailer_at - frame.offsets_at)
    return seal.fingerprint(frame.header, index, read(frame.trailer_at, frame.length - frame.trailer_at))


def _end_of(contents: Contents) -> int:
    """Return where frame and levels end, and warn of anything else that follows."""
    size, length = len(contents.buffer), contents.frame.length
    if size == length:
        if contents.table is not None and contents.table.levels:
            _warn_gone(contents.path)
        return size
    from mlarray_core.level_index import read_index

    try:
        read_index(contents.read, size, contents.frame)
    except CorruptError:
        _warn_more(contents.path, size - length)
        return length
    return size


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


def decode_meta(stored: Any, shape: tuple[int, ...], path: str | None) -> Meta:
    """Return the Meta that stored metadata say, whichever generation wrote them; an empty one for None."""
    from mlarray_core.meta import Meta
    from mlarray_core.meta.base import meta_writable

    try:
        mapping = {} if stored is None else generations.decode(stored)
        # bare arrays and the earliest files don't say whether they hold an array
        has_array = _flag(mapping.get("_has_array"), default=shape != (0,))
        meta = generations.lift(mapping, shape=shape if has_array else None) if mapping else Meta()
        with meta_writable():
            meta._has_array.has_array = has_array
        return meta
    except MLArrayError as error:
        error.path = error.path or path
        raise


def read_meta(path: str | os.PathLike[str]) -> tuple[Meta, tuple[int, ...], str]:
    """Return metadata, shape and dtype of a `.mla` file from its header and trailer, checked by its seal.

    Neither Blosc2 nor voxels are touched.
    """
    name = os.fspath(path)
    return _settled(name, lambda: _read_meta(name))


def _read_meta(path: str) -> tuple[Meta, tuple[int, ...], str]:
    with open_binary(path) as file:

        def read(at: int, count: int) -> bytes:
            file.seek(at)
            return file.read(count)

        frame = frames.parse(read, os.fstat(file.fileno()).st_size, path)
        try:
            _check_index(read, frame)
            state, _ = read_seal(read, frame)
        except MLArrayError as error:
            error.path = error.path or path
            raise
        if state is seal.State.EDITED:
            warn_edited(path)
        return read_metadata(read, frame, path), frame.shape, frame.dtype


def read_metadata(read: frames.Read, frame: frames.Frame, path: str | None) -> Meta:
    """Return the metadata of a checked frame, whichever generation wrote it."""
    try:
        return decode_meta(stored_metadata(read, frame), frame.shape, path)
    except MLArrayError as error:
        error.path = error.path or path
        raise


def stored_metadata(read: frames.Read, frame: frames.Frame) -> Any:
    """Return the stored metadata, still encoded: bytes, or a mapping in early generations, or None."""
    if META_KEY in frame.vlmeta:
        return msgpack.unpack(frames.vlmeta_content(read, frame, META_KEY, MAX_META))
    if "med_blosc2" in frame.layers:
        return msgpack.unpack(frame.layers["med_blosc2"])
    return None


def _flag(stored: Any, *, default: bool) -> bool:
    """Return a stored flag, bare or wrapped."""
    value = stored.get("has_array") if isinstance(stored, Mapping) else stored
    return value if isinstance(value, bool) else default
