"""What names of files say: format and stem, where results belong, which files belong together."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_io.engine.registry import installed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlarray_io.sdk.format import Format


class Names:
    """The suffixes of all formats that can be read."""

    def __init__(self) -> None:
        self._suffixes = installed().suffixes.read

    def format(self, name: str) -> Format | None:
        """Return the format of a name by its suffix, if it has one that is known."""
        return self._split(name)[1]

    def stem(self, name: str) -> str:
        """Return a name without its suffix."""
        return self._split(name)[0]

    def places(self, names: Sequence[str], folders: Sequence[str] = ()) -> dict[str, str]:
        """Return the stem of each name; of those that share one, all but the first keep the whole name."""
        taken = {self.stem(name).lower() for name in folders if self.format(name) is not None}
        places = {}
        for unnamed, name in sorted((self.format(name) is None, name) for name in names):
            stem = self.stem(name)
            places[name] = name if stem.lower() in taken else stem
            if not unnamed:
                taken.add(places[name].lower())
        return places

    def partners(self, names: Sequence[str], places: Mapping[str, str]) -> set[str]:
        """Return the names that belong to another file, such as the ``.img`` of a ``.hdr``."""
        partners: set[str] = set()
        present = set(names)
        if all(places[name] != name for name in names):
            return partners  # all stems differ, and a partner's is the same
        for name in names:
            format = self.format(name)
            if format is not None and name not in partners:
                partners.update(present.intersection(path.name for path in format.companions(Path(name))))
        return partners

    def _split(self, name: str) -> tuple[str, Format | None]:
        """Return a name without its suffix, and the format of that, by the longest suffix that is known."""
        low = name.lower()
        at = low.find(".", 1)
        while at > 0:
            format = self._suffixes.get(low[at:])
            if format is not None:
                return name[:at], format
            at = low.find(".", at + 1)
        return name, None


def fitting(paths: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Return those patterns that one of the paths fits.

    Parameters
    ----------
    paths
        Of one source, relative to where the search started.
    patterns
        Of the shell, compared with the path and with its last part, and with those of the folders that it
        lies in: a folder that fits takes along all that is in it. ``**/`` may stand for no folder.
    """
    if not patterns:
        return []
    upwards = {part for path in paths for part in _upwards(path)}
    return [one for one in patterns if any(_fits(path, one) for path in upwards)]


def _upwards(path: str) -> Iterator[str]:
    """Yield a path and the folders that it lies in."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _fits(path: str, pattern: str) -> bool:
    short = pattern
    while short.startswith("**/"):
        short = short[3:]
    name = path.rpartition("/")[2]
    return fnmatchcase(path, pattern) or fnmatchcase(path, short) or fnmatchcase(name, short)


def join(*parts: str) -> str:
    """Return the parts of a place that say something, with slashes between them."""
    return "/".join(part for part in parts if part not in ("", "."))
