"""Casts and checks of single values. Each takes the path of the value for its message."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeAlias, TypeVar

from mlarray_core.errors import MetadataError, MetadataTypeError

T = TypeVar("T")
JsonDict: TypeAlias = dict[str, Any]
"""A dict of what JSON can hold."""

MAX_DEPTH = 200
"""How deeply metadata may be nested; more is a loop or an attack."""


_LEAVES = frozenset({type(None), bool, int, float, str})


def shown(value: object) -> str:
    """Return `value` as an error message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def refused(path: str, expected: str, value: object) -> MetadataError:
    """Return the error for a value that is of the right type but can't be meant.

    Parameters
    ----------
    path
        Of the value, as the error names it.
    expected
        What was expected, in words.
    value
        What there is.
    """
    return MetadataError(f"expected {expected}, got {shown(value)}", field=path)


def mistyped(path: str, expected: str, value: object) -> MetadataTypeError:
    """Return the error for a value of the wrong type.

    Parameters
    ----------
    path
        Of the value, as the error names it.
    expected
        What was expected, in words.
    value
        What there is.
    """
    return MetadataTypeError(f"expected {expected}, got {shown(value)}", field=path)


def unwrapped(value: object) -> Any:
    """Return a NumPy array as lists and a NumPy scalar as a number, anything else as it is."""
    tolist = getattr(value, "tolist", None)
    return tolist() if callable(tolist) else value


def items(value: object, path: str) -> list[Any]:
    """Return a list, tuple or array as a new list.

    Raises
    ------
    MetadataTypeError
        It is none of them (a TypeError).
    """
    value = unwrapped(value)
    if not isinstance(value, (list, tuple)):
        raise mistyped(path, "a list, a tuple or an array", value)
    return list(value)


