"""Header values of any format as JSON can hold them, and back.

What JSON lacks is spelt as follows; `restore` undoes it, so a header can be rebuilt from `meta.source` alone.

=================== ===============================
NaN, infinities     ``"nan"``, ``"inf"``, ``"-inf"``
integers over 2**53 decimal strings
bytes               ``{"base64": "..."}``
=================== ===============================

A text that would be mistaken for one of these is kept as ``{"text": "nan"}``, a dict as ``{"dict": {...}}``.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from mlarray_core.errors import MetadataError
from mlarray_core.meta.checks import JsonDict, mistyped, unwrapped

LARGEST_EXACT = 2**53
"""JSON readers keep numbers as float64, which holds every integer up to here."""

_WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_INTEGER = re.compile(r"-?[1-9][0-9]{15,}")
_MARKS = frozenset({"base64", "text", "dict"})


def plain(value: object) -> Any:
    """Return `value` in the spelling above. NumPy scalars become numbers, arrays and tuples lists.

    Raises
    ------
    MetadataTypeError
        If it holds something that has no spelling, a key that is no string included.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"base64": base64.b64encode(bytes(value)).decode("ascii")}
    value = unwrapped(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"text": str(value)} if _is_spelling(value) else str(value)
    if isinstance(value, int):
        return int(value) if abs(value) <= LARGEST_EXACT else str(int(value))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        return _plain_dict(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return plain(value)
    raise mistyped("source", "a header value that JSON can hold", value)


def restore(value: object) -> Any:
    """Return what `plain` was given, but for tuples, arrays and NumPy scalars.

    Raises
    ------
    MetadataError
        If base64 in it is damaged.
    """
    if isinstance(value, str):
        if value in _WORDS:
            return _WORDS[value]
        return int(value) if _is_spelling(value) else value
    if isinstance(value, Mapping):
        return _restore_dict(value)
    if isinstance(value, (list, tuple)):
        return [restore(item) for item in value]
    return value


def _is_spelling(text: str) -> bool:
    if text in _WORDS:
        return True
    return bool(_INTEGER.fullmatch(text)) and len(text) <= 4000 and abs(int(text)) > LARGEST_EXACT


def _plain_dict(value: Mapping[object, object]) -> JsonDict:
    converted: JsonDict = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise mistyped("source", "string keys", key)
        converted[str(key)] = plain(item)
    return {"dict": converted} if len(value) == 1 and _MARKS.issuperset(converted) else converted


def _restore_dict(value: Mapping[str, object]) -> Any:
    mark, content = next(iter(value.items())) if len(value) == 1 else ("", None)
    if mark == "base64" and isinstance(content, str):
        try:
            return base64.b64decode(content, validate=True)
        except binascii.Error as error:
            raise MetadataError(f"expected base64, got damaged text ({error})", field="source") from error
    if mark == "text":
        return content
    if mark == "dict" and isinstance(content, Mapping):
        value = content
    return {key: restore(item) for key, item in value.items()}


def is_serializable(d: object) -> bool:
    """Return whether `json.dumps` takes `d`."""
    try:
        json.dumps(d)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False
    return True
