"""The chain of pages walked without tifffile: it ends, and it doesn't run in circles."""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING

from mlarray_core.errors import CorruptError, LimitError
from mlarray_tiff.signature import Signature, recognise

if TYPE_CHECKING:
    from pathlib import Path

MOST_PAGES = 1_000_000
MOST_TAGS = 4096
"""Also tifffile's."""

MOST_SUBPAGES = 256
_SUBIFDS = 330


def scan(path: Path) -> int:
    """Count the pages of a file.

    A chain that comes back to an earlier page ends there, where tifffile ends it too; else it is refused,
    because tifffile would lose pages or never end.

    Raises
    ------
    CorruptError
        It is no TIFF, its first page is missing, or the chain is damaged.
    LimitError
        It has more pages than any real file.
    """
    with path.open("rb") as file:
        signature = recognise(file.read(65536))
        if signature is None:
            raise CorruptError("is no TIFF file, or its first page is missing", path=path)
        ndpi = not signature.big and path.name.lower().endswith(".ndpi")
        return _walk(file, signature, ndpi, file.seek(0, 2), path)


def _walk(file: IO[bytes], signature: Signature, ndpi: bool, size: int, path: Path) -> int:
    layout = _Layout(signature, ndpi)
    seen: dict[int, int] = {}
    at = layout.first(file, signature)
    while at and at not in seen:
        if len(seen) >= MOST_PAGES:
            raise LimitError(f"has more than {MOST_PAGES:,} pages", path=path)
        if at + layout.count_size > size:
            raise CorruptError(f"page {len(seen)} lies beyond the end of the file", path=path)
        seen[at] = len(seen)
        at = layout.next(file, at, path)
    if at and not _ends(len(seen), seen[at]):
        raise CorruptError("its chain of pages runs in a circle", path=path)
    return len(seen)


def _ends(count: int, back: int) -> bool:
    """Say whether tifffile finds all pages of a chain whose last one points back to page `back`.

    It looks once, at the hundredth page, where that one was before, and drops what comes after it there.
    """
    return count < _LOOKS and back + (_LOOKS - 1 - back) % (count - back) == count - 1


_LOOKS = 100


class _Layout:
    """How directories are laid out in one kind of TIFF (NDPI: classic, but 8-byte links)."""

    def __init__(self, signature: Signature, ndpi: bool) -> None:
        order, big = signature.order, signature.big
        self._count, self._link = (f"{order}Q", f"{order}Q") if big else (f"{order}H", f"{order}I")
        if ndpi:
            self._link = f"{order}Q"
        self.count_size, self._link_size = struct.calcsize(self._count), struct.calcsize(self._link)
        self._tag, self._tag_size = (f"{order}HHQ", 20) if big else (f"{order}HHI", 12)
        self._ndpi = ndpi

    def first(self, file: IO[bytes], signature: Signature) -> int:
        if not self._ndpi:
            return signature.first_page
        file.seek(4)
        return int(struct.unpack(self._link, file.read(8))[0])

    def next(self, file: IO[bytes], at: int, path: Path) -> int:
        """Return where the page after the one at `at` is, 0 when there is none."""
        file.seek(at)
        count = int(struct.unpack(self._count, file.read(self.count_size))[0])
        if not 1 <= count <= MOST_TAGS:
            raise CorruptError(f"the page at byte {at:,} has {count:,} tags", path=path)
        body = file.read(count * self._tag_size + self._link_size)
        if len(body) < count * self._tag_size:
            raise CorruptError(f"the page at byte {at:,} is cut short", path=path)
        self._check(body, count, at, path)
        link = body[count * self._tag_size :]
        # some writers leave out the link of the last page of a file
        return int(struct.unpack(self._link, link)[0]) if len(link) == self._link_size else 0

    def _check(self, body: bytes, count: int, at: int, path: Path) -> None:
        for start in range(0, count * self._tag_size, self._tag_size):
            code, _, values = struct.unpack_from(self._tag, body, start)
            if code == _SUBIFDS and values > MOST_SUBPAGES:
                raise CorruptError(f"the page at byte {at:,} has {values:,} pages below it", path=path)
