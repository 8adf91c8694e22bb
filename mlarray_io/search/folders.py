"""The images below folders, behind globs and in lists, found by content before name."""

from __future__ import annotations

import glob
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.errors import MLArrayError, NotFoundError, ReadError
from mlarray_core.url_text import is_url
from mlarray_io.engine.registry import installed
from mlarray_io.places.place import place_of
from mlarray_io.places.url_names import name_of
from mlarray_io.sdk.format import Confidence
from mlarray_io.sdk.source import Source
from mlarray_io.search.criteria import Found, Kind, Known
from mlarray_io.search.listing import Listing, common
from mlarray_io.search.names import Names, is_chosen, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mlarray_io.sdk.format import Format

TRIED = 64
"""How many files of a folder are tried before it is taken for something else."""

INDEXES = frozenset({"dicomdir"})
"""Files that only list others (PS3.10, 8.6): they make no collection of the folder that they lie in, and no
image beside the files that they list, which are found anyway."""


@dataclass
class Discovery:
    """Finds images, and counts what it leaves out.

    Parameters
    ----------
    include, exclude
        Patterns such as ``*.nii.gz`` or ``sub-*/anat/*``, compared with the name and with the path below the
        source. Nothing given includes everything.
    avoid
        A folder, or its URL, that isn't looked into: the target.
    known
        Size and time of a source that is known to hold images, so that it needn't be opened again.
    source_format
        Take every file for this format, instead of looking at it.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    avoid: str | None = None
    known: Callable[[str], Known | None] = lambda path: None
    source_format: str | None = None
    ignored: int = 0
    """Files that no format claims."""
    names: Names = field(init=False, default_factory=Names)

    def search(self, sources: Sequence[str]) -> Iterator[Found]:
        """Yield what the sources hold, in a fixed order.

        A single folder is mirrored into the target as it is, several ones each below its own name; a glob
        below the part before its first wildcard, a list (``@file``) below what its lines have in common.
        """
        names: Counter[str] = Counter()
        for one in sources:
            source = place_of(one).text
            if source.startswith("@"):
                yield from self._listed(_lines(source[1:]))
            elif is_url(source):
                single = len(sources) == 1 and source.endswith("/")
                yield from Listing(source, self).search("" if single else _unique(name_of(source), names))
            elif _is_glob(source):
                yield from self._listed(sorted(glob.glob(source, recursive=True)), _fixed_part(source))
            elif os.path.isdir(source):
                top = _unique(Source(source).name, names) if len(sources) > 1 else ""
                yield from self._folder(os.path.abspath(source), top)
            else:
                place = _unique(self.names.stem(os.path.basename(source)), names)
                yield _stat(os.path.abspath(source), place)

    def _listed(self, paths: Sequence[str], base: str | None = None) -> Iterator[Found]:
        """Yield what lists and globs name; what isn't there is found too, and fails when it is converted."""
        urls = [path for path in dict.fromkeys(paths) if is_url(path)]
        same = common(urls)
        for url in urls:
            yield from Listing(url, self).search(join(*url.split("/")[same:-1], name_of(url)))
        absolute = [os.path.abspath(path) for path in dict.fromkeys(paths) if not is_url(path)]
        if not absolute:
            return
        start = os.path.abspath(base) if base is not None else _common(absolute)
        groups: dict[str, list[str]] = {}
        for path in absolute:
            groups.setdefault(os.path.dirname(path), []).append(os.path.basename(path))
        for folder, names in groups.items():
            places = self.names.places(names)
            for name in names:
                path = os.path.join(folder, name)
                relative = os.path.relpath(folder, start)
                if os.path.isdir(path):
                    yield from self._folder(path, join(relative, name))
                elif self.wants((join(relative, name),)):
                    yield _stat(path, join(relative, places[name]))

    def _folder(self, root: str, top: str) -> Iterator[Found]:
        """Yield what lies below one folder."""
        waiting: list[tuple[str, str, Format | None]] = [(root, "", None)]
        while waiting:
            folder, relative, owner = waiting.pop()
            files, folders = self._entries(folder)
            if owner is None and files and self.source_format is None:
                owner, whole = self.claimed(folder, [entry.name for entry in files])
                if owner is not None and self._wanted_folder(relative, files):
                    place = join(top, relative)
                    if whole:
                        stem = self.names.stem(os.path.basename(place) or os.path.basename(folder))
                        place = join(os.path.dirname(place), stem)
                    yield _sum(folder, place, "folder" if whole else "collection")
                if whole:
                    continue
            yield from self._files(files, [entry.name for entry in folders], relative, top, owner)
            waiting += [
                (entry.path, join(relative, entry.name), owner) for entry in reversed(folders)
            ]  # reversed: the last is taken first

    def _entries(self, folder: str) -> tuple[list[os.DirEntry[str]], list[os.DirEntry[str]]]:
        """Return the files and folders of a folder by name, without hidden ones and links to folders."""
        try:
            with os.scandir(folder) as found:
                entries = sorted((e for e in found if not e.name.startswith(".")), key=lambda e: e.name)
        except OSError as error:
            raise ReadError(f"can't be read: {error.strerror}", path=folder) from error
        files = [entry for entry in entries if entry.is_file()]
        folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        if self.avoid is not None:
            avoid = os.path.realpath(self.avoid)
            folders = [entry for entry in folders if os.path.realpath(entry.path) != avoid]
        return files, folders

    def _files(
        self,
        files: Sequence[os.DirEntry[str]],
        folders: Sequence[str],
        relative: str,
        top: str,
        owner: Format | None,
    ) -> Iterator[Found]:
        names = [entry.name for entry in files]
        places = self.names.places(names, folders)
        partners = self.names.partners(names, places)
        chosen = self.include or self.exclude
        for entry in files:
            if chosen and not self.wants((join(relative, entry.name),)):
                continue
            if entry.name.lower() in INDEXES and folders:
                continue
            status = entry.stat()
            seen = self.known(entry.path) == (status.st_size, status.st_mtime_ns)
            if entry.name in partners or not (seen or self._holds_image(entry.path, owner)):
                self.ignored += owner is None and entry.name not in partners
                continue
            place = join(top, relative, places[entry.name])
            yield Found(entry.path, place, "file", status.st_size, status.st_mtime_ns)

    def _holds_image(self, path: str, owner: Format | None) -> bool:
        """Whether a format claims a file, one other than that of the collection that it lies in."""
        if self.source_format is not None:
            return True
        named = self.names.format(os.path.basename(path))
        if owner is not None and named in (None, owner):
            return False
        try:
            claims = installed().claims(Source(path))
        except MLArrayError:
            return named is not None  # unreadable: reported when it is converted
        return bool(claims) and claims[0][0] is not owner

    def claimed(self, folder: str, names: Sequence[str]) -> tuple[Format | None, bool]:
        """Return the format that takes a folder's files together, and whether it takes the folder whole."""
        claims = installed().claims(Source(folder))
        if not claims or claims[0][1] < Confidence.SIGNATURE:
            return None, False
        format = claims[0][0]
        # a file may have the suffix of any format: exports of some archives call DICOM files *.img
        candidates = sorted(
            (name for name in names if name.lower() not in INDEXES),
            key=lambda name: self.names.format(name) not in (None, format),
        )
        if _claims_any(format, (os.path.join(folder, name) for name in candidates[:TRIED])):
            return format, False
        if _claims_any(format, _first_below(folder)):
            return None, False
        return format, True

    def wants(self, paths: Iterable[str]) -> bool:
        """Whether one of the paths below a source is asked for."""
        return is_chosen(paths, self.include, self.exclude)

    def _wanted_folder(self, relative: str, files: Sequence[os.DirEntry[str]]) -> bool:
        """Whether a folder that is taken as one, or a file in it, is asked for."""
        names = [join(relative, entry.name) for entry in files]
        included = is_chosen((relative, *names), self.include, ())
        return included and is_chosen((relative,), (), self.exclude)


