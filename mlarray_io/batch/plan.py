"""What a batch has left to do: all that was found, but for what the journal knows as done and unchanged."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mlarray_core.errors import OptionError
from mlarray_io.batch.jobs import Job
from mlarray_io.search.criteria import LeftOut, display_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlarray_io.batch.journal import Journal
    from mlarray_io.batch.journal_lines import Entry
    from mlarray_io.batch.settings import BatchSettings
    from mlarray_io.places.place import Place
    from mlarray_io.search.criteria import Found
    from mlarray_io.search.sources import Search

Shard = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Skip:
    """One source that is done already, what the journal says of it, and its place below the target."""

    source: str
    entry: Entry
    place: str


def plan(
    sources: Sequence[str], search: Search, journal: Journal, settings: BatchSettings
) -> Iterator[Job | Skip | LeftOut]:
    """Yield what is to do, what is done and what is left out, in a fixed order.

    A source is done when the journal says so with its present size and time, with the same options, and its
    targets are there with the sizes that they had.

    Parameters
    ----------
    sources
        Files, folders, patterns and lists.
    search
        Finds what they hold.
    journal
        What earlier runs did.
    settings
        What is asked for now.
    """
    options = settings.fingerprint()
    stored = Stored(settings.target)
    for found in search.search(sources):
        if isinstance(found, LeftOut):
            yield found
            continue
        name = display_name(found.path)
        entry, begun = journal.entry(name), journal.has_begun(name)
        ended = entry is not None and not begun
        privacy = settings.conversion.privacy
        place = found.place if privacy is None else privacy.place(found.place)
        again = settings.conversion.overwrite
        if entry and ended and not again and _is_done(found, entry, options, settings, stored):
            yield Skip(name, entry, place)
        else:
            ours = entry is not None or begun
            yield Job(found.path, place, found.kind, found.size, found.mtime_ns, ours)


def belongs(place: str, shard: Shard) -> bool:
    """Whether the image at `place` is of this shard, the same on every machine whatever else is there."""
    number, count = shard
    return zlib.crc32(place.encode("utf-8", "surrogateescape")) % count == number - 1


def read_shard(text: str) -> Shard:
    """Read ``2/8``, the second of eight parts.

    Raises
    ------
    OptionError
        It is spelt otherwise, or isn't one of the parts.
    """
    first, _, second = text.partition("/")
    if not (first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second)):
        raise OptionError(f"expected I/N, such as 1/8 to 8/8, not {text!r}", field="--shard")
    return int(first), int(second)


def _is_done(found: Found, entry: Entry, options: str, settings: BatchSettings, stored: Stored) -> bool:
    if entry.state != "done" or (entry.size, entry.mtime_ns) != (found.size, found.mtime_ns):
        return False
    if entry.options != options or (settings.verify and not entry.verified):
        return False
    pairs = zip(entry.targets[::2], entry.targets[1::2], strict=True)
    return all(stored.has(str(path), int(size)) for path, size in pairs)


class Stored:
    """What lies in the target already.

    Parameters
    ----------
    target
        The folder; one at a URL is listed once, when it is first asked about.
    """

    def __init__(self, target: Place) -> None:
        self._target, self._path = target, target.local

    def has(self, path: str, size: int) -> bool:
        """Whether a file of this size is there; -1 for a folder."""
        if self._path is None:
            return path in self._listed and (size < 0 or self._listed[path] in (size, None))
        try:
            status = os.stat(os.path.join(self._path, path))
            return size < 0 or status.st_size == size
        except OSError:
            return False

    @cached_property
    def _listed(self) -> dict[str, int | None]:
        from mlarray_io.places.listing import listing

        found: dict[str, int | None] = {}
        for entry in listing(self._target.text) if self._target.exists() else ():
            found[entry.name] = entry.size
            folders = entry.name.split("/")[:-1]
            found.update({"/".join(folders[: count + 1]): None for count in range(len(folders))})
        return found
