"""The header of a MetaImage: lines of ``Key = Value`` up to the one that says where the voxels are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError, LimitError, MetadataError
from mlarray_core.headers import plain, restore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Fields = dict[str, Any]
"""Values of a header by key, numbers as numbers."""

LARGEST = 4 << 20
"""Bytes of a header, names of data files included."""

LAST = "ElementDataFile"
_WHOLES = frozenset({"NDims", "DimSize", "ElementNumberOfChannels", "HeaderSize", "CompressedDataSize"})
_NUMBERS = frozenset(
    {
        "ElementSpacing", "ElementSize", "Offset", "Position", "Origin", "TransformMatrix", "Orientation",
        "Rotation", "CenterOfRotation", "ElementMin", "ElementMax", "Color",
        "ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset",
    }
)  # fmt: skip
_SINGLE = frozenset({"NDims", "ElementNumberOfChannels", "HeaderSize", "CompressedDataSize"})


@dataclass(frozen=True)
class MetaHeader:
    """A header.

    Parameters
    ----------
    lines
        All lines as they stand in the file, those with names of data files after the last field.
    fields
        What they say, with numbers as numbers, in their order.
    """

    lines: tuple[str, ...]
    fields: Fields

    @property
    def files(self) -> list[str]:
        """Names of data files, one a line."""
        last = next(at for at, line in enumerate(self.lines) if key_of(line) == LAST)
        return [line.strip() for line in self.lines[last + 1 :] if line.strip()]


def key_of(line: str) -> str:
    """Return the key of a line, nothing for a line that has none."""
    key, sign, _ = line.partition("=")
    return key.strip() if sign else ""


def read_metaheader(path: Path) -> tuple[MetaHeader, int]:
    """Return the header of a file, and where in the file the voxels would begin.

    Raises
    ------
    CorruptError
        It isn't a header.
    LimitError
        It is larger than any that is meant.
    """
    lines: list[str] = []
    size, listing = 0, False
    with path.open("rb") as file:
        while line := file.readline(LARGEST):
            size += len(line)
            if size > LARGEST:
                raise LimitError(f"its header is over {LARGEST:,} bytes long", path=path)
            lines.append(line.decode("latin-1").rstrip("\r\n"))
            if key_of(lines[-1]) == LAST and not listing:
                listing = lines[-1].partition("=")[2].split()[:1] == ["LIST"]
                if not listing:
                    break
        at = file.tell()
    return parse(lines, path), at


def parse(lines: list[str], path: Path) -> MetaHeader:
    """Return the header that lines make up.

    Raises
    ------
    CorruptError
        They don't.
    """
    fields: Fields = {}
    for line in lines:
        key = key_of(line)
        if not key:
            if line.strip():
                raise CorruptError(f"has the line {line[:60]!r} in its header, which says nothing", path=path)
            continue
        fields[key] = _value(key, line.partition("=")[2].strip(), path)
        if key == LAST:
            return MetaHeader(tuple(lines), fields)
    raise CorruptError("doesn't say where its voxels are", path=path, field=LAST)


def _value(key: str, text: str, path: Path) -> Any:
    if key not in _WHOLES | _NUMBERS:
        return text
    try:
        values: list[int | float] = [_number(word, whole=key in _WHOLES) for word in text.split()]
    except ValueError:
        raise CorruptError(f"expected numbers, got {text[:60]!r}", path=path, field=key) from None
    if key in _SINGLE:
        if len(values) != 1:
            raise CorruptError(f"expected one number, got {text[:60]!r}", path=path, field=key)
        return values[0]
    return values


def _number(word: str, *, whole: bool) -> int | float:
    if len(word) > 400:
        raise ValueError(word[:40])
    if re.fullmatch(r"[-+]?\d{1,18}", word):
        return int(word)
    if whole:
        raise ValueError(word)
    return float(word)


def to_source(header: MetaHeader) -> dict[str, Any]:
    """Return a header as `meta.source` holds it: the fields' values, and how they were written."""
    return {"fields": plain(header.fields), "lines": [plain(line) for line in header.lines]}


def is_source(source: Mapping[str, Any]) -> bool:
    """Say whether `meta.source` is of this format."""
    return "fields" in source and "lines" in source and LAST in source["fields"]


def from_source(source: Mapping[str, Any], path: Path) -> MetaHeader:
    """Return the header that `meta.source` holds. What was edited there is spelt anew.

    Raises
    ------
    CorruptError
        It was edited into something that isn't a header.
    MetadataError
        A text has a line end, which would make one line several.
    """
    before = parse([_one_line(str(restore(line)), "lines") for line in source["lines"]], path)
    fields = {str(name): restore(value) for name, value in source["fields"].items()}
    lines = [line for text in before.lines if (line := _edited(text, before.fields, fields)) is not None]
    fresh = [spelt(name, value) for name, value in fields.items() if name not in before.fields]
    last = next((at for at, line in enumerate(lines) if key_of(line) == LAST), len(lines))
    return MetaHeader((*lines[:last], *fresh, *lines[last:]), fields)


def _edited(line: str, before: Fields, fields: Fields) -> str | None:
    key = key_of(line)
    if not key or (key in fields and plain(fields[key]) == plain(before.get(key))):
        return line
    return spelt(key, fields[key]) if key in fields else None


def spelt(key: str, value: Any) -> str:
    """Return the line of a field.

    Raises
    ------
    MetadataError
        Key or value has a line end.
    """
    values = value if isinstance(value, list) else [value]
    return _one_line(f"{key} = {' '.join(map(_spelt, values))}", f"fields.{key}")


def _one_line(text: str, name: str) -> str:
    if "\n" in text or "\r" in text:
        raise MetadataError(f"a line end in {text[:60]!r} would make it two lines", field=f"source.{name}")
    return text


def _spelt(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value)
