"""A `.mla` file: one Blosc2 frame, its metadata and its seal, written in one pass and read safely."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO

from mlarray_core import frame as frames
from mlarray_core import generations, msgpack, seal
from mlarray_core.errors import CorruptError, LimitError, NotFoundError, ReadError, UnsafeError

if TYPE_CHECKING:
    import numpy as np

    from mlarray_core.codec import Grid
    from mlarray_core.meta import Meta

    Array = np.ndarray[Any, Any]

META_KEY = "mlarray"
SUFFIX = ".mla"
MAX_INDEX = 1 << 28
"""Bytes of chunk offsets that are read; 33 million chunks."""


class FrameWriter:
    """Writes one frame to an open binary file, chunk by chunk in any order.

    Parameters
    ----------
    sink
        Where to; at position 0, seekable.
    grid
        The array's shape, chunks, blocks and dtype.
    cparams
        Plain compression parameters.

    Notes
    -----
    Chunks go straight to the end of the file; header, offsets and trailer are written last, so that a frame
    that was not finished doesn't even begin like one.
    """

    def __init__(self, sink: BinaryIO, grid: Grid, cparams: Mapping[str, Any]) -> None:
        import numpy as np

        from mlarray_core import codec

        self.sink, self.grid = sink, grid
        self.cparams = codec.blosc2_params(cparams)
        template = codec.empty_frame(grid, self.cparams)
        self._frame = frames.parse(lambda at, count: template[at : at + count], len(template))
        self._header = template[: self._frame.header_size]
        nchunks = grid.nchunks if self._frame.nbytes else 0
        self._offsets = np.full(nchunks, _special(1), np.int64)
        self._sums = [seal.chunk_sum(b"")] * nchunks
        self._end = 0
        sink.write(bytes(len(self._header)))

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
        waiting: list[tuple[int, Future[bytes]]] = []
        with ThreadPoolExecutor(threads) as pool:
            for number, data in chunks:
                waiting.append((number, pool.submit(codec.encode, data, self.grid, self.cparams)))
                if len(waiting) > 2 * threads:
                    done, future = waiting.pop(0)
                    self.append(done, future.result())
            for done, future in waiting:
                self.append(done, future.result())

    def append(self, number: int, chunk: bytes) -> None:
        """Write an encoded chunk. Writing one again leaves the first behind as dead bytes."""
        from mlarray_core import codec

        if codec.is_zeros(chunk):
            self._offsets[number] = _special(1)
            self._sums[number] = seal.chunk_sum(b"")
            return
        self.sink.write(chunk)
        self._offsets[number] = self._end
        self._sums[number] = seal.chunk_sum(chunk)
        self._end += len(chunk)

    def stored(self, number: int) -> tuple[int, int] | None:
        """Where chunk `number` begins in the file and its checksum, or None when it isn't stored."""
        offset = int(self._offsets[number])
        return None if offset < 0 else (len(self._header) + offset, self._sums[number])

    def finish(self, metadata: bytes) -> None:
        """Write offsets, metadata and seal, and the header that makes it a frame."""
        from mlarray_core import codec

        index = codec.pack_offsets(self._offsets) if len(self._offsets) else b""
        head = seal.head_sum(self._header, metadata)
        table = seal.Table(head, seal.pack_sums(self._sums))
        end = frames.trailer({META_KEY: msgpack.pack_bytes(metadata), seal.KEY: msgpack.pack_bytes(table.pack())})
        length = len(self._header) + self._end + len(index) + len(end)
        header = frames.patch_header(self._header, length=length, cbytes=self._end, has_vlmeta=True)
        end = end[:-17] + bytes([seal.FINGERPRINT_TYPE]) + seal.fingerprint(header, index, end)
        self.sink.write(index + end)
        self.sink.seek(0)
        self.sink.write(header)
        self.sink.flush()


