"""Sources at URLs, of which only what is asked for is fetched."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from mlarray_core.errors import MLArrayError, ReadError
from mlarray_core.url_text import is_web, shown
from mlarray_core.urls import explained, filesystem, read_part
from mlarray_io.places.listing import is_folder
from mlarray_io.places.url_names import joined, name_of
from mlarray_io.sdk.source import HEAD_BYTES, Source

if TYPE_CHECKING:
    from mlarray_io.places.place import Place

_PIECE = 1 << 20
"""Bytes that fsspec fetches ahead of whoever reads a stream."""
_SIZES = 4096
"""Of how many files sizes are remembered: a Zarr asks for those of its metadata again and again."""


def source_at(place: Place) -> Source:
    """Return the source at a place. Raises as `Source` and `UrlSource` do."""
    return UrlSource(place.text) if place.local is None else Source(place.local)


class UrlSource(Source):
    """A file or a folder at a URL, of which only what is asked for is fetched.

    Parameters
    ----------
    url
        As the user gave it.

    Attributes
    ----------
    url
        The same; it may hold secrets. Messages show `where`.
    path
        Leads nowhere.

    Raises
    ------
    MLArrayError
        fsspec, or what it needs for the protocol, is not there.
    """

    url: str

    def __init__(self, url: str) -> None:
        self.url, self.where, self.name = url, shown(url), name_of(url)
        self.path = Path(self.where)
        self._system, self._key = filesystem(url)
        info = self._info()
        self.is_dir = info is None or is_folder(info)
        self.size = 0 if info is None or self.is_dir else int(info.get("size") or 0)

    def _info(self) -> dict[str, Any] | None:
        """Return what fsspec says; None where it says nothing: a store may have files below all the same."""
        with explained(self.url):
            self._system.invalidate_cache()
            with suppress(FileNotFoundError, PermissionError):
                return dict(self._system.info(self._key))
        return None

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB; empty for a folder."""
        if self.is_dir:
            return b""
        with explained(self.url):
            return read_part(self._system, self._key, 0, HEAD_BYTES)

    @cached_property
    def in_parts(self) -> bool:
        """Whether parts of it can be fetched: not from every web server."""
        if self.is_dir or not is_web(self.url):
            return True
        span = {"Range": "bytes=0-0"}
        with (
            explained(self.url),
            self._system.open(self._key, "rb", block_size=0, size=1, headers=span) as file,
        ):
            return bool(file.r.status == 206) and self.size > 0

    def holds(self, name: str) -> bool:
        """Whether it is a folder with a file called `name` in it."""
        return self.is_dir and self.folder.size(name) is not None

    @cached_property
    def folder(self) -> UrlFolder:
        """The files in it."""
        return UrlFolder(self.url)

    def stream(self) -> BinaryIO:
        """Open the file; whoever reads it gets errors as fsspec raises them."""
        with explained(self.url):
            return cast("BinaryIO", self._system.open(self._key, "rb", block_size=_PIECE))


class UrlFolder:
    """The files below a URL.

    Parameters
    ----------
    url
        Of the folder.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._system, self._key = filesystem(url)
        self._sizes: dict[str, int | None] = {}

    def size(self, name: str) -> int | None:
        """Return the size of a file, None where there is none.

        Raises
        ------
        ReadError
            The server doesn't say.
        """
        if name not in self._sizes:
            if len(self._sizes) >= _SIZES:
                self._sizes.clear()
            self._sizes[name] = self._size(name)
        return self._sizes[name]

    def _size(self, name: str) -> int | None:
        with explained(self.url):
            try:
                info = self._system.info(self._place(name))
            except (FileNotFoundError, NotADirectoryError):
                return None
        if is_folder(info):
            return None
        if info.get("size") is None:
            raise ReadError(f"the server doesn't say how large {name} is", path=shown(self.url))
        return int(info["size"])

    def read(self, name: str, start: int, count: int) -> bytes | None:
        """Return at most `count` bytes of a file, None where there is none.

        Parameters
        ----------
        name
            Of a file in the folder.
        start
            First byte; negative counts from the end.
        count
            How many bytes at most.
        """
        with explained(self.url):
            try:
                return read_part(self._system, self._place(name), start, count)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def folders(self, name: str) -> list[str]:
        """Return the names of the folders in a folder, sorted; none where the server doesn't list."""
        place = self._place(name).partition("?")[0] if is_web(self.url) else self._place(name)
        try:
            with explained(self.url):
                found = self._system.ls(place, detail=True)
        except MLArrayError:
            return []
        base = place.rstrip("/") + "/"
        names = (str(one["name"]) for one in found if one["type"] == "directory")
        inside = (full[len(base) :].strip("/") for full in names if full.startswith(base))
        return sorted(name for name in inside if name and "/" not in name and name not in (".", ".."))

    def _place(self, name: str) -> str:
        if not name:
            return self._key
        return joined(self._key, name) if is_web(self.url) else f"{self._key.rstrip('/')}/{name}"
