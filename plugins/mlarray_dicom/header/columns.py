"""DICOM JSON (PS3.18, F) of many data sets at once: what is constant once, what varies as arrays."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Element = dict[str, Any]
Row = dict[str, Element]


class Level(Protocol):
    """Changes the elements of data sets, or of the items of one of their sequences."""

    def change(self, tag: str, element: Element) -> Element | None:
        """Return what takes the place of an element, None for nothing."""

    def enters(self, tag: str) -> bool:
        """Say whether the items of a sequence are gone through, or `change` decides about it as a whole."""


_CONTENT = ("Value", "InlineBinary", "BulkDataURI", "sha256")


def fold(rows: Sequence[Mapping[str, Element]]) -> dict[str, Any]:
    """Return several data sets as columns.

    Parameters
    ----------
    rows
        Data sets in the DICOM JSON model, tag -> element.

    Returns
    -------
    dict
        ``constant``: tag -> element, the same in all rows. ``per_frame``: tag -> element whose content is a
        list with one entry for each row: a single value as it is, several as a list, None where the row lacks
        the element. ``nested``: tag -> columns of the one item that a sequence has in every row. Empty parts
        are left out.
    """
    found: dict[str, Any] = {"constant": {}, "per_frame": {}, "nested": {}}
    for tag in dict.fromkeys(chain.from_iterable(rows)):
        column = [row.get(tag) for row in rows]
        if column.count(column[0]) == len(column):  # the same element mostly, which is found without a look
            found["constant"][tag] = column[0]
        elif all(_is_single(element) for element in column):
            found["nested"][tag] = fold([element["Value"][0] for element in column if element is not None])
        else:
            found["per_frame"][tag] = _varying(column)
    return {name: dict(sorted(part.items())) for name, part in found.items() if part}


def unfold(columns: Mapping[str, Any], count: int) -> list[Row]:
    """Return the data sets that `fold` was given.

    Parameters
    ----------
    columns
        What `fold` returned.
    count
        Number of rows.
    """
    rows: list[Row] = [dict(columns.get("constant", {})) for _ in range(count)]
    for tag, column in columns.get("per_frame", {}).items():
        for row, element in zip(rows, _elements(column), strict=True):
            if element is not None:
                row[tag] = element
    for tag, part in columns.get("nested", {}).items():
        for row, item in zip(rows, unfold(part, count), strict=True):
            row[tag] = {"vr": "SQ", "Value": [item]}
    return [dict(sorted(row.items())) for row in rows]


def map_columns(
    columns: Mapping[str, Any],
    count: int,
    level: Callable[[Mapping[str, Any], str], Level],
    sequence: str = "",
) -> dict[str, Any]:
    """Return what `fold` would return for the data sets with every element changed.

    Parameters
    ----------
    columns
        What `fold` returned.
    count
        Number of rows.
    level
        Called with these columns and `sequence`, and with those of each sequence below that is entered and
        its tag; returns who changes their elements.
    sequence
        Tag of that which the columns are of the items of; empty for data sets.
    """
    here = level(columns, sequence)
    found: dict[str, Any] = {"constant": {}, "per_frame": {}, "nested": {}}
    for tag, element in columns.get("constant", {}).items():
        changed = here.change(tag, element)
        if changed is not None:
            found["constant"][tag] = changed
    for tag, column in columns.get("per_frame", {}).items():
        rows = [None if one is None else here.change(tag, one) for one in _elements(column)]
        if any(one is not None for one in rows):
            same = all(one == rows[0] for one in rows[1:])
            found["constant" if same else "per_frame"][tag] = rows[0] if same else _varying(rows)
    for tag, part in columns.get("nested", {}).items():
        if here.enters(tag):
            inner = map_columns(part, count, level, tag)
            if inner:
                found["nested"][tag] = inner
            continue
        whole = here.change(tag, {"vr": "SQ", "Value": [{}]})
        if whole is not None:
            found["constant"][tag] = whole
    return {name: dict(sorted(part.items())) for name, part in found.items() if part}


def _is_single(element: Element | None) -> bool:
    return element is not None and element.get("vr") == "SQ" and len(element.get("Value", ())) == 1


def _varying(column: Sequence[Element | None]) -> Element:
    """Return one element for a column, or its elements where they are of different kinds."""
    present = [element for element in column if element is not None]
    vrs = {element["vr"] for element in present}
    names = {name for element in present for name in element if name != "vr"}
    if (
        len(vrs) > 1
        or (not names <= {"Value"} and not all(names == set(e) - {"vr"} for e in present))
        or len(names) > 1
    ):
        return {"elements": list(column)}
    name = names.pop() if names else "Value"
    return {"vr": vrs.pop(), name: [_entry(element, name) for element in column]}


def _entry(element: Element | None, name: str) -> Any:
    if element is None:
        return None
    content = element.get(name, [])
    if name != "Value" or len(content) != 1 or isinstance(content[0], list) or content[0] is None:
        return content
    return content[0]


def _elements(column: Mapping[str, Any]) -> Iterable[Element | None]:
    if "elements" in column:
        yield from column["elements"]
        return
    name = next(name for name in _CONTENT if name in column)
    for entry in column[name]:
        if entry is None:
            yield None
        elif name != "Value":
            yield {"vr": column["vr"], name: entry}
        elif isinstance(entry, list):
            yield {"vr": column["vr"], "Value": entry} if entry else {"vr": column["vr"]}
        else:
            yield {"vr": column["vr"], "Value": [entry]}
