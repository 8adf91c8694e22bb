"""A store for Zarr's library that reads only through `Files`."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest

from mlarray_core.errors import CorruptError
from mlarray_zarr.bombs import weigh
from mlarray_zarr.files import LONGEST_METADATA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from zarr.core.buffer import Buffer, BufferPrototype

    from mlarray_zarr.files import Files
    from mlarray_zarr.nodes import ArrayInfo


class FileStore(Store):
    """Read-only, and without listing: every path is known beforehand.

    Parameters
    ----------
    files
        Of the store.
    info
        Of the array, chunks of which are weighed before the library inflates them.
    largest
        Most bytes of a chunk's, or shard's, file that are read.
    """

    def __init__(self, files: Files, info: ArrayInfo, largest: int) -> None:
        super().__init__(read_only=True)
        self._files, self._info = files, info
        self._largest = largest + (0 if info.index is None else info.index.nbytes)
        # filters may store a smaller type than the array's, or a larger one
        self._inflated = 8 * math.prod(info.chunks) * info.dtype.itemsize + 65536
        self._none: tuple[str, ...] = ()

    @property
    def supports_writes(self) -> bool:
        """False."""
        return False

    @property
    def supports_deletes(self) -> bool:
        """False."""
        return False

    @property
    def supports_listing(self) -> bool:
        """False: nothing needs it."""
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileStore) and other._files is self._files

    def __hash__(self) -> int:
        return id(self._files)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return a file, or a part of one; None when there is no such file.

        Parameters
        ----------
        key
            Name of the file.
        prototype
            Makes the buffer.
        byte_range
            Which part; None for all.
        """
        content = await asyncio.to_thread(self._read, key, byte_range)
        return None if content is None else prototype.buffer.from_bytes(content)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return parts of files."""
        return [await self.get(key, prototype, part) for key, part in key_ranges]

    async def exists(self, key: str) -> bool:
        """Say whether there is such a file."""
        return self._files.size(key) is not None

    async def set(self, key: str, value: Buffer) -> None:
        """Refuse: the store is read-only.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("the store is read-only")

    async def delete(self, key: str) -> None:
        """Refuse: the store is read-only.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("the store is read-only")

    async def list(self) -> AsyncIterator[str]:
        """Yield nothing."""
        for name in self._none:
            yield name

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield nothing."""
        for name in self._none:
            yield name

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield nothing."""
        for name in self._none:
            yield name

    def _read(self, key: str, part: Any) -> bytes | None:
        metadata = key.rpartition("/")[2] in ("zarr.json", ".zarray", ".zattrs", ".zgroup")
        most = LONGEST_METADATA if metadata else self._largest
        start, count = 0, most + 1
        if isinstance(part, RangeByteRequest):
            start, count = part.start, max(0, part.end - part.start)
        elif isinstance(part, OffsetByteRequest):
            start = part.offset
        elif isinstance(part, SuffixByteRequest):
            size = self._files.size(key)
            if size is None:
                return None
            start, count = max(0, size - part.suffix), min(size, part.suffix)
        content = None if count > most + 1 else self._files.read(key, start, count)
        if count > most + 1 or (content is not None and len(content) > most):
            raise CorruptError(f"{key} is larger than a chunk can be", path=self._files.path)
        if content is not None and not metadata:
            for chunk in self._chunks(content, part):
                weigh(chunk, self._info.codec, self._inflated)
        return content

    def _chunks(self, content: bytes, part: ByteRequest | None) -> Iterable[bytes]:
        """Return the chunks in what was read: one, all of a shard, or none where it is a shard's index."""
        index = self._info.index
        if index is None:
            return [content]
        if part is None:
            return index.chunks(content)
        ours = RangeByteRequest(0, index.nbytes) if index.first else SuffixByteRequest(index.nbytes)
        return [] if part == ours else index.parts(content)
