"""The files of a Zarr store, in a folder or a ZIP, none of which may lie outside it."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from mlarray_core.errors import CorruptError, LimitError, UnsafeError, UnsupportedError
from mlarray_io.sdk import UrlSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_io import Source
    from mlarray_io.sdk import UrlFolder

LONGEST_METADATA = 16 << 20
"""Most bytes of one JSON file."""
DEFLATE_BEST = 1032
"""The most bytes that one byte of deflate can stand for."""


DEEPEST = 64
"""Folders in folders of an archive that are looked into."""


class Folder:
    """The files of a store that is a folder.

    Parameters
    ----------
    path
        Of the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._root = os.path.realpath(path)

    def size(self, key: str) -> int | None:
        """Return the size of a file, None when there is no such file."""
        return None if (status := self._status(key)) is None else status.st_size

    def read(self, key: str, start: int, count: int) -> bytes | None:
        """Return at most `count` bytes of a file, None when there is no such file.

        Parameters
        ----------
        key
            Name of the file in the store.
        start
            First byte; negative counts from the end.
        count
            How many bytes at most.
        """
        if self._status(key) is None:
            return None
        with open(self._inside(key), "rb") as file:
            file.seek(start)
            return file.read(count)

    def folders(self, key: str) -> list[str]:
        """Return the names of the folders in a folder, sorted."""
        with os.scandir(self._inside(key)) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))

    def names(self, key: str) -> Iterator[tuple[str, bool]]:
        """Yield the names in a folder, and whether each is a folder, in no order."""
        with os.scandir(self._inside(key)) as entries:
            for entry in entries:
                yield entry.name, entry.is_dir(follow_symlinks=False)

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _status(self, key: str) -> os.stat_result | None:
        try:
            status = os.stat(self._inside(key))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return status if stat.S_ISREG(status.st_mode) else None

    def _inside(self, key: str) -> str:
        """Return the path of a key, links followed, if it lies in the store."""
        path = os.path.realpath(os.path.join(self._root, checked(key)))
        if path != self._root and not path.startswith(self._root + os.sep):
            raise UnsafeError(f"{key} leads out of the store", path=self.path)
        return path


