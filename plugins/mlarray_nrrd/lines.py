"""The lines of a header: comments, fields, key/value pairs, and what their texts mean.

Follows the NRRD definition (teem.sourceforge.net/nrrd/format.html) and its parser, parseNrrd.c: a line with a
known name before ``": "`` is a field, else one with ``":="`` is a pair, so a pair may be called like a field.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlarray_core.errors import CorruptError, MetadataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Fields = dict[str, Any]
"""Values of a header's fields by canonical name: numbers as numbers, lists where each axis has one."""

Kind = Literal["magic", "comment", "field", "pair", "file"]

ALIASES = {
    "datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip", "blocksize": "block size",
    "oldmin": "old min", "oldmax": "old max", "axismins": "axis mins", "axismaxs": "axis maxs",
    "sampleunits": "sample units", "centerings": "centers",
}  # fmt: skip

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_WHOLE = re.compile(r"-?(0|[1-9]\d*)")
_VECTOR = re.compile(r"\(([^()]*)\)")
_VECTORS = re.compile(r"none|\([^()]*\)|\S+", re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')


@dataclass(frozen=True)
class Line:
    """One line of a header.

    Parameters
    ----------
    text
        The line as it stands in the file.
    kind
        What it is; "file" is a name in the list of data files.
    name
        Canonical name of a field, key of a pair.
    value
        What the text means, with numbers as numbers.
    """

    text: str
    kind: Kind
    name: str = ""
    value: Any = None


def parse_line(text: str, path: Path) -> Line:
    """Return what one line after the magic is.

    Raises
    ------
    CorruptError
        It is nothing that a header can hold, or its value isn't what its field takes.
    """
    if text.startswith("#"):
        return Line(text, "comment")
    name, colon, rest = text.partition(": ")
    if not (colon and canonical(name) in FIELDS):
        key, sign, value = text.partition(":=")
        if sign:
            return Line(text, "pair", unescaped(key), typed(unescaped(value)))
        name, colon, rest = text.partition(":")
    name = canonical(name)
    if not colon or not name:
        raise CorruptError(f"has the line {text[:60]!r} in its header, which says nothing", path=path)
    try:
        return Line(text, "field", name, FIELDS.get(name, _text)(rest.strip()))
    except ValueError as error:
        raise CorruptError(f"{error}, got {rest.strip()[:60]!r}", path=path, field=name) from error


def canonical(name: str) -> str:
    """Return the usual spelling of a field's name."""
    name = name.strip().lower()
    return ALIASES.get(name, name)


def spelt(name: str, value: Any) -> str:
    """Return the line of a field.

    Raises
    ------
    MetadataError
        It has a line end.
    """
    return one_line(f"{name}: {_spelt_value(name, value)}", f"source.fields.{name}")


def spelt_pair(key: str, value: Any) -> str:
    """Return the line of a pair.

    Raises
    ------
    MetadataError
        It has a line end that can't be escaped.
    """
    return one_line(f"{escaped(key)}:={escaped(_spelt_typed(value))}", "source.key_values")


def one_line(text: str, field: str) -> str:
    """Return a text that is to be one line of a header.

    Raises
    ------
    MetadataError
        A line end would make it several.
    """
    if "\n" in text or "\r" in text:
        raise MetadataError(f"a line end in {text[:60]!r} would make it two lines", field=field)
    return text


def escaped(text: str) -> str:
    """Spell line ends and backslashes as key/value pairs do."""
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def unescaped(text: str) -> str:
    """Undo `escaped`."""
    return re.sub(r"\\([\\n])", lambda found: "\n" if found[1] == "n" else "\\", text)


def typed(text: str) -> Any:
    """Return the number, vector or list of these that a text surely is, else the text itself."""
    words = text.split()
    if len(text) > 1000 or not words:
        return text
    if all(map(_is_number, words)):
        return number(words[0]) if len(words) == 1 else [number(word) for word in words]
    found = _VECTOR.findall(text)
    parts = [[part.strip() for part in inner.split(",")] for inner in found]
    if not found or _VECTOR.sub("", text).strip() or not all(_is_number(p) for part in parts for p in part):
        return text
    vectors = [[number(part) for part in inner] for inner in parts]
    return vectors[0] if len(vectors) == 1 else vectors


def number(text: str) -> int | float:
    """Return a number as the text writes it, whole or not; NaN and infinities included."""
    return int(text) if _WHOLE.fullmatch(text) else float(text)


def _is_number(word: str) -> bool:
    """Say whether a word is a number and no code such as 007 or a UID."""
    plain = word.lstrip("+-")
    coded = len(plain) > 1 and plain[0] == "0" and plain[1].isdigit()
    return len(word) < 40 and not coded and _NUMBER.fullmatch(word) is not None


def _text(text: str) -> str:
    return text


def _whole(text: str) -> int:
    if not re.fullmatch(r"[-+]?\d{1,18}", text):
        raise ValueError("expected a whole number")
    return int(text)


def _wholes(text: str) -> list[int]:
    return [_whole(word) for word in text.split()]


def _numbers(text: str) -> list[int | float]:
    try:
        return [number(word) for word in text.split()]
    except ValueError:
        raise ValueError("expected numbers") from None


def _one_number(text: str) -> int | float:
    try:
        return number(text)
    except ValueError:
        raise ValueError("expected a number") from None


def _words(text: str) -> list[str]:
    return text.split()


def _quoted(text: str) -> list[str]:
    return [bare or re.sub(r"\\(.)", r"\1", quoted) for quoted, bare in _QUOTED.findall(text)]


def _vector(text: str) -> list[int | float]:
    found = _VECTOR.fullmatch(text.strip())
    if found is None:
        raise ValueError("expected a vector such as (1,0,0)")
    return [_one_number(part.strip()) for part in found[1].split(",")]


def _vectors(text: str) -> list[list[int | float] | None]:
    return [None if word.lower() == "none" else _vector(word) for word in _VECTORS.findall(text)]


FIELDS: dict[str, Callable[[str], Any]] = {
    "dimension": _whole, "type": _text, "encoding": _text, "endian": _text, "content": _text,
    "block size": _whole, "sizes": _wholes, "spacings": _numbers, "thicknesses": _numbers,
    "axis mins": _numbers, "axis maxs": _numbers, "min": _one_number, "max": _one_number,
    "old min": _one_number, "old max": _one_number, "data file": _text, "line skip": _whole,
    "byte skip": _whole, "number": _text, "sample units": _text, "labels": _quoted, "units": _quoted,
    "kinds": _words, "centers": _words, "space": _text, "space dimension": _whole, "space units": _quoted,
    "space origin": _vector, "space directions": _vectors, "measurement frame": _vectors,
}  # fmt: skip
"""What each field's text means (NRRD definition, sections 4 to 6)."""


def _spelt_value(name: str, value: Any) -> str:
    if name in ("space directions", "measurement frame"):
        return " ".join("none" if vector is None else _spelt_vector(vector) for vector in value)
    if name == "space origin":
        return _spelt_vector(value)
    if FIELDS.get(name) is _quoted:
        return " ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in value)
    if isinstance(value, list):
        return " ".join(map(_spelt_number, value))
    return _spelt_number(value)


def _spelt_typed(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], list):
        return " ".join(map(_spelt_vector, value))
    return " ".join(map(_spelt_number, value)) if isinstance(value, list) else _spelt_number(value)


def _spelt_vector(vector: list[int | float]) -> str:
    return f"({','.join(map(_spelt_number, vector))})"


def _spelt_number(value: Any) -> str:
    if isinstance(value, float):
        short = value.is_integer() and abs(value) < 1e15 and math.copysign(1.0, value) * value >= 0
        return str(int(value)) if short and (value or math.copysign(1.0, value) > 0) else repr(value)
    return str(value)
