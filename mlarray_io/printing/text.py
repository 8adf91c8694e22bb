"""Text for a terminal or a program: made safe to print, wrapped, as strict JSON."""

from __future__ import annotations

import sys
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

LONGEST = 400
"""How many characters of one value a table shows."""


def say(text: str, *, err: bool = False) -> None:
    """Print one line on standard output, or on standard error."""
    print(text, file=sys.stderr if err else sys.stdout, flush=True)


def strict_json(value: object, indent: int = 2) -> str:
    """Return JSON that every parser takes: sorted, NaN and infinities as strings."""
    import json

    return json.dumps(_strict(value), indent=indent, sort_keys=True, allow_nan=False)


def _strict(value: object) -> Json:
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not -inf < value < inf:
        return str(value)
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


def printable(text: str) -> str:
    """Return `text` on one line, with what could steer a terminal escaped: it may come from a file."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def amount(count: int) -> str:
    """Spell a number of bytes for a person."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def counted(count: int, what: str) -> str:
    """Say how many there are: ``1 image``, ``1,200 images``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def flat(value: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each value of nested dicts with its path."""
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield from flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value_text(item)


def value_text(value: object) -> str:
    """Return a value of metadata on one line, cut when it is very long."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, list | tuple):
        import json

        text = json.dumps(_strict(list(value)))
    else:
        text = "none" if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def smaller(stored: int, voxels: int) -> str:
    """Say how the size of a file compares with that of its voxels, both in bytes."""
    if not stored or not voxels:
        return "no voxels"
    if stored <= voxels:
        return f"{voxels / stored:.2f} times smaller than its voxels"
    return f"{stored / voxels:.2f} times larger than its voxels"


def wrapped(text: str, width: int) -> list[str]:
    """Return a text cut into lines of at most `width` characters, between words where that is possible."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
        while len(line) > width:
            lines.append(line[:width])
            line = line[width:]
    return [*lines, line]
