"""A `.mla` file: one Blosc2 frame, its metadata and its seal, written in one pass and read safely."""

from __future__ import annotations

import mmap
import os
import struct
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO

from mlarray_core import frame as frames
from mlarray_core import generations, msgpack, seal
from mlarray_core.errors import CorruptError, LimitError, NotFoundError, ReadError, UnsafeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    from mlarray_core.codec import Grid
    from mlarray_core.meta import Meta

    Array = np.ndarray[Any, Any]

META_KEY = "mlarray"
SUFFIX = ".mla"
MAX_INDEX = 1 << 28
"""Bytes of chunk offsets that are read; 33 million chunks."""
ZEROS = -(0x7F << 56)
"""Offset that stands for a chunk of zeros (c-blosc2's frame.c: the highest byte is 0x81)."""


class FrameWriter:
    """Writes one frame to an open binary file, chunk by chunk in any order.

    Parameters
    ----------
    file
        Where to: at its beginning, seekable, readable when chunks are to be loaded again.
    grid
        The array's shape, chunks, blocks and dtype.
    cparams
        Plain compression parameters.
    base
        An existing frame in the same file, whose chunks are taken over. What is written comes after it, so
        that it stays whole until `finish` writes the new header.

    Attributes
    ----------
    dead
        Bytes of the file that no chunk needs any more.
    """

    def __init__(
        self, file: BinaryIO, grid: Grid, cparams: Mapping[str, Any], base: Contents | None = None
    ) -> None:
        import numpy as np

        from mlarray_core import codec

        self.file, self.grid = file, grid
        self.cparams = codec.blosc2_params(cparams)
        self.dead = 0
        if base is not None:
            self._continue(base)
            return
        template = codec.empty_frame(grid, self.cparams)
        frame = frames.parse(lambda at, count: template[at : at + count], len(template))
        self._header = template[: frame.header_size]
        nchunks = frame.nchunks
        self._offsets = np.full(nchunks, ZEROS, np.int64)
        self._sums: list[int] | None = [seal.chunk_sum(b"")] * nchunks
        self._others: dict[str, bytes] = {}
        self._end = 0
        file.write(bytes(len(self._header)))

    def _continue(self, base: Contents) -> None:
        frame = base.frame
        self._header = base.read(0, frame.header_size)
        self._offsets = base.offsets.copy()
        sealed = base.state is seal.State.SEALED and base.table is not None
        self._sums = [base.table.sum_of(n) for n in range(frame.nchunks)] if sealed and base.table else None
        self._others = {
            name: frames.vlmeta_content(base.read, frame, name)
            for name in frame.vlmeta
            if name not in (META_KEY, seal.KEY)
        }
        self.dead = frame.length - frame.offsets_at
        self._end = frame.length - frame.header_size
        self.file.seek(frame.length)

    def put(self, number: int, data: Array) -> None:
        """Encode and write chunk `number`; `data` is smaller than a chunk at the array's end."""
        from mlarray_core import codec

        self.append(number, codec.encode(data, self.grid, self.cparams))

    def put_all(self, chunks: Iterable[tuple[int, Array]], threads: int = 1) -> None:
        """Encode chunks on `threads` threads and write them as they come, few of them in memory at a time."""
        if threads <= 1:
            for number, data in chunks:
                self.put(number, data)
            return
        from mlarray_core import codec

        codec.share_lock()
        waiting: deque[tuple[int, Future[bytes]]] = deque()
        with ThreadPoolExecutor(threads) as pool:
            for number, data in chunks:
                waiting.append((number, pool.submit(codec.encode, data, self.grid, self.cparams)))
                if len(waiting) > 2 * threads:
                    done, future = waiting.popleft()
                    self.append(done, future.result())
            for done, future in waiting:
                self.append(done, future.result())

    def append(self, number: int, chunk: bytes | None) -> None:
        """Write an encoded chunk, None for zeros. Writing one again leaves the first behind as dead bytes."""
        from mlarray_core import codec

        if self._offsets[number] >= 0:
            self.dead += len(self.load(number) or b"")
        if chunk is None or codec.is_zeros(chunk):
            self._offsets[number], chunk = ZEROS, b""
        else:
            self.file.write(chunk)
            self._offsets[number] = self._end
            self._end += len(chunk)
        if self._sums is not None:
            self._sums[number] = seal.chunk_sum(chunk)

    def load(self, number: int) -> bytes | None:
        """Return an encoded chunk that was written before, None for zeros."""
        offset = int(self._offsets[number])
        if offset < 0:
            return _special(offset, self.grid)
        at = len(self._header) + offset
        self.file.seek(at + 12)
        size = struct.unpack("<i", self.file.read(4))[0]
        self.file.seek(at)
        chunk = self.file.read(size)
        self.file.seek(len(self._header) + self._end)
        return chunk

    def finish(self, metadata: bytes) -> None:
        """Write offsets, metadata and seal, and then the header that makes it a frame."""
        from mlarray_core import codec

        index = codec.pack_offsets(self._offsets) if len(self._offsets) else b""
        vlmeta = {META_KEY: msgpack.pack_bytes(metadata), **self._others}
        if self._sums is not None:
            table = seal.Table(seal.head_sum(self._header, metadata), seal.pack_sums(self._sums))
            vlmeta[seal.KEY] = msgpack.pack_bytes(table.pack())
        end = frames.trailer(vlmeta)
        length = len(self._header) + self._end + len(index) + len(end)
        header = frames.patch_header(self._header, length=length, cbytes=self._end, has_vlmeta=True)
        if self._sums is not None:
            end = end[:-17] + bytes([seal.FINGERPRINT_TYPE]) + seal.fingerprint(header, index, end)
        self.file.write(index + end)
        self._sync()
        self.file.seek(0)
        self.file.write(header)
        self._sync()
        self.file.truncate(length)

    def _sync(self) -> None:
        """Let nothing written later reach the disk before what was written so far."""
        self.file.flush()
        if hasattr(self.file, "name"):
            os.fsync(self.file.fileno())


