"""The TIFF files of a data set: voxels and metadata of planes, at the places that the index tells."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mlarray_core.errors import CorruptError, NotFoundError
from mlarray_io.sdk import RawData, check_beside, open_bytes, read_box
from mlarray_ndtiff.signature import INDEX, is_stack

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Box
    from mlarray_io.sdk import Bytes
    from mlarray_ndtiff.index import Entry

_SUMMARY = 2355492
"""The number before the summary's length."""
_MOST_TOLD = 64 << 20
"""Bytes of JSON that describe a plane, or the data set."""


class Planes(Protocol):
    """Where planes are read from."""

    def check(self, entry: Entry) -> None:
        """Refuse a plane that isn't there."""

    def voxels(self, entry: Entry, box: Box) -> np.ndarray[Any, Any]:
        """Return part of a plane."""

    def told(self, entry: Entry) -> dict[str, Any] | None:
        """Return what is told of a plane, None where that can't be read."""

    def summary(self, name: str) -> dict[str, Any] | None:
        """Return what the file of a plane tells of all of them, None where that can't be read."""

    def close(self) -> None:
        """Close the files."""


class Stacks:
    """The files of one folder, opened as they are needed.

    Parameters
    ----------
    folder
        Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, tuple[Bytes, str]] = {}

    def check(self, entry: Entry) -> None:
        """Refuse a plane that its file doesn't hold.

        Raises
        ------
        CorruptError
            The file ends before it.
        """
        file, _ = self._file(entry.name)
        if entry.at + entry.nbytes > file.limit:
            raise CorruptError(
                "ends before a plane that the index names", path=file.path, hint="Was it copied whole?"
            )

    def voxels(self, entry: Entry, box: Box) -> np.ndarray[Any, Any]:
        """Return part of a plane."""
        file, order = self._file(entry.name)
        return read_box(file, RawData(entry.shape, np.dtype(f"{order}{entry.dtype}"), entry.at), box)

    def told(self, entry: Entry) -> dict[str, Any] | None:
        """Return what is told of a plane, None where that can't be read."""
        return self._json(entry.name, entry.told_at, entry.told)

    def summary(self, name: str) -> dict[str, Any] | None:
        """Return what one of the files tells of the whole data set, None where that can't be read."""
        file, order = self._file(name)
        numbers = struct.unpack(f"{order}4I", file.read(12, 16))
        at = 1 if numbers[1] == _SUMMARY else 2  # version 2 has no minor version before it
        if numbers[at] != _SUMMARY:
            return None
        return self._json(name, 12 + 4 * (at + 2), numbers[at + 1])

    def _json(self, name: str, at: int, count: int) -> dict[str, Any] | None:
        file, _ = self._file(name)
        if not 0 < count <= min(_MOST_TOLD, file.limit - at):
            return None
        try:
            # before version 3.1 the encoding was that of the machine
            found = json.loads(file.read(at, count).decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def _file(self, name: str) -> tuple[Bytes, str]:
        """Return an open file, and its byte order.

        Raises
        ------
        NotFoundError
            It isn't there.
        CorruptError
            It is no file of NDTiff.
        """
        if name not in self._files:
            path = self._folder / name
            if not path.is_file():
                raise NotFoundError(
                    f"names the file {name!r}, which is missing",
                    path=self._folder / INDEX,
                    hint="Put it beside the index",
                )
            check_beside(self._folder / INDEX, path)
            file = open_bytes(path, "none")
            head = file.read(0, 28)
            if len(head) < 28 or not is_stack(head):
                file.close()
                raise CorruptError("isn't a TIFF file of NDTiff", path=path, hint="Was it copied whole?")
            self._files[name] = file, "<" if head[:2] == b"II" else ">"
        return self._files[name]

    def close(self) -> None:
        """Close the files."""
        for file, _ in self._files.values():
            file.close()
        self._files = {}
