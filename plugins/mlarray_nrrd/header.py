"""A header as a whole: read from a file, kept in `meta.source`, and brought back from there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError, LimitError, UnsupportedError
from mlarray_core.headers import plain, restore
from mlarray_nrrd.lines import Line, one_line, parse_line, spelt, spelt_pair

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlarray_nrrd.lines import Fields

LARGEST = 16 << 20
"""Bytes of a header. Diffusion images with hundreds of gradients have some 50,000."""

MOST_LINES = 200_000
NEWEST = 5
"""The version that the definition describes."""

_MAGIC = re.compile(r"NRRD00(\d\d|\.01)")
_END = re.compile(rb"\r?\n\r?\n")
_PIECE = 1 << 16


@dataclass(frozen=True)
class Header:
    """A header.

    Parameters
    ----------
    lines
        All lines, the magic first, without the empty one that ends the header.
    """

    lines: tuple[Line, ...]

    @property
    def fields(self) -> Fields:
        """Values by field, in their order."""
        return {line.name: line.value for line in self.lines if line.kind == "field"}

    @property
    def pairs(self) -> list[tuple[str, Any]]:
        """Keys and values, in their order."""
        return [(line.name, line.value) for line in self.lines if line.kind == "pair"]

    @property
    def files(self) -> list[str]:
        """Names of data files, one a line."""
        return [line.text.strip() for line in self.lines if line.kind == "file"]


def read_header(path: Path) -> tuple[Header, int]:
    """Return the header of a file, and where in the file the data begin.

    Raises
    ------
    CorruptError
        It isn't a header.
    LimitError
        It is larger than any that is meant.
    UnsupportedError
        Its version is newer than what is known.
    """
    content, end = _content(path)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return parse([line.rstrip("\r") for line in text.split("\n")], path), end


def parse(texts: list[str], path: Path) -> Header:
    """Return the header that lines of text make up.

    Raises
    ------
    CorruptError
        They don't.
    """
    _check_magic(texts[0], path)
    lines = [Line(texts[0], "magic")]
    listing, seen = False, dict[str, Any]()
    for text in texts[1:]:
        if listing and not text.startswith("#"):
            lines.append(Line(text, "file"))
            continue
        line = parse_line(text, path)
        if line.kind == "field":
            if line.name in seen and seen[line.name] != line.value:
                raise CorruptError("stands there twice, with different values", path=path, field=line.name)
            seen[line.name] = line.value
            listing = line.name == "data file" and line.value.split()[:1] == ["LIST"]
        lines.append(line)
    return Header(tuple(lines))


def to_source(header: Header) -> dict[str, Any]:
    """Return a header as `meta.source` holds it: fields and pairs as values, and how they were written."""
    return {
        "fields": {name: plain(value) for name, value in header.fields.items()},
        "key_values": [[plain(key), plain(value)] for key, value in header.pairs],
        "lines": [plain(line.text) for line in header.lines],
    }


def is_source(source: Mapping[str, Any]) -> bool:
    """Say whether `meta.source` is of this format."""
    lines = source.get("lines") or [""]
    return "key_values" in source and str(lines[0]).startswith("NRRD")


def from_source(source: Mapping[str, Any], path: Path) -> Header:
    """Return the header that `meta.source` holds. What was edited there is written anew, the rest as it was.

    Raises
    ------
    CorruptError
        It was edited into something that isn't a header.
    MetadataError
        A text has a line end, which would make one line several.
    """
    header = parse([one_line(str(restore(text)), "source.lines") for text in source["lines"]], path)
    fields = {str(name): restore(value) for name, value in source["fields"].items()}
    pairs = [(str(restore(key)), restore(value)) for key, value in source["key_values"]]
    kept = [line for line in header.lines if line.kind != "field" or line.name in fields]
    lines = [_edited(line, fields) for line in kept]
    lines += [
        Line(spelt(name, fields[name]), "field", name, fields[name]) for name in fields.keys() - header.fields
    ]
    if _plain_pairs(pairs) != _plain_pairs(header.pairs):
        lines = list(_with_pairs(lines, pairs))
    return Header(tuple(lines))


def _edited(line: Line, fields: Fields) -> Line:
    if line.kind != "field" or plain(fields[line.name]) == plain(line.value):
        return line
    return Line(spelt(line.name, fields[line.name]), "field", line.name, fields[line.name])


def _plain_pairs(pairs: list[tuple[str, Any]]) -> list[Any]:
    return [[key, plain(value)] for key, value in pairs]


def _with_pairs(lines: list[Line], pairs: list[tuple[str, Any]]) -> Iterator[Line]:
    """Yield `lines` with other pairs: those with unchanged neighbours stay where they are."""
    slots = [line for line in lines if line.kind == "pair"]
    same = len(slots) == len(pairs)
    fresh = [Line(spelt_pair(key, value), "pair", key, value) for key, value in pairs]
    left = iter(fresh)
    for line in lines:
        if line.kind != "pair":
            yield line
        elif same:
            new = next(left)
            yield line if (line.name, plain(line.value)) == (new.name, plain(new.value)) else new
    yield from left


def _content(path: Path) -> tuple[bytes, int]:
    """Return the bytes before the empty line, and where the data begin after it."""
    found = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            searched = max(len(found) - 3, 0)
            found += piece
            if end := _END.search(found, searched):
                found, after = found[: end.start()], end.end()
                break
            if len(found) > LARGEST:
                raise LimitError(f"its header is over {LARGEST:,} bytes long", path=path)
        else:
            found, after = found.rstrip(b"\r\n"), len(found)
    if found.count(b"\n") > MOST_LINES:
        raise LimitError(f"its header has over {MOST_LINES:,} lines", path=path)
    return found, after


def _check_magic(text: str, path: Path) -> None:
    found = _MAGIC.fullmatch(text.rstrip())
    if found is None:
        raise CorruptError("doesn't begin with the magic of NRRD", path=path)
    if found[1].isdigit() and int(found[1]) > NEWEST:
        raise UnsupportedError(f"is NRRD version {int(found[1])}, known are 1 to {NEWEST}", path=path)
