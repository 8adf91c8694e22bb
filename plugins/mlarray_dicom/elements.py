"""Values of attributes: absent, readable, or there and unreadable, which are three different things.

Numbers that decide where a voxel lies or what it is worth are read by `numbers_of` and its kin, which refuse
what can't be read. What only describes an image is read by `value_of` and `text_of`, to which an unreadable
value is none.
"""

from __future__ import annotations

import math
import struct
from functools import cache, lru_cache
from typing import TYPE_CHECKING, cast

from mlarray_core.errors import CorruptError
from mlarray_dicom.header.usual import usual_text
from mlarray_dicom.parsing import PARSING
from mlarray_dicom.private_names import elements

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from pathlib import Path

    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    from mlarray_dicom.private_names import Element

Numbers = tuple[float, ...]

_SHORT = 256
"""Bytes of a value that is remembered: those that repeat from file to file are numbers and codes."""
_MOST = 1 << 14
"""Values that are remembered: the different ones of the headers of some thousand slices."""
_MEMORY: dict[Hashable, object] = {}
_MISSING = object()
_FIXED = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
"""VRs of binary numbers, with their codes in `struct` (PS3.5, table 6.2-1)."""
_PLAIN = frozenset({*_FIXED, "AT", "OB", "OW"})
"""VRs whose bytes mean the same in every character set."""
_TEXT = frozenset({"DS", "IS", "LO", "LT", "SH", "ST", "UT", "CS", "UC", "AE", "PN"})
"""VRs of text: a number in one of them is the number that is spelt there."""


def value_of(dataset: Dataset, keyword: str) -> object:
    """Return the value of an attribute; None when it is absent, empty or unreadable.

    Files of a series repeat most values: what the same bytes meant before is remembered.
    """
    tag = tag_of(keyword)
    element = elements(dataset).get(tag)
    if element is None:
        return None
    content = getattr(element, "value", None)
    if not isinstance(content, bytes) or not _is_plain(content, element.VR, keyword):
        value = _converted(dataset, tag)
    else:
        key = (keyword, element.VR, content, getattr(element, "is_little_endian", True))
        value = _MEMORY.get(key, _MISSING)
        if value is _MISSING:
            value = _remember(key, usual_text(element) or _converted(dataset, tag))
    return None if is_empty(value) else value


def is_empty(value: object) -> bool:
    """Say whether a value is none, or has no parts."""
    return value is None or (hasattr(value, "__len__") and len(value) == 0)


def _is_plain(content: bytes, vr: str | None, keyword: str) -> bool:
    """Say whether short bytes mean the same in every data set."""
    if len(content) > _SHORT or (vr is None and " or " in _dictionary_vr(keyword)):
        return False
    return vr in _PLAIN or (content.isascii() and b"\x1b" not in content)


def _remember(key: Hashable, value: object) -> object:
    if len(_MEMORY) >= _MOST:
        _MEMORY.clear()
    _MEMORY[key] = value
    return value


def _converted(dataset: Dataset, tag: BaseTag) -> object:
    try:
        return cast("object", dataset[tag].value)
    except PARSING:
        return None


@cache
def tag_of(keyword: str) -> BaseTag:
    """Return the tag of a keyword."""
    from pydicom.tag import Tag

    return Tag(keyword)


@cache
def _dictionary_vr(keyword: str) -> str:
    """Return the VR that PS3.6 gives to an attribute."""
    from pydicom.datadict import dictionary_VR

    return str(dictionary_VR(keyword))


def text_of(dataset: Dataset, keyword: str) -> str:
    """Return an attribute as text, empty when it is absent."""
    value = value_of(dataset, keyword)
    return "" if value is None else str(value).strip()


