"""The images below a URL, found by their names: to look into every file would take a request each."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.errors import MLArrayError
from mlarray_io.places.listing import Entry, listing
from mlarray_io.places.sources import UrlSource
from mlarray_io.places.spools import spool
from mlarray_io.places.url_names import joined, name_of
from mlarray_io.search.claims import claim_of, is_collected, whole_format
from mlarray_io.search.criteria import UNRECOGNISED, Found, Kind, LeftOut
from mlarray_io.search.names import join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlarray_io.sdk.format import Format
    from mlarray_io.search.criteria import Criteria
    from mlarray_io.search.names import Names


@dataclass
class _Folder:
    """The files right in a folder, and the names of the folders in it."""

    files: dict[str, Entry] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)


class UrlWalk:
    """Finds the images below URLs.

    Parameters
    ----------
    criteria
        What to look for.
    names
        The suffixes that formats have.
    """

    def __init__(self, criteria: Criteria, names: Names) -> None:
        self._criteria, self._names = criteria, names

    def search(self, url: str, place: str) -> Iterator[Found | LeftOut]:
        """Yield what there is; what isn't there is found too, and fails when it is converted.

        Parameters
        ----------
        url
            A folder or a file.
        place
            Where the image of a file belongs, and those of a folder below.
        """
        try:
            entries = list(listing(url))
        except MLArrayError:
            entries = []
        alone = len(entries) == 1 and entries[0].url == url
        if not entries or alone or self._names.format(name_of(url)) is not None:
            kind: Kind = "folder" if entries and not alone else "file"
            yield _found(url, self._names.stem(place or name_of(url)), kind, entries)
            return
        yield from _Tree(url, entries, self._criteria, self._names).images(place)


class _Tree:
    """The files below a URL, as what images they are.

    A file whose suffix is known is an image, and so is a folder, such as a Zarr. Of each folder, the first
    file without a known suffix and the first with each are looked at, to see whether a format takes such
    files together, as DICOM does. Other files without a known suffix are left out.
    """

    def __init__(self, url: str, entries: Sequence[Entry], criteria: Criteria, names: Names) -> None:
        self._url, self._criteria, self._names = url, criteria, names
        self._tree: dict[str, _Folder] = {}
        self._wholes: dict[str, list[Entry]] = {}
        for entry in entries:
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        """Put a file where it belongs: into a folder that is an image, or into one of files."""
        *folders, name = entry.name.split("/")
        avoid = self._criteria.avoid
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

    def images(self, top: str) -> Iterator[Found | LeftOut]:
        """Yield what there is, and what is left out; `top` is where images belong below the target."""
        owners: dict[str, Format] = {}
        for above in sorted({*self._tree, *self._wholes}):
            if any(one in self._wholes for one in _upwards(above)):
                if above in self._wholes:
                    yield from self._whole(above, top)
                continue
            here = self._tree[above]
            owner = next((owners[one] for one in _upwards(above) if one in owners), None)
            if owner is None and here.files and self._criteria.source_format is None:
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
        if self._criteria.wants((above,)):
            folder, _, name = join(top, above).rpartition("/")
            place = join(folder, self._names.stem(name or name_of(self._url)))
            yield _found(self._at(above), place, "folder", self._wholes[above])

    def _collection(self, above: str, top: str, here: _Folder) -> Iterator[Found]:
        if self._criteria.wants_folder(above, here.files):
            yield _found(self._at(above), join(top, above), "collection", self._below(above))

    def _at(self, above: str) -> str:
        return joined(self._url, above) if above else self._url

    def _below(self, above: str) -> list[Entry]:
        """Return all files in a folder and in those in it."""
        inside = (one for folder, one in self._tree.items() if above in _upwards(folder))
        return [entry for one in inside for entry in one.files.values()]

    def _files(self, above: str, top: str, here: _Folder, owner: Format | None) -> Iterator[Found | LeftOut]:
        names = list(here.files)
        places = self._names.places(names, sorted(here.folders))
        partners = self._names.partners(names, places)
        for name, entry in here.files.items():
            if not self._criteria.wants((join(above, name),)):
                continue
            format = self._criteria.source_format or self._names.format(name)
            if format is None and owner is None and name not in partners:
                yield LeftOut(entry.url, f"{UNRECOGNISED} by its name")
            if format is None or format is owner or name in partners:
                continue
            yield _found(entry.url, join(top, above, places[name]), "file", [entry])

    def _owner(self, files: dict[str, Entry]) -> tuple[Format | None, bool]:
        """Return the format that takes a folder's files together, and whether it takes the folder whole.

        The beginnings of a few files are fetched, and looked at as if they were all of a folder.
        """
        first: dict[Format | None, str] = {}
        for name in files:
            first.setdefault(self._names.format(name), name)
        with spool() as folder:
            paths = [Path(folder, os.path.basename(name)) for name in first.values()]
            for path, name in zip(paths, first.values(), strict=True):
                try:
                    path.write_bytes(UrlSource(files[name].url).head)
                except (MLArrayError, OSError):
                    continue
            claims = [claim_of(str(path), self._names) for path in paths if path.exists()]
            together = next((one.format for one in claims if is_collected(one.format)), None)
            if together is not None:
                return together, False
            whole = whole_format(str(folder), self._names)
            return whole, whole is not None


def _found(url: str, place: str, kind: Kind, entries: Sequence[Entry]) -> Found:
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
