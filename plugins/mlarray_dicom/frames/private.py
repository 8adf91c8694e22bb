"""Numbers in private elements, read even where their VR got lost."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mlarray_dicom.elements import parts_of
from mlarray_dicom.parsing import PARSING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_BINARY = {4: "<f", 8: "<d", 24: "<3d"}
"""Kinds of numbers by length, for elements that came back as unknown (VR UN): FL, FD and three FD."""


def private_value(dataset: Dataset, group: int, element: int) -> object:
    """Return the value of a private element; None when it is absent or unreadable.

    Parameters
    ----------
    dataset
        A data set or an item.
    group, element
        Its tag.
    """
    try:
        found = dataset.get((group, element))
    except PARSING:
        return None
    return getattr(found, "value", None)


def private_numbers(dataset: Dataset, group: int, element: int) -> tuple[float, ...] | None:
    """Return the finite numbers of a private element, None when it has none.

    Parameters
    ----------
    dataset
        A data set or an item.
    group, element
        Its tag.
    """
    value = private_value(dataset, group, element)
    if value is None:
        return None
    parts = _unpacked(value) if isinstance(value, bytes) else parts_of(value)
    try:
        found = tuple(float(str(part)) for part in parts)
    except ValueError:
        return None
    return found if found and all(abs(part) < float("inf") for part in found) else None


def _unpacked(value: bytes) -> list[object]:
    """Return numbers of bytes: binary ones, or those that they spell."""
    if len(value) in _BINARY and value.strip(b" 0123456789.+-eE\\\0"):
        return list(struct.unpack(_BINARY[len(value)], value))
    return list(value.decode("latin-1").strip(" \0").split("\\"))