def texts_of(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Return the texts of an attribute, none when it is absent."""
    value = value_of(dataset, keyword)
    return () if value is None else tuple(str(part) for part in parts_of(value))


def parts_of(value: object) -> list[object]:
    """Return the values of an attribute of several; one for a single one."""
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        return [value]
    return list(value)


def items_of(dataset: Dataset, keyword: str) -> Sequence[Dataset]:
    """Return the items of a sequence, none when it is absent or no sequence."""
    return sequence(value_of(dataset, keyword))


def sequence(value: object) -> Sequence[Dataset]:
    """Return a value as a sequence of items, none when it is something else."""
    from pydicom.dataset import Dataset as Item

    if isinstance(value, str | bytes) or not hasattr(value, "__getitem__") or not hasattr(value, "__len__"):
        return ()
    return cast("Sequence[Dataset]", value) if len(value) and isinstance(value[0], Item) else ()


def has(dataset: Dataset, keyword: str) -> bool:
    """Say whether an attribute is there with a value, readable or not."""
    element = elements(dataset).get(tag_of(keyword))
    if element is None:
        return False
    value = getattr(element, "value", None)
    return bool(value.strip(b" \0")) if isinstance(value, bytes) else not is_empty(value)


def numbers_of(dataset: Dataset, keyword: str, path: Path | None = None) -> Numbers | None:
    """Return the numbers of an attribute, None when it is absent or empty.

    A number is read by the VR that its element has or, where that says nothing, by the one that PS3.6
    gives to the attribute. A comma in a decimal string is read as a point: PS3.5, 6.2 allows neither it nor
    anything else that it could stand for there.

    Parameters
    ----------
    dataset
        A data set or an item of a sequence.
    keyword
        Of the attribute.
    path
        Of the file, for the error.

    Raises
    ------
    CorruptError
        It has a value that is no finite number.
    """
    element = elements(dataset).get(tag_of(keyword))
    if element is None:
        return None
    try:
        found = _numbers(element, keyword)
    except (ValueError, OverflowError, struct.error, TypeError) as error:
        raise CorruptError(
            f"can't be read as a number ({shown(getattr(element, 'value', None))})",
            path=path,
            field=keyword,
            hint="Correct the attribute: without it the image would be another one",
        ) from error
    return found or None


def number_of(dataset: Dataset, keyword: str, path: Path | None = None) -> float | None:
    """Return the one number of an attribute, None when it is absent or empty.

    Parameters
    ----------
    dataset
        A data set or an item of a sequence.
    keyword
        Of the attribute.
    path
        Of the file, for the error.

    Raises
    ------
    CorruptError
        It has a value that is no finite number, or several.
    """
    found = numbers_of(dataset, keyword, path)
    if found is None:
        return None
    if len(found) > 1:
        raise CorruptError(f"has {len(found)} values where one belongs", path=path, field=keyword)
    return found[0]


def loose_numbers(dataset: Dataset, keyword: str) -> Numbers | None:
    """Return the numbers of an attribute that no voxel depends on: None also when they can't be read."""
    try:
        return numbers_of(dataset, keyword)
    except CorruptError:
        return None


def loose_number(dataset: Dataset, keyword: str) -> float | None:
    """Return the first number of an attribute that no voxel depends on: None also when it can't be read."""
    found = loose_numbers(dataset, keyword)
    return None if found is None or len(found) > 1 else found[0]


def _numbers(element: Element, keyword: str) -> Numbers:
    value = element.value
    if isinstance(value, bytes):
        little = bool(getattr(element, "is_little_endian", True))
        return _decoded(value, element.VR or "", keyword, little=little)
    if isinstance(value, str):
        return _spelt(value)
    found = [] if value is None else [_number(str(part)) for part in parts_of(value)]
    return _finite(found)


@lru_cache(maxsize=_MOST)
def _decoded(content: bytes, vr: str, keyword: str, *, little: bool) -> Numbers:
    """Return the numbers that bytes of a VR spell or hold."""
    known = _dictionary_vr(keyword)
    actual = vr if vr in _FIXED or vr in _TEXT else known
    code = next((_FIXED[name] for name in actual.split(" or ") if name in _FIXED), None)
    if code is None:
        return _spelt(content.decode("latin-1"))
    size = struct.calcsize(code)
    if len(content) % size:
        raise ValueError("no whole number of values")
    layout = f"{'<' if little else '>'}{len(content) // size}{code}"
    return _finite([float(one) for one in struct.unpack(layout, content)])


def _spelt(text: str) -> Numbers:
    text = text.strip(" \0\t\r\n")
    if not text:
        return ()
    return _finite([_number(part) for part in text.split("\\")])


def _number(text: str) -> float:
    if "_" in text:
        raise ValueError("Python's own spelling of numbers")
    return float(text.strip(" \0").replace(",", "."))


def _finite(found: list[float]) -> Numbers:
    if not all(map(math.isfinite, found)):
        raise ValueError("not finite")
    return tuple(found)


def shown(value: object) -> str:
    """Return a value as a short text for an error."""
    text = repr(value.decode("latin-1").strip(" \0")) if isinstance(value, bytes) else str(value)
    return text if len(text) < 80 else text[:79] + "…"
