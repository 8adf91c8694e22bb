"""The header of VTK's legacy files ("VTK File Formats", Simple Legacy Formats)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DTYPES = {
    "char": "i1", "signed_char": "i1", "unsigned_char": "u1", "short": "i2", "unsigned_short": "u2",
    "int": "i4", "unsigned_int": "u4", "long": "i8", "unsigned_long": "u8", "long_long": "i8",
    "unsigned_long_long": "u8", "vtktypeint64": "i8", "vtktypeuint64": "u8", "float": "f4", "double": "f8",
}  # fmt: skip
"""Types by name. A long is one of eight bytes, as where most files are written."""

_COMPONENTS = {"vectors": 3, "normals": 3, "tensors": 9}
_ARRAYS = {"scalars", "color_scalars", *_COMPONENTS}
_PLACING = {"dimensions", "spacing", "aspect_ratio", "origin", "point_data", "cell_data"}
_TABLE = b"lookup_table"
_MOST_COMPONENTS = 1 << 12


@dataclass(frozen=True)
class VtkHeader:
    """What a header says.

    Parameters
    ----------
    sizes
        Number of voxels along x, y, z.
    spacing, origin
        Along the same; the origin is the centre of the first voxel.
    dtype
        NumPy's type of the voxels.
    components
        How many values a voxel has.
    text
        Whether voxels are written as numbers.
    start
        Where they begin.
    source
        The fields, to be kept.
    """

    sizes: tuple[int, ...]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    dtype: str
    components: int
    text: bool
    start: int
    source: dict[str, Any]


def parse(block: bytes, path: Path) -> VtkHeader:
    """Return the header at the beginning of a file.

    Raises
    ------
    CorruptError
        It makes no sense.
    UnsupportedError
        It describes something else than one array of voxels.
    """
    lines = _lines(block, path)
    version, title, encoding = (next(lines)[0].strip() for _ in range(3))
    if encoding.lower() not in ("ascii", "binary"):
        raise CorruptError(f"expected ASCII or BINARY, got {encoding[:40]!r}", path=path)
    if next(lines)[0].lower().split() != ["dataset", "structured_points"]:
        raise UnsupportedError("of VTK's legacy files, only structured points are read", path=path)
    found, start = _fields(lines, path)
    name, text = next(reversed(found)), encoding.lower() == "ascii"
    dtype, components = _array(name, found[name], text, path)
    if name == "scalars":
        start = _after_table(block, start, path)
    source = {"version": version, "title": title, "encoding": encoding, "fields": found}
    return VtkHeader(*_grid(found, path), dtype, components, text, start, source)


def _lines(block: bytes, path: Path) -> Iterator[tuple[str, int]]:
    """Yield each line that isn't empty, with the place after it; the second may be empty, it is a title."""
    start = number = 0
    while (end := block.find(b"\n", start)) >= 0:
        line, start = block[start:end].decode("latin-1"), end + 1
        number += 1
        if line.strip() or number == 2:
            yield line, start
    raise CorruptError("ends within its header", path=path, hint="Was it copied whole?")


def _fields(lines: Iterator[tuple[str, int]], path: Path) -> tuple[dict[str, list[str]], int]:
    """Return the words of each line by the first, up to the line that names an array, and the place after."""
    found: dict[str, list[str]] = {}
    while True:
        line, start = next(lines)
        name, *words = line.split()
        name = name.lower()
        found[name] = words
        if name in _ARRAYS:
            return found, start
        if name not in _PLACING:
            raise UnsupportedError(f"a part {name[:40]!r} isn't read", path=path)


def _array(name: str, words: list[str], text: bool, path: Path) -> tuple[str, int]:
    """Return type and number of components of an array."""
    if name == "color_scalars":  # text has them from 0 to 1
        return ("f4" if text else "u1"), _number(words, 1, name, path)
    if len(words) < 2 or words[1].lower() not in DTYPES:
        raise UnsupportedError(f"the type {' '.join(words[1:2])[:40]!r} isn't known", path=path, field=name)
    components = _COMPONENTS.get(name) or (_number(words, 2, name, path) if len(words) > 2 else 1)
    return DTYPES[words[1].lower()], components


def _number(words: list[str], place: int, name: str, path: Path) -> int:
    word = words[place] if len(words) > place else ""
    if not (word.isdecimal() and len(word) < 5 and 0 < int(word) <= _MOST_COMPONENTS):
        raise CorruptError(f"expected a number of components, got {word[:40]!r}", path=path, field=name)
    return int(word)


def _after_table(block: bytes, start: int, path: Path) -> int:
    """Return where voxels begin: after the line that names their colours, if there is one."""
    if block[start : start + len(_TABLE)].lower() != _TABLE:
        return start
    return next(_lines(block[start:], path))[1] + start


def _grid(
    found: dict[str, list[str]], path: Path
) -> tuple[tuple[int, ...], tuple[float, ...], tuple[float, ...]]:
    """Return sizes, spacing and origin. Cells lie between the points, one fewer along each axis."""
    points = tuple(
        int(size) if size.is_integer() else 0 for size in _three(found, ("dimensions",), None, path)
    )
    spacing = _three(found, ("spacing", "aspect_ratio"), 1.0, path)
    origin = _three(found, ("origin",), 0.0, path)
    sizes = points
    if "cell_data" in found:
        sizes = tuple(max(size - 1, 1) for size in points)
        origin = tuple(
            at + step / 2 if size > 1 else at for at, step, size in zip(origin, spacing, points, strict=True)
        )
    if min(sizes) < 1:
        raise CorruptError(f"expected sizes over 0, got {list(points)}", path=path, field="DIMENSIONS")
    said = found.get("cell_data", found.get("point_data"))
    if said is not None and said[:1] != [str(math.prod(sizes))]:
        raise CorruptError(
            f"expected {math.prod(sizes)} values, got {' '.join(said)[:40]!r}", path=path, field="POINT_DATA"
        )
    return sizes, spacing, origin


def _three(
    found: dict[str, list[str]], names: tuple[str, ...], missing: float | None, path: Path
) -> tuple[float, ...]:
    words = next((found[name] for name in names if name in found), [missing] * 3)
    try:
        values = tuple(float(word) for word in words)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        values = ()
    if len(values) != 3 or not all(map(math.isfinite, values)):
        said = "nothing" if missing is None and not any(words) else " ".join(map(str, words))[:60]
        raise CorruptError(f"expected three numbers, got {said}", path=path, field=names[0].upper())
    return values
