"""The Basic Application Level Confidentiality Profile as tables (DICOM PS3.15 2026d, E.1-1 and E.3.10-1).

``attributes.tsv`` has one line for each attribute: its tag, what the basic profile does with it, what options
of the profile do instead, and its name. ``safe_private.tsv`` has the private elements that the standard lists
as safe. The columns say nothing but what the standard's tables say.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PRIVATE = "private"
"""The row of all private attributes."""
ACTIONS = frozenset({"D", "Z", "X", "K", "C", "U", "Z/D", "X/Z", "X/D", "X/Z/D", "X/Z/U*"})
"""Every action of table E.1-1a."""
FIRST_BLOCK, LAST_BLOCK = 0x10, 0xFF
"""Elements of an odd group that name the creator of a block (PS3.5, 7.8.1)."""


@dataclass(frozen=True)
class Row:
    """What happens to one attribute.

    Attributes
    ----------
    name
        Of the attribute.
    action
        Of the basic profile.
    options
        Actions by the option that they are of.
    """

    name: str
    action: str
    options: Mapping[str, str]


@cache
def attributes() -> dict[str, Row]:
    """Return all rows by tag, eight hexadecimal digits, with ``x`` for any digit; private ones as one."""
    found = {}
    for tag, action, options, name in _lines("attributes.tsv"):
        pairs = (pair.partition("=") for pair in options.split())
        found[tag] = Row(name, action, {option: taken for option, _, taken in pairs})
    return found


def row_of(tag: str) -> Row | None:
    """Return what the table says of a tag; None when it says nothing."""
    rows = attributes()
    found = rows.get(tag)
    if found is None and is_private(tag):
        return rows[PRIVATE]
    if found is None and tag[:2] in ("50", "60"):
        return rows.get(f"{tag[:2]}xxxxxx") or rows.get(f"{tag[:2]}xx{tag[4:]}")
    return found


def is_private(tag: str) -> bool:
    """Say whether a tag is of an odd group."""
    return int(tag[3], 16) % 2 == 1


def is_creator(tag: str) -> bool:
    """Say whether a private element names who made the elements of its block."""
    return is_private(tag) and FIRST_BLOCK <= int(tag[4:], 16) <= LAST_BLOCK


@cache
def safe_private() -> frozenset[tuple[str, str, str]]:
    """Return the safe private elements: creator, group, and element within its block."""
    return frozenset(
        (creator, group, element)
        for creator, group, elements in _lines("safe_private.tsv")
        for element in _elements(elements)
    )


def _elements(ranges: str) -> Iterator[str]:
    """Yield the elements of ranges such as ``01-0C 0E``."""
    for part in ranges.split():
        first, _, last = part.partition("-")
        yield from (f"{number:02X}" for number in range(int(first, 16), int(last or first, 16) + 1))


def _lines(name: str) -> Iterator[list[str]]:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    yield from (line.split("\t") for line in text.splitlines()[1:])
