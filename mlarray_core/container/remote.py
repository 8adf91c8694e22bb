"""Images at a URL: bytes are fetched range by range, and checked as those of a file are."""

from __future__ import annotations

import os
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlarray_core.chunks import codec
from mlarray_core.chunks.header import CHUNK_HEADER
from mlarray_core.container.contents import Contents
from mlarray_core.container.storage import FrameStorage
from mlarray_core.errors import CorruptError, MLArrayError, ReadError
from mlarray_core.url_text import shown
from mlarray_core.urls import again, explained, filesystem, part_reader, read_beginning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mlarray_core.chunks.grid import Box

Array = np.ndarray[Any, Any]
Range = tuple[int, int]

END = 1 << 16
"""Bytes at the start and at the end that are fetched at once: header, metadata and seal of most images."""
THREADS = 8
"""Requests that are under way at once."""
AT_ONCE = 12 << 20
"""Bytes of chunks that are fetched while those before them are decompressed."""
KEPT = 32 << 20
"""Bytes of chunks, as they are stored, that an image at a URL keeps for the next reads."""
GAP = 64 << 10
"""Bytes that come as fast as another request is answered, at 20 MB/s and some ms of latency."""
LONGEST = 4 << 20
"""Bytes of one request, so that several connections share what is large."""


class Requests:
    """Parts of one file at a URL, some fetched at once.

    Parameters
    ----------
    url
        Named in errors.
    part
        Returns so many bytes of the file from a place on.
    """

    def __init__(self, url: str, part: Callable[[int, int], bytes]) -> None:
        self.url, self._part = url, part
        self._threads: tuple[int, ThreadPoolExecutor] | None = None

    @property
    def threads(self) -> ThreadPoolExecutor:
        """What runs them; made anew in a forked child, which has none of its parent's threads."""
        if self._threads is None or self._threads[0] != os.getpid():
            self._threads = os.getpid(), ThreadPoolExecutor(THREADS)
        return self._threads[1]

    def fetch(self, first: int, last: int) -> bytes:
        """Return the bytes of a range.

        Raises
        ------
        ReadError
            They can't be fetched, or aren't as many as were asked for.
        """
        data = self._part(first, last - first)
        if len(data) != last - first:
            raise ReadError(
                f"{last - first:,} bytes were asked for and {len(data):,} came", path=self.url,
                hint="A server without byte ranges, or a file that has changed: download it first",
            )  # fmt: skip
        return data


