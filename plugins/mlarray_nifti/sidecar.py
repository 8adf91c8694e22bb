"""BIDS sidecars of an image: its fields (.json), b-values (.bval) and gradient directions (.bvec)."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import MLArrayError
from mlarray_io.sdk import check_beside
from mlarray_nifti.files import split
from mlarray_nifti.inherited import inherited

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlarray_io import Context

LARGEST = 4 << 20
"""Bytes of a file that may be a sidecar."""
_TABLES = ("bval", "bvec")
_LONGEST_INT = 18
"""Digits of whole numbers that metadata hold exactly."""


def sidecars(path: Path) -> tuple[Path, ...]:
    """Return the names of the files that a sidecar of `path` consists of."""
    stem = split(path)[0]
    return tuple(path.with_name(f"{stem}.{suffix}") for suffix in ("json", *_TABLES))


def read_sidecar(path: Path, context: Context) -> dict[str, Any]:
    """Return the fields of an image, `bval` and `bvec` among them; a file that can't be read is noted.

    They are beside it, and in a BIDS dataset in the folders above it too (`inherited`).

    Parameters
    ----------
    path
        The image.
    context
        Told of what can't be read.
    """
    fields: dict[str, Any] = {}
    for own in sidecars(path):
        try:
            files = inherited(path, own.suffix)
        except (ValueError, OSError) as error:
            context.warn(f"no {own.suffix} is read: {error}")
            continue
        for file in files:
            try:
                check_beside(file.with_name(path.name), file)
                if file.is_file():
                    fields.update(_read(file))
            except (ValueError, RecursionError, OSError, MLArrayError) as error:
                context.warn(f"{_named(file, path)} is left out: {error}")
    return fields


def _named(file: Path, path: Path) -> str:
    """Return a file as messages call it."""
    return f"{file.name} beside it" if file.parent == path.parent else f"{file.name} in {file.parent.name}"


def write_sidecar(target: Path, fields: Mapping[str, Any]) -> None:
    """Write the files of a sidecar beside an image, as many as there are fields for.

    Parameters
    ----------
    target
        The image.
    fields
        By name.
    """
    described, values, vectors = sidecars(target)
    rest = {name: value for name, value in fields.items() if name not in _TABLES}
    if rest:
        described.write_text(json.dumps(rest, indent="\t", ensure_ascii=False) + "\n", encoding="utf-8")
    if "bval" in fields:
        values.write_text(_line(fields["bval"]), encoding="ascii")
    if "bvec" in fields:
        vectors.write_text("".join(map(_line, fields["bvec"])), encoding="ascii")


def _read(file: Path) -> dict[str, Any]:
    if file.stat().st_size > LARGEST:
        raise ValueError(f"it is larger than {LARGEST:,} bytes")
    text = file.read_text(encoding="utf-8-sig")
    return _fields(text) if file.suffix == ".json" else _table(file.suffix[1:], text)


def _fields(text: str) -> dict[str, Any]:
    found = json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=lambda _: None)
    if not isinstance(found, dict):
        raise ValueError("it holds no fields")
    return found


def _whole(text: str) -> float:
    return int(text) if len(text) <= _LONGEST_INT else float(text)


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _table(name: str, text: str) -> dict[str, Any]:
    """Return b-values, or directions as three rows; a direction of each line is turned into a column."""
    rows = [[_number(part) for part in line.split()] for line in text.splitlines() if line.strip()]
    if not rows or len({len(row) for row in rows}) != 1:
        raise ValueError("its lines differ in length")
    if name == "bval":
        return {name: [value for row in rows for value in row]}
    if len(rows) != 3 and len(rows[0]) == 3:
        rows = [list(column) for column in zip(*rows, strict=True)]
    if len(rows) != 3:
        raise ValueError("it has no three rows")
    return {name: rows}


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number")
    return int(value) if value.is_integer() and "." not in text and "e" not in text.lower() else value


def _line(values: list[float]) -> str:
    return " ".join(str(int(value)) if float(value).is_integer() else repr(value) for value in values) + "\n"
