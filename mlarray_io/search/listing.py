"""The images below a URL, found by their names: to look into every file would take a request each."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.errors import MLArrayError
from mlarray_io.places.listing import Entry, listing
from mlarray_io.places.sources import UrlSource
from mlarray_io.places.url_names import joined, name_of
from mlarray_io.search.criteria import Found, Kind
from mlarray_io.search.names import join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlarray_io.sdk.format import Format
    from mlarray_io.search.folders import Discovery


@dataclass
class _Folder:
    """The files right in a folder, and the names of the folders in it."""

    files: dict[str, Entry] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)


class Listing:
    """The files below a URL, as what images they are.

    A file whose suffix is known is an image, and so is a folder, such as a Zarr. Of each folder, the first
    file without a known suffix and the first with each are looked at, to see whether a format takes such
    files together, as DICOM does. Other files without a known suffix are left out.

    Parameters
    ----------
    url
        The folder or file.
    discovery
        What to look for; its `ignored` is counted up.
    """

    def __init__(self, url: str, discovery: Discovery) -> None:
        self._url, self._discovery, self._names = url, discovery, discovery.names
        self._tree: dict[str, _Folder] = {}
        self._wholes: dict[str, list[Entry]] = {}

    def search(self, place: str) -> Iterator[Found]:
        """Yield what there is; what isn't there is found too, and fails when it is converted.

        Parameters
        ----------
        place
            Where the image of a file belongs, and those of a folder below.
        """
        try:
            entries = list(listing(self._url))
        except MLArrayError:
            entries = []
        alone = len(entries) == 1 and entries[0].url == self._url
        if not entries or alone or self._names.format(name_of(self._url)) is not None:
            kind: Kind = "folder" if entries and not alone else "file"
            stem = self._names.stem(place or name_of(self._url))
            yield self._found(self._url, stem, kind, entries)
            return
        for entry in entries:
            self._take(entry)
        yield from self._images(place)

    def _take(self, entry: Entry) -> None:
        """Put a file where it belongs: into a folder that is an image, or into one of files."""
        *folders, name = entry.name.split("/")
        avoid = self._discovery.avoid
        if avoid is not None and entry.url.startswith(f"{avoid.rstrip('/')}/"):
            return
        above = ""
        for folder in folders:
            here = self._tree.setdefault(above, _Folder())
            here.folders.add(folder)
            above = join(above, folder)
            if self._names.format(folder) is not None:
                self._wholes.setdefault(above, []).append(entry)
                return
        if not any(part.startswith(".") for part in (*folders, name)):
            self._tree.setdefault(above, _Folder()).files[name] = entry

    def _images(self, top: str) -> Iterator[Found]:
        owners: dict[str, Format] = {}
        for above in sorted({*self._tree, *self._wholes}):
            if any(one in self._wholes for one in _upwards(above)):
                if above in self._wholes:
                    yield from self._whole(above, top)
                continue
            here = self._tree[above]
            owner = next((owners[one] for one in _upwards(above) if one in owners), None)
            if owner is None and here.files and self._discovery.source_format is None:
                owner, whole = self._owner(here.files)
                if whole:
                    self._wholes[above] = self._below(above)
                    yield from self._whole(above, top)
                    continue
                if owner is not None:
                    owners[above] = owner
                    yield from self._collection(above, top, here)
            yield from self._files(above, top, here, owner)

    def _whole(self, above: str, top: str) -> Iterator[Found]:
        if self._discovery.wants((above,)):
            folder, _, name = join(top, above).rpartition("/")
            place = join(folder, self._names.stem(name or name_of(self._url)))
            yield self._found(self._at(above), place, "folder", self._wholes[above])

    def _collection(self, above: str, top: str, here: _Folder) -> Iterator[Found]:
        if self._discovery.wants((above, *(join(above, name) for name in here.files))):
            yield self._found(self._at(above), join(top, above), "collection", self._below(above))

    def _at(self, above: str) -> str:
        return joined(self._url, above) if above else self._url

    def _below(self, above: str) -> list[Entry]:
        """Return all files in a folder and in those in it."""
        inside = (one for folder, one in self._tree.items() if above in _upwards(folder))
        return [entry for one in inside for entry in one.files.values()]

    def _files(self, above: str, top: str, here: _Folder, owner: Format | None) -> Iterator[Found]:
        names = list(here.files)
        places = self._names.places(names, sorted(here.folders))
        partners = self._names.partners(names, places)
        for name, entry in here.files.items():
            if not self._discovery.wants((join(above, name),)):
                continue
            format = self._discovery.source_format or self._names.format(name)
            if format is None or format is owner or name in partners:
                self._discovery.ignored += owner is None and name not in partners
                continue
            yield self._found(entry.url, join(top, above, places[name]), "file", [entry])

    def _owner(self, files: dict[str, Entry]) -> tuple[Format | None, bool]:
        """Return the format that takes a folder's files together, and whether it takes the folder whole."""
        first: dict[Format | None, str] = {}
        for name in files:
            first.setdefault(self._names.format(name), name)
        with tempfile.TemporaryDirectory(prefix="mlarray-") as folder:
            for name in first.values():
                try:
                    Path(folder, os.path.basename(name)).write_bytes(UrlSource(files[name].url).head)
                except (MLArrayError, OSError):
                    continue
            return self._discovery.claimed(folder, list(first.values()))

    def _found(self, url: str, place: str, kind: Kind, entries: Sequence[Entry]) -> Found:
        return Found(url, place, kind, _sum(entry.size for entry in entries), _latest(entries))


def common(urls: Sequence[str]) -> int:
    """Return how many parts, divided by slashes, the folders of all URLs begin with."""
    folders = [url.rstrip("/").split("/")[:-1] for url in urls]
    shortest = min(map(len, folders), default=0)
    parts = enumerate(zip(*folders, strict=False))
    return next((count for count, same in parts if len(set(same)) > 1), shortest)


def _upwards(folder: str) -> Iterator[str]:
    """Yield a folder and those above it."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""


def _sum(sizes: Iterable[int | None]) -> int:
    """Return the sum of sizes, -1 when one isn't known, or there is none."""
    known = list(sizes)
    return -1 if not known or None in known else sum(size or 0 for size in known)


def _latest(entries: Sequence[Entry]) -> int:
    """Return the latest change in nanoseconds, -1 when one isn't known, or there is none."""
    times = [entry.mtime for entry in entries]
    if not times or None in times:
        return -1
    return int(max(time or 0 for time in times) * 1e9)