class RemoteBytes:
    """The bytes of a file at a URL, fetched when asked for.

    Its beginning and its end are kept, and chunks that were fetched as long as there is room for them.

    Parameters
    ----------
    requests
        What fetches.
    size
        Bytes of the part of the file that this is.
    start
        Where the part starts in the file.
    beginning
        Its first bytes, as far as they are there already.
    """

    def __init__(self, requests: Requests, size: int, start: int = 0, beginning: bytes = b"") -> None:
        self._requests, self._size, self._start = requests, size, start
        self._chunks: OrderedDict[int, bytes] = OrderedDict()
        self._room, self._lock = KEPT, Lock()
        self._coming: tuple[int, dict[int, Future[None]]] = (os.getpid(), {})
        self._ends = {0: beginning} if beginning else {}
        self._keep_ends()

    def _keep_ends(self) -> None:
        """Fetch beginning and end together, which hold all but the chunks."""
        ends = {0: min(END, self._size), max(0, self._size - END): self._size}
        coming = {
            first: self._requests.threads.submit(self._fetch, first, last)
            for first, last in ends.items()
            if first not in self._ends
        }
        self._ends |= {first: data.result() for first, data in coming.items()}

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        first, last, _ = part.indices(self._size)
        if first >= last:
            return b""
        with self._lock:
            chunk = self._chunks.get(first, b"")
        for start, data in ((first, chunk), *self._ends.items()):
            if start <= first and last <= start + len(data):
                return data[first - start : last - start]
        return self._fetch(first, last)

    def _fetch(self, first: int, last: int) -> bytes:
        return self._requests.fetch(self._start + first, self._start + last)

    def load(self, ranges: Sequence[Range]) -> dict[int, Future[None]]:
        """Begin to fetch some chunks, neighbours together; say when each is there, by where it begins.

        Parameters
        ----------
        ranges
            Where the chunks lie: first byte and end.
        """
        asked = {first for first, _ in ranges}
        with self._lock:
            coming = self._under_way()
            wanted = sorted({one for one in ranges if one[0] not in self._chunks and one[0] not in coming})
            for first in asked & self._chunks.keys():
                self._chunks.move_to_end(first)
            for group in together(wanted):
                future = self._requests.threads.submit(self._load_group, group)
                coming |= dict.fromkeys([first for first, _ in group], future)
            return {first: coming[first] for first in asked & coming.keys()}

    def _under_way(self) -> dict[int, Future[None]]:
        """Return what is being fetched, by where it begins: nothing in a forked child, without threads."""
        if self._coming[0] != os.getpid():
            self._coming = os.getpid(), {}
        return self._coming[1]

    def _load_group(self, group: list[Range]) -> None:
        start = group[0][0]
        try:
            data = self._fetch(start, group[-1][1])
            for first, last in group:
                self._keep(first, data[first - start : last - start])
        finally:
            with self._lock:
                for first, _ in group:
                    self._under_way().pop(first, None)

    def _keep(self, first: int, data: bytes) -> None:
        with self._lock:
            self._room += len(self._chunks.pop(first, b"")) - len(data)
            self._chunks[first] = data
            while self._room < 0:
                self._room += len(self._chunks.popitem(last=False)[1])

    def forget(self) -> None:
        """Forget the chunks that are kept."""
        with self._lock:
            self._chunks.clear()
            self._room = KEPT

    def part(self, at: int, size: int) -> RemoteBytes:
        """Return a part of the file as if it were one."""
        return RemoteBytes(self._requests, size, self._start + at)


def together(ranges: Sequence[Range]) -> list[list[Range]]:
    """Return ranges in order, in groups that are fetched by one request each.

    What lies between the ranges of a group is fetched too: up to `GAP` bytes, as a request costs as much,
    and more where there would be over `THREADS` requests otherwise, smallest gaps first, as long as no more
    is fetched than twice what is wanted.

    Parameters
    ----------
    ranges
        First byte and end of each, by first byte; they don't overlap.
    """
    gaps = [max(0, after[0] - before[1]) for before, after in pairwise(ranges)]
    spare = sum(last - first for first, last in ranges)
    bridged: set[int] = set()
    for number in sorted(range(len(gaps)), key=gaps.__getitem__):
        if gaps[number] > GAP and (gaps[number] > spare or len(gaps) + 1 - len(bridged) <= THREADS):
            break
        bridged.add(number)
        spare -= gaps[number]
    groups: list[list[Range]] = []
    for number, one in enumerate(ranges):
        size = one[1] - groups[-1][0][0] if groups else 0
        if number - 1 in bridged and size <= LONGEST:
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


class Needed(NamedTuple):
    """A chunk that a box needs: the places of both, and where the chunk begins in the file, -1 if nowhere."""

    box: int
    chunk: int
    at: int


