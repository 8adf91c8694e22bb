"""Files and folders at URLs fetched into a temporary folder, up to what its disk has room for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError, LimitError, ReadError
from mlarray_core.url_text import is_web, shown
from mlarray_core.urls import explained, filesystem
from mlarray_io.places.listing import MOST_FILES, Entry, listing
from mlarray_io.places.url_names import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIECE = 4 << 20
"""Bytes that are fetched at once by each thread: a request costs some 0.1 s however small it is."""
THREADS = 4
"""Files that are fetched at the same time; more seldom make one server faster."""
RESERVE = 1 << 30
"""Bytes of the temporary folder's disk that fetching leaves free."""


class _Budget:
    """How much may still be fetched, counted by several threads."""

    def __init__(self, url: str, most: int) -> None:
        from threading import Lock

        self.url, self.most, self._left, self._lock = url, most, most, Lock()

    def take(self, count: int) -> None:
        with self._lock:
            self._left -= count
            if self._left < 0:
                raise LimitError(
                    f"has over {self.most:,} bytes, more than there is room for", path=self.url,
                    hint="Have temporary files in a larger folder (TMPDIR), or download it yourself",
                )  # fmt: skip


@contextmanager
def local_copy(url: str, most: int | None = None) -> Iterator[Path]:
    """Fetch the file or the folder at a URL into a folder of its own, which is removed in the end.

    Parameters
    ----------
    url
        A folder is fetched with everything below it.
    most
        Bytes that may be fetched; None for what the disk has, less a reserve.

    Raises
    ------
    LimitError
        There are more bytes, or more files than `MOST_FILES`.
    ReadError
        There is nothing at the URL, or it can't be read.
    """
    from mlarray_io.places.spools import spool

    with spool() as folder:
        path = folder / name_of(url)
        fetch(url, path, most)
        yield path


def fetch(url: str, path: Path, most: int | None = None) -> None:
    """Fetch the file or the folder at a URL to `path`, piece by piece. Raises as `local_copy` does.

    Parameters
    ----------
    url
        Of a file or folder.
    path
        Where it is put.
    most
        Bytes that may be fetched.

    Raises
    ------
    LimitError
        It is larger than `most`, or than the disk has room for.
    ReadError
        The server refuses, or the connection breaks off.
    """
    import shutil
    from concurrent.futures import ThreadPoolExecutor

    room = max(0, shutil.disk_usage(path.parent).free - RESERVE)
    budget = _Budget(shown(url), room if most is None else min(most, room))
    entries: list[Entry] = []
    for entry in listing(url):
        if len(entries) == MOST_FILES:
            raise LimitError(f"holds over {MOST_FILES:,} files", path=shown(url))
        entries.append(entry)
    if not entries:
        raise ReadError("there is nothing at this URL", path=shown(url), hint="Check the URL")
    if len(entries) == 1 and entries[0].url == url:
        _fetch_one(entries[0], path, budget)
        return
    with ThreadPoolExecutor(THREADS) as pool:
        jobs = [pool.submit(_fetch_one, entry, path / entry.name, budget) for entry in entries]
        try:
            for job in jobs:
                job.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _fetch_one(entry: Entry, path: Path, budget: _Budget) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    system, key = filesystem(entry.url, **_patience(entry.url))
    with explained(entry.url):  # from a web server as one answer: not every one sends parts
        count = _pour(system.open(key, "rb", block_size=0 if is_web(entry.url) else PIECE), path, budget)
    if entry.size is not None and count < entry.size:
        what = f"{entry.size:,} bytes were announced and {count:,} came"
        raise CorruptError(what, path=shown(entry.url), hint="Try again")


def _patience(url: str) -> dict[str, Any]:
    """Return how long a web server is waited for: for each piece, not for the whole as is usual."""
    if not is_web(url):
        return {}
    with explained(url):
        from aiohttp import ClientTimeout

        return {"client_kwargs": {"timeout": ClientTimeout(total=None, sock_connect=60, sock_read=60)}}


def _pour(stream: Any, path: Path, budget: _Budget) -> int:
    """Copy a stream into a new file; return how many bytes there were."""
    count = 0
    with stream, path.open("wb") as file:
        while piece := stream.read(PIECE):
            budget.take(len(piece))
            file.write(piece)
            count += len(piece)
    return count
