"""The images below a folder of this machine, found by content before name."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.errors import MLArrayError, ReadError
from mlarray_io.engine.registry import installed
from mlarray_io.search.claims import Claim, claim_of, folders_of, is_collected, parts_of, whole_format
from mlarray_io.search.criteria import Found, Kind, LeftOut
from mlarray_io.search.names import join

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlarray_io.sdk.format import Format
    from mlarray_io.search.criteria import Criteria
    from mlarray_io.search.names import Names

INDEX = "it only lists other files"
"""Why the index of a collection, such as a DICOMDIR (PS3.10, 8.6), is left out."""


@dataclass
class _Contents:
    """What lies right in a folder, by name, without what is hidden."""

    files: list[os.DirEntry[str]] = field(default_factory=list)
    folders: list[os.DirEntry[str]] = field(default_factory=list)
    others: list[LeftOut] = field(default_factory=list)


@dataclass(frozen=True)
class _Folder:
    """A folder to look into: its path, where it lies below the source, and whose collection it is in."""

    path: str
    relative: str
    owner: Format | None = None


class FolderWalk:
    """Finds the images below a folder.

    Parameters
    ----------
    criteria
        What to look for.
    names
        The suffixes that formats have.
    """

    def __init__(self, criteria: Criteria, names: Names) -> None:
        self._criteria, self._names = criteria, names

    def search(self, root: str, top: str) -> Iterator[Found | LeftOut]:
        """Yield what lies below a folder, folder by folder, and what is left out.

        Parameters
        ----------
        root
            The folder, absolute.
        top
            Where its images belong below the target.

        Raises
        ------
        ReadError
            The folder itself can't be read. One in it that can't is left out.
        """
        if self._criteria.source_format is not None:
            format = installed().get(self._criteria.source_format)
            if format.folder == "together" or whole_format(root, self._names) is format:
                yield self._as_one(_Folder(root, ""), top, whole=format.folder != "together")
                return
        found = self._walk(root, top)
        yield from _merged(list(found), root, top) if self._criteria.merge else found

    def _walk(self, root: str, top: str) -> Iterator[Found | LeftOut]:
        waiting = [_Folder(root, "")]
        while waiting:
            folder = waiting.pop()
            try:
                contents = self._contents(folder.path)
            except ReadError as error:
                if folder.path == root:
                    raise
                yield LeftOut(folder.path, error.message, lost=True)
                continue
            owner, names = folder.owner, [entry.name for entry in contents.files]
            if owner is None and self._criteria.source_format is None and self._is_whole(folder.path):
                if self._criteria.wants_folder(folder.relative, names):
                    yield self._as_one(folder, top, whole=True)
                continue
            claims, owner = self._claims(folder, contents.files)
            if (
                owner is not None
                and folder.owner is None
                and self._criteria.wants_folder(folder.relative, names)
            ):
                yield self._as_one(folder, top, whole=False)
            yield from self._wanted_others(folder.relative, contents.others)
            yield from self._files(folder.relative, top, contents, claims, owner)
            owned = folders_of(contents.files, claims)
            # reversed: the last is taken first
            waiting += [
                _Folder(entry.path, join(folder.relative, entry.name), owner)
                for entry in reversed(contents.folders)
                if entry.name not in owned
            ]

    def _is_whole(self, folder: str) -> bool:
        try:
            return whole_format(folder, self._names) is not None
        except MLArrayError:
            return False  # it has vanished, which looking into it will say

    def _as_one(self, folder: _Folder, top: str, *, whole: bool) -> Found:
        place = join(top, folder.relative)
        if whole:
            stem = self._names.stem(os.path.basename(place) or os.path.basename(folder.path))
            place = join(os.path.dirname(place), stem)
        return sum_of(folder.path, place, "folder" if whole else "collection")

    def _contents(self, folder: str) -> _Contents:
        """Return the files and folders of a folder by name, without hidden ones and links to folders."""
        found = _Contents()
        try:
            with os.scandir(folder) as listed:
                entries = sorted((e for e in listed if not e.name.startswith(".")), key=lambda e: e.name)
        except OSError as error:
            raise ReadError(f"can't be read: {error.strerror}", path=folder) from error
        avoid = None if self._criteria.avoid is None else os.path.realpath(self._criteria.avoid)
        for entry in entries:
            reason = _oddity(entry)
            if reason is not None:
                lost = (
                    self._names.format(entry.name) is not None and entry.is_symlink() and not entry.is_dir()
                )
                found.others.append(LeftOut(entry.path, reason, lost))
            elif entry.is_file():
                found.files.append(entry)
            elif os.path.realpath(entry.path) != avoid:
                found.folders.append(entry)
        return found

    def _claims(
        self, folder: _Folder, files: Sequence[os.DirEntry[str]]
    ) -> tuple[Mapping[str, Claim], Format | None]:
        """Return whose each file is, by name, and the format whose collection the folder is, or lies in.

        A file that the journal knows isn't opened, and neither is one in a collection whose name already says
        that it belongs to it.
        """
        claims: dict[str, Claim] = {}
        owner = folder.owner
        if self._criteria.source_format is not None:
            forced = Claim(installed().get(self._criteria.source_format))
            return dict.fromkeys((entry.name for entry in files), forced), None
        by_folder = bool(self._criteria.include) and self._criteria.includes((folder.relative,))
        for entry in files:
            named = self._names.format(entry.name)
            if owner is not None and named is owner:
                claims[entry.name] = Claim(owner)
            elif named is not None and self._is_known(entry):
                claims[entry.name] = Claim(named)
            elif by_folder or self._criteria.wants((join(folder.relative, entry.name),)):
                claim = claim_of(entry.path, self._names, owner)
                claims[entry.name] = claim
                if owner is None and is_collected(claim.format) and not self._is_index(claim, entry.name):
                    owner = claim.format
        return claims, owner

    def _is_known(self, entry: os.DirEntry[str]) -> bool:
        known = self._criteria.known(entry.path)
        if known is None:
            return False
        try:
            status = entry.stat()
        except OSError:
            return False
        return known == (status.st_size, status.st_mtime_ns)

    def _is_index(self, claim: Claim, name: str) -> bool:
        return claim.format is not None and name.lower() in claim.format.indexes

    def _files(
        self,
        relative: str,
        top: str,
        contents: _Contents,
        claims: Mapping[str, Claim],
        owner: Format | None,
    ) -> Iterator[Found | LeftOut]:
        """Yield the files that are images of their own, and those that are left out."""
        names = [entry.name for entry in contents.files]
        places = self._names.places(names, [entry.name for entry in contents.folders])
        partners = self._partners(contents.files, claims, places)
        sidecars = _sidecars(contents.files, claims)
        for entry in contents.files:
            claim = claims.get(entry.name)
            if claim is None or entry.name in partners or (claim.format is None and entry.name in sidecars):
                continue
            if not self._criteria.wants((join(relative, entry.name),)):
                continue
            if self._is_index(claim, entry.name):
                yield LeftOut(entry.path, INDEX)
            elif claim.format is None:
                yield LeftOut(entry.path, claim.reason, claim.lost)
            elif claim.format is not owner:
                yield _described(entry, join(top, relative, places[entry.name]))

    def _partners(
        self, files: Sequence[os.DirEntry[str]], claims: Mapping[str, Claim], places: Mapping[str, str]
    ) -> set[str]:
        """Return the names of files that belong to another one, by their names or by its header."""
        names = [entry.name for entry in files]
        partners = self._names.partners(names, places)
        several = {claim.format for claim in claims.values() if claim.format is not None}
        shared = {
            format
            for format in several
            if format.has_parts and (format.mixed_parts or _count(claims, format) > 1)
        }  # one file alone has no parts of its format beside it
        for entry in files:
            claim = claims.get(entry.name)
            if claim is not None and claim.format in shared and entry.name not in partners:
                partners |= parts_of(entry.path, claim.format, names) if claim.format is not None else set()
        return partners

    def _wanted_others(self, relative: str, others: Sequence[LeftOut]) -> Iterator[LeftOut]:
        for one in others:
            if self._criteria.wants((join(relative, os.path.basename(one.path)),)):
                yield one


def _merged(found: list[Found | LeftOut], root: str, top: str) -> Iterator[Found | LeftOut]:
    """Yield what was found, with all collections as one: the format that takes them looks below the root."""
    collections = [one for one in found if isinstance(one, Found) and one.kind == "collection"]
    if collections:
        yield sum_of(root, top, "collection")
    yield from (one for one in found if one not in collections)


def _sidecars(files: Sequence[os.DirEntry[str]], claims: Mapping[str, Claim]) -> set[str]:
    """Return the names of files that are read with an image beside them, such as a BIDS sidecar."""
    owned = ((entry, claim.format) for entry in files if (claim := claims.get(entry.name)) is not None)
    return {path.name for entry, format in owned if format for path in format.sidecars(Path(entry.path))}


def _count(claims: Mapping[str, Claim], format: Format) -> int:
    return sum(claim.format is format for claim in claims.values())


def _oddity(entry: os.DirEntry[str]) -> str | None:
    """Say what is neither a file nor a folder to look into."""
    if entry.is_symlink() and entry.is_dir():
        return "a link to a folder"
    if entry.is_file() or entry.is_dir():
        return None
    return "a link that leads nowhere" if entry.is_symlink() else "neither a file nor a folder"


def _described(entry: os.DirEntry[str], place: str) -> Found | LeftOut:
    try:
        status = entry.stat()
    except OSError as error:
        return LeftOut(entry.path, f"can't be read: {error.strerror}", lost=True)
    return Found(entry.path, place, "file", status.st_size, status.st_mtime_ns)


def stat_of(path: str, place: str) -> Found:
    """Describe a file that was named; one that isn't there is described as that.

    Parameters
    ----------
    path
        The file.
    place
        Where its image belongs below the target.
    """
    try:
        status = os.stat(path)
    except OSError:
        return Found(path, place)
    return Found(path, place, "file", status.st_size, status.st_mtime_ns)


def sum_of(folder: str, place: str, kind: Kind) -> Found:
    """Describe a folder by the sum of all sizes in it and its latest change, folders' own included.

    Parameters
    ----------
    folder
        The folder, absolute; what vanishes while it is looked at doesn't count.
    place
        Where its images belong below the target.
    kind
        How it is taken.
    """
    size, latest = 0, 0
    for root, _, names in os.walk(folder):
        for path in (root, *(os.path.join(root, name) for name in names)):
            try:
                status = os.lstat(path)
            except OSError:
                continue
            size += status.st_size if path != root else 0
            latest = max(latest, status.st_mtime_ns)
    return Found(folder, place, kind, size, latest)