def _special(kind: int) -> int:
    """Return the offset that stands for a chunk of one special value (c-blosc2's frame.c)."""
    return struct.unpack(">q", bytes([0x80 | kind]) + bytes(7))[0]  # type: ignore[no-any-return]


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
        self.frame = frames.parse(self._read, len(buffer), path)
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

    def _read(self, at: int, count: int) -> bytes:
        return bytes(self.buffer[at : at + count])

    def _check_index(self) -> None:
        """Check that the chunk of offsets is what lies between the chunks and the trailer."""
        if not self.frame.nbytes:
            return
        head = self._read(self.frame.offsets_at, frames.CHUNK_HEADER)
        nbytes, _, cbytes = struct.unpack("<iii", head[4:16])
        if nbytes != 8 * self.frame.nchunks or self.frame.offsets_at + cbytes != self.frame.trailer_at:
            raise CorruptError("the index of chunks doesn't fit between the chunks and the trailer")

    def _read_seal(self) -> None:
        frame = self.frame
        if frame.fingerprint_type not in (0, seal.FINGERPRINT_TYPE):
            raise CorruptError("the seal is of an unknown kind")
        if seal.KEY in frame.vlmeta:
            packed = msgpack.unpack(frames.vlmeta_content(self._read, frame, seal.KEY))
            if not isinstance(packed, bytes):
                raise CorruptError("the table of checksums is damaged")
            self.table = seal.Table.unpack(packed, frame.nchunks)
            self.state = seal.State.INCOMPLETE if self.table.editing else seal.State.EDITED
        if frame.fingerprint_type == seal.FINGERPRINT_TYPE:
            if self.table is None or self._verify != "none" and self._sum_frame() != frame.fingerprint:
                raise CorruptError("header, index or metadata are damaged: the checksum disagrees")
            self.state = seal.State.INCOMPLETE if self.table.editing else seal.State.SEALED

    def _sum_frame(self) -> bytes:
        frame = self.frame
        header = self._read(0, frame.header_size)
        index = self._read(frame.offsets_at, frame.trailer_at - frame.offsets_at)
        return seal.fingerprint(header, index, self._read(frame.trailer_at, frame.length - frame.trailer_at))

    @property
    def metadata(self) -> Any:
        """The stored metadata, still encoded: bytes, or for early generations a mapping."""
        frame = self.frame
        if META_KEY in frame.vlmeta:
            return msgpack.unpack(frames.vlmeta_content(self._read, frame, META_KEY))
        if "med_blosc2" in frame.layers:
            return msgpack.unpack(frame.layers["med_blosc2"])
        return None

    def meta(self) -> Meta:
        """Return the metadata, whichever generation wrote it."""
        return decode_meta(self.metadata, self.path)

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
        index = self._read(frame.offsets_at, frame.trailer_at - frame.offsets_at)
        offsets = np.frombuffer(codec.decompress(index, 8 * frame.nchunks), "<i8")
        stored = offsets[offsets >= 0]
        special = (offsets[offsets < 0] >> 56) & 0x7F
        if (len(stored) and int(stored.max()) > frame.cbytes - frames.CHUNK_HEADER) or not np.isin(special, (1, 2, 4)).all():
            raise CorruptError("the index of chunks points outside the file", path=self.path)
        return offsets

    def chunk(self, number: int) -> bytes | None:
        """Return the stored bytes of one chunk, checked, or None when it isn't stored."""
        where = self._locate(number)
        self._check_chunk(number, where)
        return None if where is None else self._read(*where)

    def _locate(self, number: int) -> tuple[int, int] | None:
        offset = int(self.offsets[number])
        if offset < 0:
            return None
        frame = self.frame
        at = frame.header_size + offset
        nbytes, blocksize, cbytes = struct.unpack("<iii", self.buffer[at + 4 : at + 16])
        if nbytes != frame.chunksize or blocksize != frame.blocksize or not 32 <= cbytes <= frame.cbytes - offset:
            raise CorruptError(f"chunk {number} is damaged: its header disagrees with the frame's", path=self.path)
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

    def touch(self, grid: Grid, box: tuple[slice, ...]) -> None:
        """Check the chunks that `box` needs, each the first time that it is needed."""
        if not self._left:
            return
        for number in grid.touched(box):
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
        if self.state in (seal.State.EDITED, seal.State.INCOMPLETE):
            raise CorruptError(
                f"the file is {self.state.value}", path=self.path,
                hint="Accept it as it is with: mlarray verify --reseal",
            )  # fmt: skip
        bad = self.damaged()
        if bad:
            shown = ", ".join(map(str, bad[:5])) + (" ..." if len(bad) > 5 else "")
            raise CorruptError(
                f"{len(bad)} of {self.frame.nchunks} chunks are damaged: {shown}", path=self.path, field="voxels"
            )
        self._left = 0


def decode_meta(stored: Any, path: str | None) -> Meta:
    """Return the Meta that a file's metadata says, whichever generation wrote it; an empty one when it has none."""
    from mlarray_core.errors import MLArrayError
    from mlarray_core.meta import Meta

    if stored is None:
        return Meta()
    try:
        return generations.lift(generations.decode(stored))
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
        if META_KEY in frame.vlmeta:
            stored = msgpack.unpack(frames.vlmeta_content(read, frame, META_KEY))
        else:
            stored = msgpack.unpack(frame.layers["med_blosc2"]) if "med_blosc2" in frame.layers else None
    return decode_meta(stored, name), frame.shape, frame.dtype


def open_binary(path: str, mode: str = "rb") -> BinaryIO:
    """Open a file, with errors that say what is wrong."""
    try:
        if os.path.isdir(path):
            raise IsADirectoryError
        return open(path, mode)  # type: ignore[return-value]  # noqa: SIM115 - the caller closes it
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
