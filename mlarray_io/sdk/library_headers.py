"""Headers that a library hands out as objects of its own, as JSON can hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

from mlarray_core.headers import plain

LONGEST = 100_000
"""Most numbers of an array that are kept: more are data, not a header."""


def header_values(value: object) -> Any:
    """Return a header in the spelling of `mlarray_core.headers`.

    Dataclasses and named tuples become dicts, sets lists; arrays of very many numbers become their shape and
    type; whatever else JSON has no spelling for becomes its text.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return header_values(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): header_values(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return header_values(value._asdict())
    if isinstance(value, list | tuple | set | frozenset):
        return [header_values(item) for item in value]
    if isinstance(value, np.ndarray):
        if value.size > LONGEST or value.dtype.kind == "V":
            return f"{value.dtype} of shape {value.shape}"
        return header_values(value.tolist())
    if isinstance(value, np.generic):
        return header_values(value.item())
    return plain(value) if isinstance(value, str | int | float | bytes | None) else str(value)
