"""Writing a frame in one pass, and writing on behind one that stays whole until the end."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from mlarray_core.chunks.header import CHUNK_HEADER, is_zeros, stored_size
from mlarray_core.container import frame as frames
from mlarray_core.container import seal
from mlarray_core.container.chunk_index import ZEROS, special
from mlarray_core.container.stored_meta import META_KEY
from mlarray_core.container.trailer import trailer_of, vlmeta_content, with_fingerprint
from mlarray_core.disk import naming, uncertain
from mlarray_core.errors import LimitError
from mlarray_core.metadata import msgpack
from mlarray_core.syncing import STEP, Syncing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np

    from mlarray_core.chunks.grid import Grid
    from mlarray_core.container.contents import Contents

    Array = np.ndarray[Any, Any]

MOST_CHUNKS = 1 << 24
"""Half of what is read: the checksums of these take 128 MB in the trailer."""


def closed(
    header: bytes, index: bytes, cbytes: int, vlmeta: dict[str, bytes], *, sealed: bool = True
) -> tuple[bytes, bytes]:
    """Return the header and the trailer that close a frame.

    Parameters
    ----------
    header
        Of the frame, with whatever sizes.
    index
        The chunk of chunk offsets.
    cbytes
        Bytes between the header and `index`.
    vlmeta
        Name to packed content.
    sealed
        Whether to fill in the fingerprint.
    """
    end = trailer_of(vlmeta)
    length = len(header) + cbytes + len(index) + len(end)
    header = frames.patch_header(header, length=length, cbytes=cbytes, has_vlmeta=True)
    if sealed:
        end = with_fingerprint(end, seal.FINGERPRINT_TYPE, seal.fingerprint(header, index, end))
    return header, end


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

    Raises
    ------
    LimitError
        There would be more chunks than are read.
    """

    def __init__(
        self, file: BinaryIO, grid: Grid, cparams: Mapping[str, object], base: Contents | None = None
    ) -> None:
        from mlarray_core.chunks import codec
        from mlarray_core.chunks.params import blosc2_params

        self.file, self.grid = file, grid
        self.cparams = blosc2_params(cparams)
        self._behind = base is not None
        if base is not None:
            self._continue(base)
            return
        if grid.nchunks > MOST_CHUNKS:
            raise LimitError(
                f"the image would have {grid.nchunks:,} chunks, the limit is {MOST_CHUNKS:,}",
                hint="Choose larger chunks",
            )
        template = codec.empty_frame(grid, self.cparams)
        frame = frames.parse(lambda at, count: template[at : at + count], len(template))
        self._begin(frame.header, frame.nchunks)

    @classmethod
    def anew(cls, file: BinaryIO, base: Contents) -> FrameWriter:
        """Begin a sealed frame with the header of `base` and its metadata of other programs."""
        writer = cls.__new__(cls)
        writer.file, writer.grid, writer.cparams, writer._behind = file, base.grid, {}, False
        writer._begin(base.frame.header, base.frame.nchunks)
        writer._others = _others(base)
        return writer

    def _begin(self, header: bytes, nchunks: int) -> None:
        import numpy as np

        self._header = header
        self._offsets = np.full(nchunks, ZEROS, np.int64)
        self._sums: list[int] | None = [seal.chunk_sum(b"")] * nchunks
        self._broken: bytes | None = None
        self._others: dict[str, bytes] = {}
        self._end = self.dead = 0

    def _continue(self, base: Contents) -> None:
        frame, table = base.frame, base.table
        self._header = frame.header
        self._offsets = base.index.offsets.copy()
        self._sums = None if table is None else table.as_list()
        # a seal that somebody else broke stays broken until it is looked at
        self._broken = table.head if table is not None and base.state is not seal.State.SEALED else None
        self._others = _others(base)
        self.dead = base.end - frame.offsets_at
        self._end = base.end - frame.header_size

    def put(self, number: int, data: Array) -> None:
        """Encode and write chunk `number`; `data` is smaller than a chunk at the array's end."""
        from mlarray_core.chunks import codec

        self.append(number, codec.encode(data, self.grid, self.cparams))

    def put_all(
        self, chunks: Iterable[tuple[int, Array]], threads: int = 1, ahead: int = 0, together: int = 1
    ) -> None:
        """Encode chunks on `threads` threads and write them as they come.

        Parameters
        ----------
        chunks
            Numbers and voxels.
        threads
            How many encode at the same time, while the caller's thread gets more chunks.
        ahead
            How many chunks may wait, at least two tasks for each thread.
        together
            How many chunks are one task: handing small ones over takes as long as encoding them fast.
        """
        with Syncing(self.file, self._name, self._end) as disk:
            if threads > 1:
                self._put_parallel(chunks, disk, threads, max(ahead, 2 * threads * together), together)
                return
            for number, data in chunks:
                self.put(number, data)
                disk.reached(self._end)

    def _put_parallel(
        self, chunks: Iterable[tuple[int, Array]], disk: Syncing, threads: int, most: int, together: int
    ) -> None:
        """Encode on several threads, `most` chunks of which wait at most, and write here."""
        from mlarray_core.chunks import codec

        codec.share_lock()
        waiting: deque[tuple[int, Future[list[tuple[int, bytes]]]]] = deque()
        count, source = 0, iter(chunks)
        with ThreadPoolExecutor(threads) as pool:
            while group := list(islice(source, together)):
                waiting.append((len(group), pool.submit(self._encoded, group)))
                count += len(group)
                del group  # voxels that are encoded are free before the next are made
                while count > most:
                    count -= self._written(*waiting.popleft(), disk)
            for size, future in waiting:
                self._written(size, future, disk)

    def _encoded(self, group: list[tuple[int, Array]]) -> list[tuple[int, bytes]]:
        from mlarray_core.chunks import codec

        return [(number, codec.encode(data, self.grid, self.cparams)) for number, data in group]

    def _written(self, size: int, future: Future[list[tuple[int, bytes]]], disk: Syncing) -> int:
        """Write chunks when they are encoded; return how many."""
        for number, chunk in future.result():
            self.append(number, chunk)
        disk.reached(self._end)
        return size

    def append(self, number: int, chunk: bytes | None) -> None:
        """Write an encoded chunk, None for zeros. Writing one again leaves the first behind as dead bytes."""
        if self._offsets[number] >= 0:
            self.dead += len(self.load(number) or b"")
        if chunk is None or is_zeros(chunk):
            self._offsets[number], chunk = ZEROS, b""
        else:
            self._write(chunk)
            self._offsets[number] = self._end
            self._end += len(chunk)
        if self._sums is not None:
            self._sums[number] = seal.chunk_sum(chunk)

    def take(self, base: Contents) -> bool:
        """Write all chunks of another frame of the same grid at once, before any other; False where it can't.

        One by one they take as long as a fast profile needs to make half of them.
        """
        found = base.run()
        if found is None:
            return False
        numbers, places = found
        view, begin = memoryview(base.buffer), places[0][0]
        sums = [seal.chunk_sum(view[at : at + size]) for at, size in places]
        for number, (at, _), own in zip(numbers, places, sums, strict=True):
            self._offsets[number] = self._end + at - begin
            if self._sums is not None:
                self._sums[number] = own
        end = places[-1][0] + places[-1][1]
        with Syncing(self.file, self._name, self._end) as disk:
            for at in range(begin, end, STEP):
                self._write(view[at : min(at + STEP, end)])
                self._end += min(STEP, end - at)
                disk.reached(self._end)
        return True

    def load(self, number: int) -> bytes | None:
        """Return an encoded chunk that was written before, None for zeros."""
        offset = int(self._offsets[number])
        if offset < 0:
            return special(offset, self.grid)
        at = len(self._header) + offset
        self.file.seek(at)
        head = self.file.read(CHUNK_HEADER)
        return head + self.file.read(stored_size(head) - CHUNK_HEADER)

    @property
    def voxels_sum(self) -> str:
        """What `Contents.voxels_sum` will say of the chunks that were written so far."""
        return seal.sum_of_sums(seal.pack_sums(self._sums or []))

    def finish(self, metadata: bytes) -> None:
        """Write offsets, metadata and seal, and then the header that makes it a frame.

        Raises
        ------
        OSError
            There is no room, or the disk fails; a frame that was there before is still whole.
        WriteError
            The frame is written, but may not be on the disk yet.
        """
        from mlarray_core.chunks import codec

        index = codec.pack_offsets(self._offsets) if len(self._offsets) else b""
        vlmeta = {META_KEY: msgpack.pack_bytes(metadata), **self._others}
        if self._sums is not None:
            head = self._broken or seal.head_sum(self._header, metadata)
            vlmeta[seal.KEY] = msgpack.pack_bytes(seal.Table(head, seal.pack_sums(self._sums)).pack())
        sealed = self._sums is not None and self._broken is None
        header, end = closed(self._header, index, self._end, vlmeta, sealed=sealed)
        self._write(index + end)
        with naming(self._name):
            self._sync()
            self.file.seek(0)
            self._write_on(header)
            try:
                self._sync()
                self.file.truncate(len(header) + self._end + len(index) + len(end))
            except OSError as error:
                if self._behind:  # an edit in place is done when its header is written
                    raise uncertain(error, self._name or "") from error
                raise

    @property
    def _name(self) -> str | None:
        """What the file is called; None for one in memory."""
        name = getattr(self.file, "name", None)
        return name if isinstance(name, str) else None if name is None else str(name)

    def _write(self, data: bytes | memoryview) -> None:
        """Write behind the last chunk, wherever reading one or a full disk left the file."""
        with naming(self._name):
            self.file.seek(len(self._header) + self._end)
            self._write_on(data)

    def _write_on(self, data: bytes | memoryview) -> None:
        left = memoryview(data)
        while left:
            left = left[self.file.write(left) :]

    def _sync(self) -> None:
        """Let nothing written later reach the disk before this. A new file needs no order."""
        self.file.flush()
        if self._behind:
            os.fsync(self.file.fileno())


def _others(base: Contents) -> dict[str, bytes]:
    """Return the metadata of other programs in a frame."""
    frame = base.frame
    return {
        name: vlmeta_content(base.read, frame, name)
        for name in frame.vlmeta
        if name not in (META_KEY, seal.KEY)
    }
