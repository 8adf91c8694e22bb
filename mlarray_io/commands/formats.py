"""The command ``formats``: what is installed, or who would read a file."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlarray_io.catalogue import formats
from mlarray_io.engine import foreign
from mlarray_io.engine.registry import installed
from mlarray_io.places.place import place_of
from mlarray_io.places.sources import source_at
from mlarray_io.printing import tables
from mlarray_io.printing.text import say, strict_json
from mlarray_io.sdk.requirements import install_line, missing

if TYPE_CHECKING:
    import os


def run(file: str | None, *, as_json: bool) -> bool:
    """Print the installed formats, or those that claim a file; return whether none does."""
    found = listing() if file is None else claims(file)
    if as_json:
        say(strict_json(found))
    elif file is None:
        tables.formats(found)
    else:
        tables.claims(found)
    return file is not None and not found["claims"]


def listing() -> dict[str, Any]:
    """Return the installed formats and broken plugins as JSON can hold them."""
    return {"formats": [asdict(format) for format in formats()], "broken": dict(installed().broken)}


def claims(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return which formats claim a file, and how surely, as JSON can hold it."""
    registry, source = installed(), source_at(place_of(path))
    found = [
        {
            "format": format.name,
            "confidence": confidence.name.lower(),
            "install": install_line(format) if missing(format) else None,
        }
        for format, confidence in registry.claims(source)
    ]
    known = None if found else foreign.recognised(source)
    return {
        "path": str(source.where),
        "claims": found,
        "known_as": None if known is None else known.name,
        "broken": dict(registry.broken),
    }