def number(value: object, path: str) -> int | float:
    """Return `value` as a plain int or float. NaN and infinities are numbers.

    Raises
    ------
    MetadataTypeError
        It is no number; True and False are none (a TypeError).
    """
    if type(value) is int or type(value) is float:
        return value
    value = unwrapped(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise mistyped(path, "a number", value)
    return int(value) if isinstance(value, int) else float(value)


def finite(value: object, path: str) -> int | float:
    """Return `value` as a plain number that is neither NaN nor infinite and fits a float.

    Raises
    ------
    MetadataError
        It is not finite, or too large for a float (a ValueError).
    MetadataTypeError
        It is no number (a TypeError).
    """
    plain = number(value, path)
    try:
        fits = math.isfinite(plain)
    except OverflowError:
        fits = False
    if not fits:
        raise refused(path, "a finite number", plain)
    return plain


def positive(value: object, path: str) -> int | float:
    """Return `value` as a plain finite number above zero.

    Raises
    ------
    MetadataError
        It is zero, negative or not finite (a ValueError).
    MetadataTypeError
        It is no number (a TypeError).
    """
    plain = number(value, path)
    try:
        fits = math.isfinite(plain) and plain > 0
    except OverflowError:
        fits = False
    if not fits:
        raise refused(path, "a number > 0", plain)
    return plain


def whole(value: object, path: str) -> int:
    """Return `value` as a plain int that isn't negative.

    Raises
    ------
    MetadataError
        It is negative, not finite or a fraction (a ValueError).
    MetadataTypeError
        It is no number (a TypeError).
    """
    plain = number(value, path)
    if plain < 0 or plain != plain or plain != plain // 1:
        raise refused(path, "a whole number >= 0", plain)
    return int(plain)


def text(value: object, path: str) -> str:
    """Return `value` as a plain str; a member of a string enum as its value.

    Raises
    ------
    MetadataTypeError
        It is no string (a TypeError).
    """
    if not isinstance(value, str):
        raise mistyped(path, "a string", value)
    return str(value.value if isinstance(value, Enum) else value)


def flag(value: object, path: str) -> bool:
    """Return `value` as a plain bool.

    Raises
    ------
    MetadataTypeError
        It is neither (a TypeError).
    """
    plain = unwrapped(value)
    if not isinstance(plain, bool):
        raise mistyped(path, "True or False", value)
    return plain


def each(value: object, path: str, check: Callable[[Any, str], T]) -> list[T]:
    """Return a list with `check(item, path)` applied to every item.

    Parameters
    ----------
    value
        A list, tuple or array.
    path
        Of the list, as errors name it.
    check
        Returns an item as it is kept, or raises.
    """
    return [check(item, f"{path}[{index}]") for index, item in enumerate(items(value, path))]


def square(value: object, path: str) -> list[list[int | float]]:
    """Return a square matrix of finite numbers as a list of rows.

    Raises
    ------
    MetadataError
        It is not square, or an item is not finite (a ValueError).
    """
    rows = [each(row, f"{path}[{index}]", finite) for index, row in enumerate(items(value, path))]
    for index, row in enumerate(rows):
        if len(row) != len(rows):
            raise MetadataError(
                f"expected {len(rows)} numbers as in a square matrix, got {len(row)}",
                field=f"{path}[{index}]",
            )
    return rows


def length(value: list[Any] | None, count: int | None, path: str, what: str) -> None:
    """Check that a list, unless unset, has `count` items, unless that is unknown.

    Parameters
    ----------
    value
        The list; None when unset.
    count
        How many items it should have; None when unknown.
    path
        Of the list, as the error names it.
    what
        What there is one item for.

    Raises
    ------
    MetadataError
        It has another number of items (a ValueError).
    """
    if value is not None and count is not None and len(value) != count:
        raise MetadataError(f"expected {count} items, one for each {what}, got {len(value)}", field=path)


def invertible(matrix: list[list[int | float]], path: str) -> None:
    """Check that the columns of a square matrix are independent, whatever their scales.

    Raises
    ------
    MetadataError
        It is singular (a column is zero, or depends on others to 1e-12) (a ValueError).
    """
    lengths = [math.hypot(*column) for column in zip(*matrix, strict=True)]
    if any(size == 0 or not math.isfinite(size) for size in lengths) or _singular(matrix, lengths):
        raise refused(path, "an invertible matrix", matrix)


def _singular(matrix: list[list[int | float]], lengths: list[float]) -> bool:
    """Return whether elimination meets a pivot of nothing. By hand: `mlarray info` does without NumPy."""
    rows = [[value / size for value, size in zip(row, lengths, strict=True)] for row in matrix]
    for column in range(len(rows)):
        pivot = max(range(column, len(rows)), key=lambda index: abs(rows[index][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        if abs(rows[column][column]) < 1e-12:
            return True
        for row in rows[column + 1 :]:
            factor = row[column] / rows[column][column]
            row[column:] = [a - factor * b for a, b in zip(row[column:], rows[column][column:], strict=True)]
    return False


def json_value(value: object, path: str, depth: int = 0) -> Any:
    """Return a copy of `value` made of None, bool, int, float, str, list and dict only.

    Tuples and arrays become lists, enum members their values, keys strings as in JSON.
    NaN and infinities are kept.

    Parameters
    ----------
    value
        Anything.
    path
        Of the value, as errors name it.
    depth
        How deeply it is nested already.

    Raises
    ------
    MetadataTypeError
        If something in it has no JSON form.
    MetadataError
        If it is nested more than `MAX_DEPTH` deep, or two keys are the same in JSON.
    """
    if type(value) in _LEAVES:
        return value
    if depth > MAX_DEPTH:
        raise MetadataError(f"nested more than {MAX_DEPTH} deep", field=path.partition("[")[0])
    if isinstance(value, Enum):
        return json_value(value.value, path, depth + 1)
    value = unwrapped(value)
    if type(value) in _LEAVES:
        return value
    if isinstance(value, Mapping):
        return _json_dict(value, path, depth)
    if isinstance(value, (list, tuple)):
        return [
            item if type(item) in _LEAVES else json_value(item, f"{path}[{index}]", depth + 1)
            for index, item in enumerate(value)
        ]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    raise mistyped(path, "something that JSON can hold", value)


def _json_dict(value: Mapping[object, object], path: str, depth: int) -> JsonDict:
    plain: JsonDict = {}
    for key, item in value.items():
        name = _json_key(key, path)
        if name in plain:
            raise MetadataError(f"two keys are {shown(name)} in JSON", field=path)
        leaf = type(item) in _LEAVES
        plain[name] = item if leaf else json_value(item, f"{path}[{name!r}]", depth + 1)
    return plain


def _json_key(key: object, path: str) -> str:
    if isinstance(key, str):
        return text(key, path)
    if key is None:
        return "null"
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, (int, float)):
        return str(key)
    raise mistyped(path, "string keys", key)


def json_dict(value: object, path: str) -> JsonDict:
    """Return a mapping as a new dict that holds only what JSON can.

    Raises
    ------
    MetadataTypeError
        If it is no mapping, or something in it has no JSON form.
    """
    if not isinstance(value, Mapping):
        raise mistyped(path, "a dict", value)
    return _json_dict(value, path, 0)


def same(left: object, right: object) -> bool:
    """Compare plain metadata. NaN equals NaN, and a tuple the list with its items."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, float) and left != left and right != right:
        return True
    return bool(left == right)