def _special(offset: int, grid: Grid) -> bytes | None:
    """Return the chunk that a negative offset stands for, None for zeros."""
    from mlarray_core import codec

    kind = (offset >> 56) & 0x7F
    return codec.special_chunk(grid, kind) if kind == codec.NAN else None


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
    """

    def __init__(self, buffer: bytes | mmap.mmap, path: str | None = None, verify: str = "touch") -> None:
        self.buffer, self.path = buffer, path
        self.frame = frames.parse(self.read, len(buffer), path)
        self.table: seal.Table | None = None
        self.state = seal.State.UNSEALED
        self._verify = verify
        self._offsets: Array | None = None
        self._checked = bytearray(self.frame.nchunks if self.frame.nbytes < 1 << 50 else 0)
        self._left = self.frame.nchunks
        try:
            self._check_index()
            if verify != "none" or seal.KEY in self.frame.vlmeta:
                self._read_seal()
        except (CorruptError, LimitError, UnsafeError) as error:
            error.path = error.path or path
            raise
        if verify == "full":
            self.verify_all()

    def read(self, at: int, count: int) -> bytes:
        """Return `count` bytes of the file from `at` on, fewer at its end."""
        return bytes(self.buffer[at : at + count])

    def _check_index(self) -> None:
        """Check that the chunk of offsets is what lies between the chunks and the trailer."""
        if not self.frame.nbytes:
            return
        head = self.read(self.frame.offsets_at, frames.CHUNK_HEADER)
        nbytes, _, cbytes = struct.unpack("<iii", head[4:16])
        if nbytes != 8 * self.frame.nchunks or self.frame.offsets_at + cbytes != self.frame.trailer_at:
            raise CorruptError("the index of chunks doesn't fit between the chunks and the trailer")

    def _read_seal(self) -> None:
        frame = self.frame
        if frame.fingerprint_type not in (0, seal.FINGERPRINT_TYPE):
            raise CorruptError("the seal is of an unknown kind")
        if seal.KEY in frame.vlmeta:
            packed = msgpack.unpack(frames.vlmeta_content(self.read, frame, seal.KEY))
            if not isinstance(packed, bytes):
                raise CorruptError("the table of checksums is damaged")
            self.table = seal.Table.unpack(packed, frame.nchunks)
            self.state = seal.State.EDITED
        if frame.fingerprint_type == seal.FINGERPRINT_TYPE:
            if self.table is None or (self._verify != "none" and self._sum_frame() != frame.fingerprint):
                raise CorruptError("header, index or metadata are damaged: the checksum disagrees")
            self.state = seal.State.SEALED

    def _sum_frame(self) -> bytes:
        frame = self.frame
        header = self.read(0, frame.header_size)
        index = self.read(frame.offsets_at, frame.trailer_at - frame.offsets_at)
        return seal.fingerprint(header, index, self.read(frame.trailer_at, frame.length - frame.trailer_at))

    def meta(self) -> Meta:
        """Return the metadata, whichever generation wrote it."""
        return read_metadata(self.read, self.frame, self.path)

    @property
    def offsets(self) -> Array:
        """Where each chunk lies from the end of the header on; negative for chunks that aren't stored."""
        if self._offsets is None:
            self._offsets = self._read_offsets()
        return self._offsets

    def _read_offsets(self) -> Array:
        import numpy as np

        from mlarray_core import codec

        frame = self.frame
        if 8 * frame.nchunks > MAX_INDEX:
            raise LimitError(f"the file has {frame.nchunks:,} chunks, more than can be read", path=self.path)
        if not frame.nbytes:
            return np.empty(0, np.int64)
        index = self.read(frame.offsets_at, frame.trailer_at - frame.offsets_at)
        offsets = np.frombuffer(codec.decompress(index, 8 * frame.nchunks), "<i8")
        stored = offsets[offsets >= 0]
        special = (offsets[offsets < 0] >> 56) & 0x7F
        if (len(stored) and int(stored.max()) > frame.cbytes - frames.CHUNK_HEADER) or not np.isin(
            special, (1, 2, 4)
        ).all():
            raise CorruptError("the index of chunks points outside the file", path=self.path)
        return offsets

    def chunk(self, number: int) -> bytes | None:
        """Return the encoded bytes of one chunk, checked, or None for zeros."""
        where = self._locate(number)
        self._check_chunk(number, where)
        return _special(int(self.offsets[number]), self.grid) if where is None else self.read(*where)

    @cached_property
    def grid(self) -> Grid:
        """How the array is cut."""
        from mlarray_core import codec

        frame = self.frame
        return codec.Grid(
            frame.shape, frame.chunks, frame.blocks, codec.dtype_of(frame.dtype, frame.typesize)
        )

    def _locate(self, number: int) -> tuple[int, int] | None:
        offset = int(self.offsets[number])
        if offset < 0:
            return None
        frame = self.frame
        at = frame.header_size + offset
        nbytes, blocksize, cbytes = struct.unpack("<iii", self.buffer[at + 4 : at + 16])
        if (
            nbytes != frame.chunksize
            or blocksize != frame.blocksize
            or not 32 <= cbytes <= frame.cbytes - offset
        ):
            raise CorruptError(
                f"chunk {number} is damaged: its header disagrees with the frame's", path=self.path
            )
        return at, cbytes

    def _check_chunk(self, number: int, where: tuple[int, int] | None) -> None:
        if self._checked[number]:
            return
        if self.table is not None and self._verify != "none" and self.state is not seal.State.UNSEALED:
            stored = b"" if where is None else memoryview(self.buffer)[where[0] : where[0] + where[1]]
            if seal.chunk_sum(stored) != self.table.sum_of(number) and self.state is seal.State.SEALED:
                raise CorruptError(
                    f"chunk {number} is damaged: its checksum disagrees", path=self.path, field="voxels",
                    hint="Restore the file from a copy; verify='none' reads what is left",
                )  # fmt: skip
        self._checked[number] = 1
        self._left -= 1

    def touch(self, box: tuple[slice, ...]) -> None:
        """Check the chunks that `box` needs, each the first time that it is needed."""
        if not self._left:
            return
        for number in self.grid.touched(box):
            if not self._checked[number]:
                self._check_chunk(number, self._locate(number))

    def damaged(self) -> list[int]:
        """Return the numbers of all chunks whose checksum or structure is wrong."""
        bad = []
        for number in range(self.frame.nchunks):
            try:
                where = self._locate(number)
            except CorruptError:
                bad.append(number)
                continue
            if self.table is not None:
                stored = b"" if where is None else memoryview(self.buffer)[where[0] : where[0] + where[1]]
                if seal.chunk_sum(stored) != self.table.sum_of(number):
                    bad.append(number)
        return bad

    def verify_all(self) -> None:
        """Check every chunk.

        Raises
        ------
        CorruptError
            A chunk is damaged, or the file was edited elsewhere since it was sealed.
        """
        if self.state is seal.State.EDITED:
            raise CorruptError(
                f"the file is {self.state.value}", path=self.path,
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
        self._left = 0


def decode_meta(stored: Any, shape: tuple[int, ...], path: str | None) -> Meta:
    """Return the Meta that stored metadata say, whichever generation wrote them; an empty one for None."""
    from mlarray_core.errors import MLArrayError
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
    """Return metadata, shape and dtype of a `.mla` file from its header and trailer alone.

    Neither Blosc2 nor voxels are touched.
    """
    name = os.fspath(path)
    with open_binary(name) as file:
        size = os.fstat(file.fileno()).st_size

        def read(at: int, count: int) -> bytes:
            file.seek(at)
            return file.read(count)

        frame = frames.parse(read, size, name)
        return read_metadata(read, frame, name), frame.shape, frame.dtype


def read_metadata(read: frames.Read, frame: frames.Frame, path: str | None) -> Meta:
    """Return the metadata of a checked frame, whichever generation wrote it."""
    return decode_meta(stored_metadata(read, frame), frame.shape, path)


def stored_metadata(read: frames.Read, frame: frames.Frame) -> Any:
    """Return the stored metadata, still encoded: bytes, or a mapping in early generations, or None."""
    if META_KEY in frame.vlmeta:
        return msgpack.unpack(frames.vlmeta_content(read, frame, META_KEY))
    if "med_blosc2" in frame.layers:
        return msgpack.unpack(frame.layers["med_blosc2"])
    return None


def _flag(stored: Any, *, default: bool) -> bool:
    """Return a stored flag, bare or wrapped."""
    value = stored.get("has_array") if isinstance(stored, Mapping) else stored
    return value if isinstance(value, bool) else default


def open_binary(path: str, mode: str = "rb") -> BinaryIO:
    """Open a file, with errors that say what is wrong."""
    try:
        if os.path.isdir(path):
            raise IsADirectoryError
        return open(path, mode)  # type: ignore[return-value]
    except FileNotFoundError as error:
        raise NotFoundError("there is no such file", path=path) from error
    except IsADirectoryError as error:
        raise ReadError("this is a folder, not a file", path=path) from error
    except OSError as error:
        raise ReadError(f"it can't be opened: {error.strerror}", path=path) from error


def map_file(path: str) -> bytes | mmap.mmap:
    """Return the bytes of a file as a read-only memory map."""
    with open_binary(path) as file:
        if os.fstat(file.fileno()).st_size == 0:
            raise CorruptError("the file is empty", path=path)
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise ReadError("it can't be mapped into memory", path=path) from error
