"""A store for Zarr's library that reads only through `Files`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest

from mlarray_core.errors import CorruptError
from mlarray_zarr.bombs import weigh
from mlarray_zarr.files import LONGEST_METADATA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from zarr.core.buffer import Buffer, BufferPrototype

from mlarray_zarr.files import Files


class FileStore(Store):
    """Read-only, and without listing: every path is known beforehand.

    Parameters
    ----------
    files
        Of the store.
    largest
        Most bytes of a chunk's file that are read.
    codec
        Which codec a chunk is given to first.
    inflated
        Most bytes that a chunk may become.
    """

    def __init__(self, files: Files, largest: int, codec: str, inflated: int) -> None:
        super().__init__(read_only=True)
        self._files, self._largest = files, largest
        self._codec, self._inflated = codec, inflated
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
        """Return a file, or a part of one; None when there is no such file."""
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
        """Refuse: the store is read-only."""
        raise NotImplementedError("the store is read-only")

    async def delete(self, key: str) -> None:
        """Refuse: the store is read-only."""
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
        size = self._files.size(key)
        if size is None:
            return None
        start, stop = 0, size
        if isinstance(part, RangeByteRequest):
            start, stop = part.start, part.end
        elif isinstance(part, OffsetByteRequest):
            start = part.offset
        elif isinstance(part, SuffixByteRequest):
            start = max(0, size - part.suffix)
        metadata = key.rpartition("/")[2] in ("zarr.json", ".zarray", ".zattrs", ".zgroup")
        if stop - start > (LONGEST_METADATA if metadata else self._largest):
            raise CorruptError(f"{key} is larger than a chunk can be", path=self._files.path)
        content = self._files.read(key, start, max(stop - start, 0))
        if content is not None and not metadata and part is None:
            weigh(content, self._codec, self._inflated)
        return content
