"""What lies at a URL: whether it is there, and the files below it.

Every protocol that fsspec knows. What is listed here is at URLs that the user gave: none that a file names is
ever opened.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from mlarray_core.errors import LimitError, UnsafeError
from mlarray_core.url_text import is_web, shown
from mlarray_core.urls import explained, filesystem
from mlarray_io.places.url_names import joined, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_FILES = 100_000
"""Files of a folder that is fetched, and folders that are listed: a server could go on for ever."""
_LONGEST = 4096
"""Characters of a name below a URL, the limit of most systems for a path."""


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
    odd = any(char in forbidden or ord(char) < 32 for char in name) or len(name) > _LONGEST
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
