"""Label tables of other programs: FreeSurfer's and 3D Slicer's lookup tables, ITK-SNAP's, nnU-Net's."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import (
    ArgumentError,
    CorruptError,
    LimitError,
    MetadataError,
    NotFoundError,
    UnsafeError,
)
from mlarray_core.meta import Label, color_of

if TYPE_CHECKING:
    import os

MOST_BYTES = 16 << 20
"""FreeSurfer's table has 0.1 MB for 1,400 labels; a table of millions is none that a person made."""

MOST_LABELS = 16_384
"""More than any atlas has; what is kept with every image has to stay small."""

_ITK_SNAP = re.compile(r'(-?\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+([\d.eE+-]+)\s+([01])\s+([01])\s+"(.*)"')
"""IDX, R, G, B, A from 0 to 1, VIS, MSH, LABEL: the file's own heading names them."""
_LOOKUP = re.compile(r"(-?\d+)\s+(\S+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)")
"""No., Label Name, R, G, B, A: the heading of FreeSurferColorLUT.txt."""
_SLICER = "# Color table file"


def read_label_table(path: str | os.PathLike[str]) -> list[Label]:
    """Return the label table in a file, which is recognised by its content.

    Parameters
    ----------
    path
        Of a FreeSurfer lookup table (``FreeSurferColorLUT.txt``), a colour table of 3D Slicer (``.ctbl``), an
        ITK-SNAP label description file, or an nnU-Net ``dataset.json``.

    Raises
    ------
    NotFoundError
        There is no such file.
    UnsafeError
        It is no regular file.
    LimitError
        It is larger than `MOST_BYTES`, or names more than `MOST_LABELS`.
    CorruptError
        A line, or the JSON, isn't what the format says.
    ArgumentError
        It is none of these tables (a ValueError).
    """
    text = text_of(Path(path))
    for is_it, parse in _FORMATS:
        if is_it(text):
            try:
                return parse(text)
            except (CorruptError, LimitError) as error:
                error.name_path(path)
                raise
            except MetadataError as error:
                raise CorruptError(error.message, path=path, field=error.field) from error
    raise ArgumentError(
        "this is no label table that is known here",
        path=path,
        hint="FreeSurfer's and 3D Slicer's lookup tables, ITK-SNAP's label descriptions and nnU-Net's "
        "dataset.json are read",
    )


def itk_snap_labels(text: str) -> list[Label]:
    """Return the labels of an ITK-SNAP label description file, "Clear Label" (0) included.

    Whether a label is shown, in slices and as a mesh, is kept in `Label.others` where it isn't.

    Raises
    ------
    CorruptError
        A line is no label description.
    """
    labels = []
    for number, line in _lines(text):
        match = _ITK_SNAP.fullmatch(line)
        if match is None:
            raise CorruptError(f"no label description: {line[:60]!r}", field=f"line {number}")
        value, red, green, blue, opacity, visible, mesh, name = match.groups()
        hidden = {key: False for key, flag in (("visible", visible), ("mesh", mesh)) if flag == "0"}
        color = _color(number, int(red), int(green), int(blue), 255 * _number(opacity, number))
        labels.append(Label(int(value), name, color, others=hidden))
    return labels


def lookup_table_labels(text: str) -> list[Label]:
    """Return the labels of a lookup table as FreeSurfer and 3D Slicer write them.

    FreeSurfer's last column is transparency (255 minus alpha, FreeSurfer's "LabelsClutsAnnotationFiles"),
    3D Slicer's is opacity.

    Raises
    ------
    CorruptError
        A line is no entry of a table.
    """
    opaque = text.startswith(_SLICER)
    labels = []
    for number, line in _lines(text):
        match = _LOOKUP.fullmatch(line)
        if match is None:
            raise CorruptError(f"no entry of a lookup table: {line[:60]!r}", field=f"line {number}")
        name = match.group(2)
        value, red, green, blue, last = map(int, match.group(1, 3, 4, 5, 6))
        labels.append(Label(value, name, _color(number, red, green, blue, last if opaque else 255 - last)))
    return labels


def nnunet_labels(dataset: Mapping[str, Any]) -> list[Label]:
    """Return the labels of an nnU-Net ``dataset.json``.

    nnU-Net v2 maps names to values, v1 values to names. A region (a name with several values) names its value
    when it has one only; the regions that a value belongs to are kept in `Label.others`.

    Raises
    ------
    CorruptError
        ``labels`` isn't what either version writes.
    LimitError
        There are more than `MOST_LABELS`.
    """
    given = dataset.get("labels")
    if not isinstance(given, Mapping):
        raise CorruptError("expected a dict", field="labels")
    names: dict[int, str] = {}
    regions: dict[int, list[str]] = {}
    for key, value in given.items():
        if isinstance(value, str) and re.fullmatch(r"\d+", str(key)):
            names[int(key)] = value
        elif isinstance(value, list) and value and all(type(one) is int for one in value):
            for one in value:
                regions.setdefault(one, []).append(str(key))
            if len(value) == 1:
                names[value[0]] = str(key)
        elif type(value) is int:
            names[value] = str(key)
        else:
            raise CorruptError("expected a whole number or a list of them", field=f"labels[{key!r}]")
    _check_count(len(names.keys() | regions.keys()))
    return [
        Label(value, names.get(value, ""), others={"regions": regions[value]} if value in regions else {})
        for value in sorted(names.keys() | regions.keys())
    ]


def _json_labels(text: str) -> list[Label]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptError(f"no JSON: {error}") from error
    if not isinstance(content, dict):
        raise CorruptError("expected an object")
    return nnunet_labels(content)


def _content(text: str) -> Iterator[tuple[int, str]]:
    """Yield what stands in a table, with the numbers of its lines, without remarks."""
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1))
    return ((number, line) for number, line in lines if line and not line.startswith("#"))


def _lines(text: str) -> list[tuple[int, str]]:
    found = list(_content(text))
    _check_count(len(found))
    return found


def _check_count(count: int) -> None:
    if count > MOST_LABELS:
        raise LimitError(f"names {count:,} labels, tables are read up to {MOST_LABELS:,}")


def _first(text: str) -> str:
    return next((line for _, line in _content(text)), "")


def _number(text: str, line: int) -> float:
    try:
        return float(text)
    except ValueError:
        raise CorruptError(f"expected a number, got {text!r}", field=f"line {line}") from None


def _color(line: int, red: float, green: float, blue: float, opacity: float) -> str:
    try:
        return color_of(red, green, blue, opacity)
    except MetadataError as error:
        raise CorruptError(error.message, field=f"line {line}") from error


def text_of(path: Path) -> str:
    """Return what a table's file holds.

    Raises
    ------
    NotFoundError, UnsafeError, LimitError
        There is none, it is no regular file, or it is larger than `MOST_BYTES`.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        raise NotFoundError("there is no such file", path=path) from None
    if not stat.S_ISREG(status.st_mode):
        raise UnsafeError("is no regular file", path=path)
    if status.st_size > MOST_BYTES:
        raise LimitError(
            f"is {status.st_size} bytes long, label tables are read up to {MOST_BYTES}", path=path
        )
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")  # tables of older programs; every byte is a letter in it


_FORMATS: tuple[tuple[Callable[[str], bool], Callable[[str], list[Label]]], ...] = (
    (lambda text: text.lstrip().startswith("{"), _json_labels),
    (lambda text: _ITK_SNAP.fullmatch(_first(text)) is not None, itk_snap_labels),
    (lambda text: _LOOKUP.fullmatch(_first(text)) is not None, lookup_table_labels),
)