class RemoteContents(Contents):
    """A checked frame at a URL: its header and trailer are fetched at once, chunks when needed."""

    buffer: RemoteBytes  # type: ignore[assignment]

    @property
    def _view(self) -> RemoteBytes:  # type: ignore[override]
        return self.buffer

    def window(self, at: int, size: int) -> RemoteContents:
        """Return the frame in a part of the file."""
        part = self.buffer.part(at, size)
        return RemoteContents(part, self.path, self.verification)  # type: ignore[arg-type]

    def run(self) -> None:
        """None: what is at a URL is fetched chunk by chunk."""

    def batches(self, boxes: Iterable[Box]) -> Iterator[tuple[list[Needed], list[Range]]]:
        """Yield the chunks that boxes need and where they lie, as many at a time as are fetched at once."""
        batch: list[Needed] = []
        ranges: dict[Range, None] = {}
        size = 0
        for place, box in enumerate(boxes):
            for number in self.grid.touched(box):
                where = self._range(number)
                batch.append(Needed(place, number, -1 if where is None else where[0]))
                if where is not None and where not in ranges:
                    ranges[where] = None
                    size += where[1] - where[0]
                if size >= AT_ONCE:
                    yield batch, list(ranges)
                    batch, ranges, size = [], {}, 0
        if batch:
            yield batch, list(ranges)

    def _range(self, number: int) -> Range | None:
        """Return where a chunk lies; None for one that isn't stored."""
        offset = int(self.index.offsets[number])
        if offset < 0:
            return None
        at = self.frame.header_size + offset
        # dead bytes of earlier edits may follow a chunk
        longest = min(int(self.index.room[number]), self.grid.chunksize + CHUNK_HEADER)
        return at, min(at + longest, len(self.buffer))


class RemoteStorage(FrameStorage):
    """Voxels of a frame at a URL; each read fetches whole chunks and checks them."""

    contents: RemoteContents

    def _read_rows(self, start: list[int], stop: list[int], out: Array) -> None:
        self._read_boxes([tuple(slice(*ends) for ends in zip(start, stop, strict=True))], [out])

    def read_many(self, boxes: Sequence[Box], out: Array) -> None:
        """Read several boxes, while the chunks of the next ones are fetched.

        Parameters
        ----------
        boxes
            Of one shape.
        out
            Of that shape, with an axis for the boxes before it.

        Raises
        ------
        CorruptError
            A chunk that is needed is damaged.
        """
        if not out.size or not self.shape or self.contents.index.any_unwritten:
            super().read_many(boxes, out)
            return
        try:
            self._read_boxes(boxes, out)
        except (RuntimeError, ValueError) as error:
            if isinstance(error, MLArrayError):
                raise
            raise CorruptError("the voxels can't be decompressed", path=self.contents.path) from error

    def _read_boxes(self, boxes: Sequence[Box], outs: Sequence[Array] | Array) -> None:
        batches = list(self.contents.batches(boxes))
        load = self.contents.buffer.load
        coming = load(batches[0][1]) if batches else {}
        for place, (batch, _) in enumerate(batches):
            after = load(batches[place + 1][1]) if place + 1 < len(batches) else {}
            self._decode(batch, coming, boxes, outs)
            coming = after

    def _decode(
        self,
        batch: list[Needed],
        coming: dict[int, Future[None]],
        boxes: Sequence[Box],
        outs: Sequence[Array] | Array,
    ) -> None:
        """Put chunks into the boxes that need them as they come, each decompressed once."""
        needing: dict[tuple[int, int], list[int]] = {}
        for place, number, at in batch:
            needing.setdefault((number, at), []).append(place)
        for (number, at), places in needing.items():
            if at in coming:
                coming[at].result()
            chunk = self.contents.chunk(number)
            voxels = None if chunk is None else codec.decode(chunk, self.grid)
            for place in places:
                here, inside = self.grid.overlap(number, boxes[place])
                outs[place][here] = 0 if voxels is None else voxels[inside]

    def prefetch(self, box: Box) -> None:
        """Begin to fetch the chunks that `box` needs; those are kept that there is room for."""
        for _, ranges in self.contents.batches([box]):
            self.contents.buffer.load(ranges)

    def release(self) -> None:
        """Forget the chunks that were fetched."""
        self.contents.buffer.forget()


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
        beginning, size = again(lambda: read_beginning(system, path, END))
    if size is None:
        raise ReadError("the server doesn't say how large it is", path=name, hint="Download it first")
    contents = RemoteBytes(Requests(name, part_reader(url, system, path)), size, 0, beginning[:size])
    return RemoteContents(contents, name, verify)  # type: ignore[arg-type]


def fetch(url: str) -> bytes:
    """Return all bytes of a file at a URL. Raises as `open_remote` does."""
    system, path = filesystem(url)
    with explained(url), system.open(path, "rb") as file:
        return bytes(file.read())