class Archive:
    """The files of a store that is a ZIP. Of members with the same name the last holds.

    Parameters
    ----------
    path
        Of the ZIP, or what to call it.
    file
        Its bytes, when they aren't at `path`.

    Raises
    ------
    CorruptError
        It is no ZIP, or a damaged one.
    """

    def __init__(self, path: Path | str, file: BinaryIO | None = None) -> None:
        self.path, self._file = path, file
        try:
            self._zip = zipfile.ZipFile(file or path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            raise CorruptError(f"is a damaged ZIP archive ({error})", path=path) from error
        self._members = {info.filename: info for info in self._zip.infolist()}
        self._top = self._common()

    def size(self, key: str) -> int | None:
        """Return the size of a file, None when there is no such file."""
        info = self._members.get(self._top + checked(key))
        return None if info is None else info.file_size

    def read(self, key: str, start: int, count: int) -> bytes | None:
        """Return at most `count` bytes of a file, None when there is no such file.

        Parameters
        ----------
        key
            Name of the file in the store.
        start
            First byte; negative counts from the end.
        count
            How many bytes at most.

        Raises
        ------
        CorruptError
            The member is damaged or encrypted.
        """
        info = self._members.get(self._top + checked(key))
        if info is None:
            return None
        if info.file_size > info.compress_size * DEFLATE_BEST + 64 or info.flag_bits & 1:
            raise CorruptError(f"{key} claims more bytes than it holds, or is encrypted", path=self.path)
        try:
            with self._zip.open(info) as file:
                file.seek(start)
                return file.read(count)
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise CorruptError(f"{key} is damaged ({error})", path=self.path) from error

    def folders(self, key: str) -> list[str]:
        """Return the names of the folders in a folder, sorted."""
        return sorted(name for name, folder in self.names(key) if folder)

    def names(self, key: str) -> Iterator[tuple[str, bool]]:
        """Yield the names in a folder, and whether each is a folder."""
        yield from self._inside.get((self._top + checked(key)).rstrip("/"), {}).items()

    @cached_property
    def _inside(self) -> dict[str, dict[str, bool]]:
        """What each folder holds: made once, or a store of many groups would be searched once for each."""
        found: dict[str, dict[str, bool]] = {}
        for member in self._members:
            parts = member.split("/")[:DEEPEST]
            for depth, name in enumerate(parts):
                if name:
                    folder = found.setdefault("/".join(parts[:depth]), {})
                    folder[name] = folder.get(name, False) or depth + 1 < len(parts)
        return found

    def close(self) -> None:
        """Close the archive."""
        self._zip.close()
        if self._file is not None:
            self._file.close()

    def _common(self) -> str:
        """Return the folder that the whole store lies in, if the archive's root is none."""
        marks = ("zarr.json", ".zgroup", ".zarray")
        if any(mark in self._members for mark in marks):
            return ""
        tops = {name.partition("/")[0] + "/" for name in self._members}
        top = tops.pop() if len(tops) == 1 else ""
        return top if any(top + mark in self._members for mark in marks) else ""


class Remote:
    """The files of a store that is a folder at a URL.

    Parameters
    ----------
    name
        What to call the store.
    folder
        Fetches its files.
    """

    def __init__(self, name: str, folder: UrlFolder) -> None:
        self.path, self._folder = name, folder

    def size(self, key: str) -> int | None:
        """Return the size of a file, None when there is no such file."""
        return self._folder.size(checked(key))

    def read(self, key: str, start: int, count: int) -> bytes | None:
        """Return at most `count` bytes of a file, None when there is no such file.

        Parameters
        ----------
        key
            Name of the file in the store.
        start
            First byte; negative counts from the end.
        count
            How many bytes at most.
        """
        return self._folder.read(checked(key), start, count)

    def folders(self, key: str) -> list[str]:
        """Return the names of the folders in a folder, sorted; none where the server doesn't list."""
        return self._folder.folders(checked(key))

    def names(self, key: str) -> None:
        """Return None: listing all names of a folder may cost a request for each thousand."""

    def close(self) -> None:
        """Do nothing: connections are fsspec's."""


Files = Folder | Archive | Remote


def open_files(source: Source) -> Files:
    """Return the files of the store that a source is."""
    if isinstance(source, UrlSource):
        name = str(source.where)
        return Remote(name, source.folder) if source.is_dir else Archive(name, source.stream())
    return Folder(source.path) if source.is_dir else Archive(source.path)


def checked(key: str) -> str:
    """Return a path inside the store, or refuse one that isn't.

    Raises
    ------
    UnsafeError
        It is absolute or goes up.
    """
    parts = PurePosixPath(key).parts
    if key.startswith("/") or ".." in parts or "\\" in key or "\0" in key or ":" in key:
        raise UnsafeError(f"{key!r} leads out of the store")
    return "/".join(parts)


def joined(folder: str, name: str) -> str:
    """Return the path of `name` in `folder`, which is empty for the root."""
    return checked(f"{folder}/{name}" if folder else name)


def read_json(files: Files, key: str) -> dict[str, Any] | None:
    """Return the content of a metadata file, None when there is no such file.

    Raises
    ------
    CorruptError
        It is no JSON object, or nested too deeply.
    LimitError
        It is too large to be metadata.
    """
    content = files.read(key, 0, LONGEST_METADATA + 1)
    if content is None:
        return None
    if len(content) > LONGEST_METADATA:
        raise LimitError(f"{key} has over {LONGEST_METADATA:,} bytes, which are the most", path=files.path)
    try:
        loaded = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CorruptError(f"{key} is damaged ({str(error)[:100]})", path=files.path) from error
    if not isinstance(loaded, dict):
        raise CorruptError(f"{key} holds no JSON object", path=files.path)
    return loaded


def refuse(files: Files, what: str) -> UnsupportedError:
    """Return the error for something that Zarr allows and that is no image here."""
    return UnsupportedError(what, path=files.path)
