"""What a batch has left to do: all that was found, but for what the journal knows as done and unchanged."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mlarray_core.errors import OptionError
from mlarray_io.batch.jobs import Job
from mlarray_io.search.criteria import told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlarray_io.batch.jobs import Order
    from mlarray_io.batch.journal import Entry, Journal
    from mlarray_io.places.place import Place
    from mlarray_io.search.criteria import Found
    from mlarray_io.search.folders import Discovery

Shard = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Skip:
    """One source that is done already, and what the journal says of it."""

    source: str
    entry: Entry


def plan(
    sources: Sequence[str], discovery: Discovery, journal: Journal, order: Order, shard: Shard | None = None
) -> Iterator[Job | Skip]:
    """Yield what is to do and what is done, in a fixed order.

    A source is done when the journal says so with its present size and time, with the same options, and its
    targets are there with the sizes that they had.
    """
    digest = fingerprint(order)
    stored = Stored(order.target)
    for found in discovery.search(sources):
        if shard is not None and not belongs(found.place, shard):
            continue
        name = told(found.path)
        entry = journal.entries.get(name)
        ended = entry is not None and name not in journal.begun
        if entry and ended and not order.settings.overwrite and _is_done(found, entry, digest, order, stored):
            yield Skip(name, entry)
        else:
            ours = entry is not None or name in journal.begun
            yield Job(found.path, found.place, found.kind, found.size, found.mtime_ns, ours)


def fingerprint(order: Order) -> str:
    """Return a digest of everything that decides what a target holds."""
    settings = order.settings
    asked = {
        name: getattr(settings, name)
        for name in sorted(settings.__dataclass_fields__)
        if name not in ("overwrite", "threads", "max_bytes", "strict")
    }
    text = json.dumps([asked, order.suffix, order.image], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


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


def _is_done(found: Found, entry: Entry, digest: str, order: Order, stored: Stored) -> bool:
    if entry.state != "done" or (entry.size, entry.mtime_ns) != (found.size, found.mtime_ns):
        return False
    if entry.options != digest or (order.verify and not entry.verified):
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
        self._target = target
        self._local = target.local

    def has(self, path: str, size: int) -> bool:
        """Whether a file of this size is there; -1 for a folder."""
        if self._local is None:
            return path in self._listed and (size < 0 or self._listed[path] in (size, None))
        try:
            status = os.stat(os.path.join(self._local, path))
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
