"""Images at a URL: bytes are fetched range by range through fsspec, and checked as those of a file are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.chunks import codec
from mlarray_core.chunks.header import CHUNK_HEADER
from mlarray_core.container.contents import Contents
from mlarray_core.container.storage import FrameStorage
from mlarray_core.errors import ReadError
from mlarray_core.url_text import is_web, shown
from mlarray_core.urls import explained, filesystem, read_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlarray_core.chunks.grid import Box

Array = np.ndarray[Any, Any]
Range = tuple[int, int]

END = 1 << 16
"""Bytes at the start and at the end that are fetched at once: header, metadata and seal of most images."""
THREADS = 8
"""Requests that a web server is sent at once."""
AT_ONCE = 1 << 25
"""Bytes of chunks that are fetched together and held until they are decompressed."""


class RemoteBytes:
    """The bytes of a file at a URL, fetched when asked for.

    Parameters
    ----------
    url
        Named in errors.
    fetch
        Returns the bytes of some ranges (first byte, end) of the whole file.
    size
        Bytes of the part that this is.
    start
        Where the part starts in the file.
    """

    def __init__(
        self, url: str, fetch: Callable[[list[Range]], list[bytes]], size: int, start: int = 0
    ) -> None:
        self.url, self.start = url, start
        self._fetch, self._size = fetch, size
        self._held: dict[Range, bytes] = {}

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        first, last, _ = part.indices(self._size)
        for (start, end), data in self._held.items():
            if start <= first and last <= end:
                return data[first - start : last - start]
        return self._fetched([(first, last)])[0] if first < last else b""

    def hold(self, ranges: Iterable[Range]) -> None:
        """Fetch some ranges together and keep them, instead of those that were held until now."""
        wanted = [(max(0, first), min(last, self._size)) for first, last in ranges]
        self._held = {}
        self._held = dict(zip(wanted, self._fetched(wanted), strict=True))

    def part(self, at: int, size: int) -> RemoteBytes:
        """Return a part of the file as if it were one."""
        return RemoteBytes(self.url, self._fetch, size, self.start + at)

    def _fetched(self, ranges: list[Range]) -> list[bytes]:
        found = self._fetch([(self.start + first, self.start + last) for first, last in ranges])
        for (first, last), data in zip(ranges, found, strict=True):
            if len(data) != last - first:
                raise ReadError(
                    f"{last - first:,} bytes were asked for and {len(data):,} came", path=self.url,
                    hint="A server without byte ranges, or a file that has changed: download it first",
                )  # fmt: skip
        return found


class RemoteContents(Contents):
    """A checked frame at a URL: its header and trailer are fetched at once, chunks when needed."""

    buffer: RemoteBytes  # type: ignore[assignment]

    @property
    def _view(self) -> RemoteBytes:  # type: ignore[override]
        return self.buffer

    def window(self, at: int, size: int) -> RemoteContents:
        """Return the frame in a part of the file."""
        part = self.buffer.part(at, size)
        part.hold([(0, min(END, size)), (size - END, size)])
        return RemoteContents(part, self.path, self.verification)  # type: ignore[arg-type]

    def batches(self, box: Box) -> Iterator[list[int]]:
        """Fetch the chunks that `box` needs, a few at a time, and say which are there."""
        batch: list[int] = []
        ranges: list[Range] = []
        size = 0
        for number in self.grid.touched(box):
            offset = int(self.index.offsets[number])
            if offset >= 0:
                at = self.frame.header_size + offset
                # dead bytes of earlier edits may follow a chunk
                longest = min(int(self.index.room[number]), self.grid.chunksize + CHUNK_HEADER)
                ranges.append((at, at + longest))
                size += longest
            batch.append(number)
            if size >= AT_ONCE:
                self.buffer.hold(ranges)
                yield batch
                batch, ranges, size = [], [], 0
        self.buffer.hold(ranges)
        yield batch
        self.buffer.hold([])


class RemoteStorage(FrameStorage):
    """Voxels of a frame at a URL; each read fetches whole chunks and checks them."""

    contents: RemoteContents

    def _read_rows(self, start: list[int], stop: list[int], out: Array) -> None:
        box = tuple(slice(*ends) for ends in zip(start, stop, strict=True))
        for numbers in self.contents.batches(box):
            for number in numbers:
                here, inside = self.grid.overlap(number, box)
                chunk = self.contents.chunk(number)
                out[here] = 0 if chunk is None else codec.decode(chunk, self.grid)[inside]

    def release(self) -> None:
        """Nothing is held between reads."""


def open_remote(url: str, verify: str) -> RemoteContents:
    """Open a `.mla` file at a URL: its header and trailer are fetched and checked, voxels when asked for.

    Raises
    ------
    MissingDependencyError
        fsspec, or what it needs for this protocol, is not installed.
    ReadError
        There is nothing at the URL, or it can't be fetched.
    CorruptError
        It is damaged, or no `.mla` file.
    """
    name = shown(url)
    system, path = filesystem(url)
    with explained(url):
        size = system.size(path)
    if size is None:
        raise ReadError("the server doesn't say how large it is", path=name, hint="Download it first")

    def fetch(ranges: list[Range]) -> list[bytes]:
        if not ranges:
            return []
        with explained(url):
            if is_web(url):  # whose server could send without an end
                with ThreadPoolExecutor(THREADS) as pool:
                    parts = [(start, end - start) for start, end in ranges]
                    return list(pool.map(lambda part: read_part(system, path, *part), parts))
            starts, ends = zip(*ranges, strict=True)
            found = system.cat_ranges([path] * len(ranges), list(starts), list(ends), on_error="raise")
            return [bytes(data) for data in found]

    contents = RemoteBytes(name, fetch, size)
    contents.hold([(0, END), (size - END, size)])
    return RemoteContents(contents, name, verify)  # type: ignore[arg-type]


def fetch(url: str) -> bytes:
    """Return all bytes of a file at a URL. Raises as `open_remote` does."""
    system, path = filesystem(url)
    with explained(url), system.open(path, "rb") as file:
        return bytes(file.read())
