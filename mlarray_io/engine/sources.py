"""Sources opened wherever they are: at a path, at a URL where the format reads those, fetched otherwise."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlarray_io.engine.registry import installed
from mlarray_io.places.fetching import fetch, local_copy
from mlarray_io.places.sources import UrlSource
from mlarray_io.sdk.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_io.places.place import Place
    from mlarray_io.sdk.format import Format


@contextmanager
def opened(place: Place, format: str | None = None) -> Iterator[tuple[Source, Format]]:
    """Yield the source at a place, and the format to read it with.

    A URL is read in place by a format that can; everything else is fetched, with the files that belong to it
    by name, into a temporary folder that is removed in the end.

    Parameters
    ----------
    place
        A path or a URL.
    format
        Name of the format; None to find it out.

    Raises
    ------
    MLArrayError
        There is nothing, it can't be read or fetched, or no format takes it.
    """
    if place.local is not None:
        source = Source(place.local)
        yield source, installed().identify(source, format)
        return
    remote = UrlSource(place.text)
    reading = _in_place(remote, format)
    if reading is not None:
        yield remote, installed().identify(remote, reading.name)
        return
    with local_copy(place.text) as path:
        source = Source(path)
        source.where = place.shown
        reading = installed().identify(source, format)
        for other in (*reading.companions(path), *reading.sidecars(path)):
            companion = place.beside(other.name)
            if companion.exists():
                fetch(companion.text, other)
        yield source, reading


def _in_place(remote: UrlSource, name: str | None) -> Format | None:
    """Return the format that reads a source at its URL; None when it must be fetched."""
    if name is not None:
        found = installed().get(name)
    else:
        claim = installed().surest(remote)
        if claim is None:
            return None
        found = claim[0]
    return found if found.reads_urls and remote.in_parts else None
