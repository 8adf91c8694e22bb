"""Folders of Micro-Manager: a TIFF file for each plane, and `metadata.txt`, which says where each belongs.

Micro-Manager File Formats, "Image file stack": version 1.4 has ``FrameKey-TIME-CHANNEL-SLICE``, version 2
``Coords-FOLDER/FILE`` and ``Metadata-FOLDER/FILE`` for each plane.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, LimitError, NotFoundError, UnsafeError, UnsupportedError
from mlarray_io.sdk import RawData, check_beside, explained, open_bytes, read_box
from mlarray_ndtiff.index import LARGEST, Entry, Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlarray_io import Box

METADATA = "metadata.txt"
_MARKS = (b'"FrameKey-', b'"Coords-', b'"MicroManagerVersion"')
_AXES = {
    "time": ("FrameIndex", "time"),
    "channel": ("ChannelIndex", "channel"),
    "z": ("SliceIndex", "z"),
    "position": ("PositionIndex", "position"),
}
"""What the axes are called for a plane, in either version."""
_HEAD = 65536


def holds_planes(folder: Path) -> bool:
    """Whether a folder has a `metadata.txt` that begins as Micro-Manager's do."""
    try:
        with (folder / METADATA).open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return head.lstrip().startswith(b"{") and b'"Summary"' in head and any(mark in head for mark in _MARKS)


class SinglePlanes:
    """The planes of a folder, each in a TIFF file of its own.

    Parameters
    ----------
    folder
        Where they are.

    Raises
    ------
    CorruptError
        `metadata.txt` is damaged, or names no planes.
    LimitError
        It is larger than it ever is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._about = folder, folder / METADATA
        if self._about.stat().st_size > LARGEST:
            raise LimitError("is too large for what it is", path=self._about)
        try:
            content = json.loads(self._about.read_text(encoding="utf-8", errors="replace"))
        except (ValueError, RecursionError) as error:
            raise CorruptError("is no JSON", path=self._about, hint="Was the acquisition ended?") from error
        content = content if isinstance(content, dict) else {}
        summary = content.get("Summary")
        self._summary: dict[str, Any] = summary if isinstance(summary, dict) else {}
        self._told: dict[str, dict[str, Any]] = {}
        places: dict[str, Place] = {}
        for key, value in content.items():
            if key.startswith("FrameKey-") and isinstance(value, dict):
                self._take(str(value.get("FileName", "")), value, value, places)
            elif key.startswith("Coords-") and isinstance(value, dict):
                told = content.get("Metadata-" + key.removeprefix("Coords-"))
                name = key.removeprefix("Coords-").rpartition("/")[2]
                self._take(name, value, told if isinstance(told, dict) else {}, places)
        if not places:
            raise CorruptError("names no planes", path=self._about)
        self.entries = self._entries(places)

    def _take(
        self, name: str, where: Mapping[str, Any], told: dict[str, Any], places: dict[str, Place]
    ) -> None:
        if name in ("", ".", "..") or any(mark in name for mark in "/\\:\0"):
            raise UnsafeError(
                f"names the file {name[:60]!r}, which leads out of its folder", path=self._about
            )
        found: Place = {}
        for axis, names in _AXES.items():
            value = next((where[one] for one in names if type(where.get(one)) is int), None)
            if value is not None and abs(value) < 1 << 31:
                found[axis] = value
        if not found:
            raise UnsupportedError(f"doesn't say where {name!r} belongs", path=self._about)
        places[name], self._told[name] = found, told

    def _entries(self, places: Mapping[str, Place]) -> list[Entry]:
        """Return all planes, which are like the first one; each is looked at again when it is read."""
        shape, dtype = self._page(next(iter(places)))[1:]
        return [Entry(place, name, 0, shape, dtype.str[1:], 0, 0) for name, place in places.items()]

    def _page(self, name: str) -> tuple[int, tuple[int, ...], np.dtype[Any]]:
        """Return where the voxels of a file begin, its shape, and its type.

        Raises
        ------
        NotFoundError
            It isn't there.
        UnsupportedError
            Its voxels don't lie there plain, as Micro-Manager writes them.
        """
        from tifffile import TiffFile

        path = self._folder / name
        if not path.is_file():
            raise NotFoundError(f"names the file {name!r}, which is missing", path=self._about)
        check_beside(self._about, path)
        with explained(), TiffFile(path) as file:
            page = file.pages.first
            shape, dtype = tuple(map(int, page.shape)), page.dtype
            if not page.is_contiguous or dtype is None or len(shape) not in (2, 3):
                raise UnsupportedError("is no plain plane, as Micro-Manager writes them", path=path)
            return int(page.dataoffsets[0]), shape, np.dtype(dtype).newbyteorder(file.byteorder)

    def check(self, entry: Entry) -> None:
        """Refuse a plane whose file isn't there.

        Raises
        ------
        NotFoundError
            It isn't.
        """
        if not (self._folder / entry.name).is_file():
            raise NotFoundError(f"names the file {entry.name!r}, which is missing", path=self._about)

    def voxels(self, entry: Entry, box: Box) -> np.ndarray[Any, Any]:
        """Return part of a plane.

        Raises
        ------
        CorruptError
            It differs from the first one, or ends early.
        """
        at, shape, dtype = self._page(entry.name)
        path = self._folder / entry.name
        if shape != entry.shape or dtype.str[1:] != entry.dtype:
            raise CorruptError("has another size or type than the first plane", path=path)
        file = open_bytes(path, "none")
        try:
            if at + entry.nbytes > file.limit:
                raise CorruptError("ends before its voxels do", path=path, hint="Was it copied whole?")
            return read_box(file, RawData(shape, dtype, at), box)
        finally:
            file.close()

    def told(self, entry: Entry) -> dict[str, Any] | None:
        """Return what is told of a plane."""
        return self._told.get(entry.name)

    def summary(self, name: str) -> dict[str, Any] | None:
        """Return what is told of the whole acquisition."""
        return self._summary

    def close(self) -> None:
        """Do nothing: files are open only while they are read."""
