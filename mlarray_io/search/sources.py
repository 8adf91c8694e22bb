"""What the sources on a command line hold: files, folders, patterns, lists and URLs."""

from __future__ import annotations

import glob
import os
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.errors import NotFoundError
from mlarray_core.url_text import is_url
from mlarray_io.places.place import place_of
from mlarray_io.places.side_files import read_text
from mlarray_io.places.url_names import name_of
from mlarray_io.sdk.source import Source
from mlarray_io.search.criteria import Criteria, Found, LeftOut
from mlarray_io.search.folders import FolderWalk, stat_of
from mlarray_io.search.names import Names, join
from mlarray_io.search.url_folders import UrlWalk, common

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST_LIST = 256 << 20
"""Bytes of a list of sources: some two million long paths."""


class Search:
    """Finds the images that sources hold.

    Parameters
    ----------
    criteria
        What to look for; everything when left out.
    """

    def __init__(self, criteria: Criteria | None = None) -> None:
        self.criteria = Criteria() if criteria is None else criteria
        self._names = Names()
        self._folders = FolderWalk(self.criteria, self._names)
        self._urls = UrlWalk(self.criteria, self._names)

    def search(self, sources: Sequence[str]) -> Iterator[Found | LeftOut]:
        """Yield what the sources hold, in a fixed order, and what is left out.

        A single folder is mirrored into the target as it is, several ones each below its own name; a pattern
        below the part before its first wildcard, a list (``@file``) below what its lines have in common.
        """
        names: Counter[str] = Counter()
        for one in sources:
            source = place_of(one).text
            if source.startswith("@"):
                yield from self._listed(_lines(source[1:]))
            elif is_url(source):
                single = len(sources) == 1 and source.endswith("/")
                yield from self._urls.search(source, "" if single else _unique(name_of(source), names))
            elif _is_glob(source):
                yield from self._listed(sorted(glob.glob(source, recursive=True)), _fixed_part(source))
            elif os.path.isdir(source):
                top = _unique(Source(source).name, names) if len(sources) > 1 else ""
                yield from self._folders.search(os.path.abspath(source), top)
            else:
                place = _unique(self._names.stem(os.path.basename(source)), names)
                yield stat_of(os.path.abspath(source), place)

    def images(self, sources: Sequence[str]) -> list[Found]:
        """Return what the sources hold, without what is left out."""
        return [found for found in self.search(sources) if isinstance(found, Found)]

    def warn_idle(self) -> None:
        """Warn of patterns that nothing has fitted of what was found by now."""
        for text in self.criteria.idle():
            warnings.warn(text, stacklevel=2)

    def _listed(self, paths: Sequence[str], base: str | None = None) -> Iterator[Found | LeftOut]:
        """Yield what lists and patterns name; what isn't there is found too, and fails in a conversion."""
        urls = [path for path in dict.fromkeys(paths) if is_url(path)]
        same = common(urls)
        for url in urls:
            yield from self._urls.search(url, join(*url.split("/")[same:-1], name_of(url)))
        absolute = [os.path.abspath(path) for path in dict.fromkeys(paths) if not is_url(path)]
        if not absolute:
            return
        start = os.path.abspath(base) if base is not None else _common(absolute)
        groups: dict[str, list[str]] = {}
        for path in absolute:
            groups.setdefault(os.path.dirname(path), []).append(os.path.basename(path))
        for folder, names in groups.items():
            places = self._names.places(names)
            for name in names:
                path = os.path.join(folder, name)
                relative = os.path.relpath(folder, start)
                if os.path.isdir(path):
                    yield from self._folders.search(path, join(relative, name))
                elif self.criteria.wants((join(relative, name),)):
                    yield stat_of(path, join(relative, places[name]))


def _lines(path: str) -> list[str]:
    """Return the paths in a list: one a line, ``#`` at its start for a remark."""
    if not os.path.lexists(path):
        raise NotFoundError("there is no such list", path=path)
    lines = (line.strip() for line in read_text(Path(path), LONGEST_LIST).splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def folders_of(sources: Sequence[str]) -> list[str]:
    """Return the files and folders of this machine that sources name, patterns by the part that is fixed."""
    found: list[str] = []
    for one in sources:
        source = place_of(one).text
        if source.startswith("@"):
            found += sorted({os.path.dirname(line) or "." for line in _lines(source[1:]) if not is_url(line)})
        elif not is_url(source):
            found.append(_fixed_part(source) if _is_glob(source) else source)
    return found


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
