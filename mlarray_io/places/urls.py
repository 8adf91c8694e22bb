"""Files and folders at URLs: what they are called, whether they are there, fetching and listing them.

Every protocol that fsspec knows. What is written here is about URLs that the user gave: none that a file
names is ever opened.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from mlarray_core.errors import CorruptError, LimitError, ReadError, UnsafeError
from mlarray_core.url_text import is_url, is_web, links, protocols, shown
from mlarray_core.urls import explained, filesystem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Entry", "Place", "beside", "exists", "fetch", "is_url", "is_web", "joined", "listing", "local_copy",
    "name_of", "place_of", "shown", "shown_place",
]  # fmt: skip

Place = Path | str
"""A path, or the text of a URL."""

MOST_FILES = 100_000
"""Of a folder that is fetched."""
PIECE = 4 << 20
"""Bytes that are fetched at once, by each of a few threads."""
THREADS = 4
RESERVE = 1 << 30
"""Bytes of the temporary folder's disk that fetching leaves free."""
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Entry:
    """A file at a URL.

    Parameters
    ----------
    url
        Of the file.
    name
        Where it is below the URL that was listed, parts divided by ``/``.
    size
        Bytes; None where the server doesn't say.
    mtime
        When it was changed, in seconds since 1970; None where the server doesn't say.
    """

    url: str
    name: str
    size: int | None
    mtime: float | None


def place_of(where: str | os.PathLike[str]) -> Place:
    """Return a URL as text, and a path, also that of a ``file://`` URL, as a path."""
    text = os.fspath(where)
    if not is_url(text):
        return Path(text)
    if protocols(text) in (["file"], ["local"]):
        from urllib.request import url2pathname

        return Path(url2pathname(text.partition("://")[2]))
    return text


def shown_place(where: Place) -> Place:
    """Return a path, or a URL as it may be shown."""
    return shown(where) if isinstance(where, str) else where


def name_of(where: Place) -> str:
    """Return the last part of a path or of a URL, as a file may be called anywhere."""
    if isinstance(where, Path):
        return where.name
    link = next((link for link in links(where) if "://" in link), "")
    path = unquote(urlsplit(link).path) if is_web(link) else link.partition("://")[2]
    name = path.rstrip("/").rpartition("/")[2]
    name = "".join("_" if char in '\\:*?"<>|' or ord(char) < 32 else char for char in name)
    return name[-_LONGEST_NAME:].strip() if name.strip(". ") else "source"


def joined(url: str, name: str) -> str:
    """Return the URL of `name`, a relative path, below `url`; a web server is asked with the same query."""
    link, *chain = links(url)
    link, mark, query = link.partition("?") if is_web(link) else (link, "", "")
    name = quote(name) if is_web(link) else name
    folder = link if link.endswith("/") else link + "/"
    return "::".join([f"{folder}{name}{mark}{query}", *chain])


def beside(url: str, name: str) -> str:
    """Return the URL of `name` in the folder that a URL lies in."""
    link, *chain = links(url)
    link, mark, query = link.partition("?") if is_web(link) else (link, "", "")
    name = quote(name) if is_web(link) else name
    head, sign, rest = link.rstrip("/").partition("://")
    folder = head + sign + (rest.rpartition("/")[0] + "/" if "/" in rest else "")
    return "::".join([f"{folder}{name}{mark}{query}", *chain])


def exists(url: str) -> bool:
    """Whether there is a file or a folder at a URL. Raises as `listing` does."""
    system, path = filesystem(url)
    with explained(url):
        system.invalidate_cache()
        return bool(system.exists(path))


def listing(url: str) -> Iterator[Entry]:
    """Yield the files below a URL, folder by folder, each folder's in the order of their names.

    A file itself is the one entry. A server of web pages is asked for its pages' links.

    Raises
    ------
    MissingDependencyError, UnsupportedError, UnsafeError
        The protocol isn't there, can't list, or isn't to be trusted.
    ReadError
        There is nothing at the URL, or it can't be read.
    """
    system, path = filesystem(url)
    with explained(url):
        system.invalidate_cache()
        if not (is_web(url) and url.endswith("/")):
            info = system.info(path)
            if not is_folder(info):
                yield Entry(url, name_of(url), info.get("size"), _changed(info))
                return
    yield from _below(system, path, url)


def is_folder(info: Mapping[str, Any]) -> bool:
    """Whether fsspec describes a folder: also a web page, which is no image and may list some."""
    return info["type"] == "directory" or info.get("mimetype") == "text/html"


def _below(system: Any, path: str, url: str) -> Iterator[Entry]:
    web = is_web(url)
    base = (path.partition("?")[0] if web else path).rstrip("/") + "/"
    waiting, seen = [path], 0
    while waiting:
        seen += 1
        if seen > MOST_FILES:
            raise LimitError(f"holds over {MOST_FILES:,} folders", path=shown(url))
        folder = waiting.pop()
        with explained(url):
            found = sorted(system.ls(folder, detail=True), key=lambda info: str(info["name"]))
        folders = []
        for info in found:
            full = str(info["name"])
            name = _name_below(full.partition("?")[0] if web else full, base, folder)
            if name is None or (web and not _is_inside(name)):
                continue  # the folder itself, or where else a page leads to
            if not _is_inside(name):
                what = f"the server lists {name[:80]!r}, which leads out of the folder"
                raise UnsafeError(what, path=shown(url))
            if info["type"] == "directory":
                folders.append(full)
            else:
                yield Entry(full if web else joined(url, name), name, info.get("size"), _changed(info))
        waiting += reversed(folders)


def _name_below(full: str, base: str, folder: str) -> str | None:
    """Return the name of a listed file relative to `base`, None when it doesn't lie below `folder`."""
    name = full.strip("/") if not base.strip("/") else full.removeprefix(base).strip("/")
    above = folder.partition("?")[0].rstrip("/") + "/"
    if not name or not (full.startswith(above) or not above.strip("/")) or full.rstrip("/") + "/" == above:
        return None
    return unquote(name) if "://" in base else name


def _is_inside(name: str) -> bool:
    """Whether a name that a server gave leads nowhere else than into the folder, on this system."""
    forbidden = "\\:" if os.name == "nt" else ""
    parts = name.split("/")
    odd = any(char in forbidden or ord(char) < 32 for char in name) or len(name) > 4096
    return not (odd or {"", ".", ".."} & set(parts))


def _changed(info: dict[str, Any]) -> float | None:
    """Return when a file was changed, which every file system calls differently."""
    for key in ("mtime", "LastModified", "last_modified", "modified", "updated", "created", "Last-Modified"):
        value: Any = info.get(key)
        if isinstance(value, int | float):
            return float(value)
        if hasattr(value, "timestamp"):
            return float(value.timestamp())
        if isinstance(value, str):
            with suppress(ValueError, TypeError):
                return _parsed(value)
    return None


def _parsed(text: str) -> float:
    from datetime import datetime
    from email.utils import parsedate_to_datetime

    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return parsedate_to_datetime(text).timestamp()


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
    import shutil
    import tempfile

    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="mlarray-")))
    try:
        path = folder / name_of(url)
        fetch(url, path, most)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fetch(url: str, path: Path, most: int | None = None) -> None:
    """Fetch the file or the folder at a URL to `path`, piece by piece. Raises as `local_copy` does."""
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