def _claims_any(format: Format, paths: Iterable[str]) -> bool:
    for path in paths:
        try:
            if format.sniff(Source(path)) >= Confidence.SIGNATURE:
                return True
        except MLArrayError:
            continue
    return False


def _first_below(folder: str) -> Iterator[str]:
    count = 0
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield os.path.join(root, name)
            count += 1
            if count == TRIED:
                return


def _stat(path: str, place: str) -> Found:
    """Describe a file that was named; one that isn't there is described as that."""
    try:
        status = os.stat(path)
    except OSError:
        return Found(path, place)
    return Found(path, place, "file", status.st_size, status.st_mtime_ns)


def _sum(folder: str, place: str, kind: Kind) -> Found:
    """Describe a folder by the sum of all sizes in it and its latest change, folders' own included."""
    size, latest = 0, 0
    for root, _, names in os.walk(folder):
        latest = max(latest, os.stat(root).st_mtime_ns)
        for name in names:
            status = os.lstat(os.path.join(root, name))
            size, latest = size + status.st_size, max(latest, status.st_mtime_ns)
    return Found(folder, place, kind, size, latest)


def _lines(path: str) -> list[str]:
    """Return the paths in a list: one a line, ``#`` at its start for a remark."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except FileNotFoundError as error:
        raise NotFoundError("there is no such list", path=path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError("is no list of paths that can be read", path=path) from error
    return [line for line in lines if line and not line.startswith("#")]


def is_several(source: str) -> bool:
    """Whether a source on the command line is a list or a pattern."""
    return source.startswith("@") or (not is_url(source) and _is_glob(source))


def _is_glob(source: str) -> bool:
    return glob.has_magic(source) and not os.path.exists(source)


def _fixed_part(pattern: str) -> str:
    """Return the folders of a pattern before the first that has a wildcard."""
    parts = Path(pattern).parts
    fixed = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return str(Path(*parts[:fixed])) if fixed else "."


def _common(paths: Sequence[str]) -> str:
    return os.path.commonpath([os.path.dirname(path) for path in paths])


def _unique(name: str, names: Counter[str]) -> str:
    names[name.lower()] += 1
    count = names[name.lower()]
    return name if count == 1 else f"{name}_{count}"
