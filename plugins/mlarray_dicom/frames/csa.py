"""Siemens' CSA header: named values in a private binary element (format as nibabel and GDCM know it)."""

from __future__ import annotations

import struct

_MOST_TAGS, _MOST_ITEMS = 1000, 1000


def parse(data: bytes) -> dict[str, list[str]]:
    """Return the values of each name, as the texts that they are stored as.

    Parameters
    ----------
    data
        Content of (0029,xx10) or (0029,xx20).

    Raises
    ------
    ValueError
        It is damaged, or no CSA header.
    """
    second = data[:4] == b"SV10"
    at = 8 if second else 0
    count, at = _int(data, at), at + 8
    if not 0 < count <= _MOST_TAGS:
        raise ValueError(f"a CSA header with {count} values")
    values: dict[str, list[str]] = {}
    excess = None if second else 0
    for index in range(count):
        name, items = _text(data[at : at + 64]), _int(data, at + 76)
        if not 0 <= items <= _MOST_ITEMS:
            raise ValueError(f"a CSA value with {items} items")
        if index == 0 and excess is not None:
            excess = items
        values[name], at = _items(data, at + 84, items, excess)
    return values


def texts_of(data: bytes, name: str) -> list[str]:
    """Return the texts of one value without taking the others apart: series have thousands of headers.

    Parameters
    ----------
    data
        Content of (0029,xx10) or (0029,xx20).
    name
        Of the value.

    Raises
    ------
    ValueError
        It is damaged.
    """
    at = data.find(name.encode("ascii") + b"\0")
    if at < 0:
        return []
    items = _int(data, at + 76)
    if not 0 <= items <= _MOST_ITEMS:
        raise ValueError(f"a CSA value with {items} items")
    return _items(data, at + 84, items, None if data[:4] == b"SV10" else _int(data, 8 + 76))[0]


def _items(data: bytes, at: int, count: int, excess: int | None) -> tuple[list[str], int]:
    """Return the texts of one value, and where the next one begins.

    The older kind of header (`excess` given) counts the items of the first value into every length (nibabel,
    csareader.py).
    """
    found = []
    for _ in range(count):
        first, second = _int(data, at), _int(data, at + 4)
        length = second if excess is None else max(first - excess, 0)
        if not 0 <= length <= len(data) - at:
            raise ValueError("a CSA item that is longer than the header")
        text = _text(data[at + 16 : at + 16 + length])
        if text:
            found.append(text)
        at += 16 + -(-length // 4) * 4
    return found, at


def _int(data: bytes, at: int) -> int:
    if at + 4 > len(data):
        raise ValueError("a CSA header that is cut short")
    return int(struct.unpack_from("<i", data, at)[0])


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("latin-1").strip()
