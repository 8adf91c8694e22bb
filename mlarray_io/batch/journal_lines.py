"""Lines of a journal, checked: a journal that lies in a target may have been written by anyone."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from sys import intern
from typing import IO, TYPE_CHECKING

from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST_LINE = 64 << 20
"""Bytes of a line: a source of some 300,000 images."""
_BLOCK = 4 << 20
"""Bytes that are read and parsed at once, which takes half the time of line by line."""
_SOURCE_STATES = ("started", "done", "failed", "empty")


@dataclass(slots=True)
class Entry:
    """What the journal knows of one source that was done, or failed.

    Attributes
    ----------
    size, mtime_ns
        Of the source when it was converted.
    options
        Digest of everything that was asked for.
    state
        ``done``, ``failed``, or ``empty`` when it held no image.
    verified
        Whether the result was read back and compared with the source.
    targets
        Path below the target and size of each file that was written; -1 for a folder.
    voxel_bytes
        Of all images of the source.
    secret
        Tells the secrets apart that pseudonyms were made with; empty for names.
    """

    size: int
    mtime_ns: int
    options: str
    state: str
    verified: bool
    targets: tuple[str | int, ...]
    voxel_bytes: int = 0
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """A source that was begun, and its place below the target."""

    place: str


def read_lines(file: IO[bytes], path: Path) -> Iterator[tuple[str, Entry | Begun]]:
    """Yield each line of a journal as a source and what it says; one that a kill cut short says nothing.

    Parameters
    ----------
    file
        The journal.
    path
        Where it lies, for errors.

    Raises
    ------
    CorruptError
        A line is no line of a journal, or names a place outside of the target.
    """
    for lines in _blocks(file, path):
        for line in _parsed(lines):
            if isinstance(line, dict) and line.get("state") in _SOURCE_STATES:
                try:
                    yield str(line["source"]), checked(line)
                except (KeyError, TypeError, ValueError) as error:
                    raise CorruptError(
                        f"is no journal of a batch ({_spelt(error)})",
                        path=path,
                        hint="Remove it: what it knows as done is then converted again",
                    ) from None


def checked(line: dict[str, object]) -> Entry | Begun:
    """Return what a line says.

    Raises
    ------
    KeyError, TypeError, ValueError
        Something is missing, of another type, or leads out of the target.
    """
    if not isinstance(line["source"], str):
        raise TypeError("a source that is no text")
    if line["state"] == "started":
        return Begun(inside(line.get("place") or ""))
    targets: list[str | int] = []
    images = line.get("images") or ()
    if not isinstance(images, list | tuple):
        raise TypeError("images that are no list")
    for image in images:
        targets += (inside(image["target"]), _whole(image.get("size", image["bytes"])))
    options, state = line["options"], line["state"]
    if not isinstance(options, str) or not isinstance(state, str):
        raise TypeError("options that are no text")
    return Entry(
        _whole(line["size"]),
        _whole(line["mtime_ns"]),
        intern(options),
        intern(state),
        "verified" in line,
        tuple(targets),
        _whole(line.get("voxel_bytes", 0)),
        str(line.get("secret", "")),
    )


def inside(place: object) -> str:
    """Return a place below the target.

    Raises
    ------
    ValueError
        It leads out of it, or is none.
    """
    if not isinstance(place, str):
        raise TypeError("a place that is no text")
    parts = place.replace("\\", "/").split("/")
    drive = re.match(r"[A-Za-z]:[\\/]", place) is not None or (os.name == "nt" and ":" in place)
    absolute = place.startswith(("/", "\\")) or drive
    if absolute or ".." in parts or "\0" in place or (place and "" in parts):
        raise ValueError(f"the place {place[:80]!r} is outside of the target")
    return place


def _whole(value: object) -> int:
    if type(value) is not int:  # True is an int too
        raise TypeError("a size that is no whole number")
    return value


def _spelt(error: Exception) -> str:
    return f"a line without {error}" if isinstance(error, KeyError) else str(error)


def _blocks(file: IO[bytes], path: Path) -> Iterator[list[bytes]]:
    """Yield the lines of a file, many at a time."""
    rest = b""
    while block := file.read(_BLOCK):
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise CorruptError("is no journal of a batch (a line without end)", path=path, hint="Remove it")
        yield [line for line in lines if line]
    if rest:
        yield [rest]


def _parsed(lines: list[bytes]) -> list[object]:
    try:
        found: list[object] = json.loads(b"[" + b",".join(lines) + b"]")
    except (ValueError, RecursionError):
        return [_line(line) for line in lines]
    return found


def _line(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
