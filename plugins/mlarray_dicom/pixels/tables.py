"""Lookup tables: Modality LUTs (PS3.3, C.11.1) and palettes (C.7.6.3.1.5, C.7.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError
from mlarray_dicom.elements import has, numbers_of, value_of
from mlarray_dicom.parsing import PARSING, quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from mlarray_dicom.instance import Instance

Array = np.ndarray[Any, Any]

WHOLE = 1 << 16
"""Entries of a table whose descriptor says 0, which 16 bits can't say otherwise."""
_HALF = 1 << 15
_COLOURS = ("Red", "Green", "Blue")


class Table:
    """One lookup table.

    Parameters
    ----------
    entries
        What values are replaced with.
    first
        The stored value that gets the first entry; lower ones get it too, higher ones than the last the last.
    """

    def __init__(self, entries: Array, first: int) -> None:
        self.entries, self.first = entries, first

    def __call__(self, stored: Array) -> Array:
        """Return what stored values stand for."""
        index = stored.astype(np.int64) - self.first
        return self.entries[np.clip(index, 0, len(self.entries) - 1)]


def modality_table_of(instance: Instance) -> Table | None:
    """Return the Modality LUT of a file, None when it has none, or one without descriptor and data.

    Raises
    ------
    CorruptError
        It is no lookup table.
    """
    items = instance.items("ModalityLUTSequence")
    if not items or not (has(items[0], "LUTDescriptor") or has(items[0], "LUTData")):
        return None
    try:
        with quiet():
            count, first, bits = _descriptor(items[0], "LUTDescriptor", instance)
            entries = _entries(value_of(items[0], "LUTData"), count, bits, instance.dataset)
    except (TypeError, ValueError) as error:
        raise CorruptError("is no lookup table", path=instance.path, field="ModalityLUTSequence") from error
    if len(entries) < count or not 0 < bits <= 16:
        raise CorruptError(
            f"has {len(entries)} entries of {count}", path=instance.path, field="ModalityLUTSequence"
        )
    return Table(entries[:count].astype(np.uint8 if bits <= 8 else np.uint16), first)


def has_empty_table(instance: Instance) -> bool:
    """Say whether a file has a Modality LUT without a table in it."""
    return has(instance.dataset, "ModalityLUTSequence") and modality_table_of(instance) is None


def _descriptor(dataset: Dataset, keyword: str, instance: Instance) -> tuple[int, int, int]:
    """Return number of entries, first value mapped, and bits of an entry (C.11.1.1.1)."""
    found = numbers_of(dataset, keyword, instance.path)
    if found is None or len(found) != 3:
        raise ValueError("no descriptor")
    count, first, bits = (int(value) for value in found)
    count &= WHOLE - 1  # an element that was written as signed
    if instance.get("PixelRepresentation") == 1 and first >= _HALF:
        first -= WHOLE
    return count or WHOLE, first, bits


def _entries(data: object, count: int, bits: int, dataset: Dataset) -> Array:
    """Return the entries that bytes or numbers hold: of 8 bits in bytes or in words of 16 (C.7.6.3.1.6)."""
    if isinstance(data, bytes):
        little = dataset.original_encoding[1] is not False
        if len(data) >= 2 * count:
            return np.frombuffer(data[: 2 * count], "<u2" if little else ">u2").astype(np.uint16)
        if bits <= 8:
            return np.frombuffer(data, np.uint8)[:count]
        return np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little else ">u2").astype(np.uint16)
    words: Sequence[int] = np.atleast_1d(np.asarray(data, dtype=np.int64)).tolist()
    if bits <= 8 and len(words) < count <= 2 * len(words):
        return np.array(words, "<u2").view(np.uint8)[:count]
    return np.array(words, dtype=np.int64).astype(np.uint16)


class Palette:
    """Red, green and blue for each index.

    Parameters
    ----------
    instance
        The file whose tables to read.

    Raises
    ------
    CorruptError
        It has none that make sense.
    """

    def __init__(self, instance: Instance) -> None:
        self._path = instance.path
        try:
            with quiet():
                tables = [self._table(instance, colour) for colour in _COLOURS]
        except PARSING as error:
            raise self._unusable(" ".join(str(error).split())[:120]) from error
        self._tables = tables
        colours = np.concatenate([table.entries for table in tables])
        self._shift = _eight_in_sixteen(colours)
        self.dtype = np.dtype(np.uint8) if self._shift else colours.dtype

    def __call__(self, stored: Array) -> Array:
        """Return colours, RGB last."""
        colours = np.stack([table(stored) for table in self._tables], axis=-1)
        return (colours >> 8).astype(np.uint8) if self._shift else colours.astype(self.dtype, copy=False)

    def _table(self, instance: Instance, colour: str) -> Table:
        name = f"{colour}PaletteColorLookupTable"
        count, first, bits = _descriptor(instance.dataset, f"{name}Descriptor", instance)
        if has(instance.dataset, f"Segmented{name}Data"):
            return Table(_expanded(instance, colour, count), first)
        data = instance.get(f"{name}Data")
        if data is None:
            raise ValueError(f"there is no {name}Data")
        entries = _entries(data, count, bits, instance.dataset)
        if len(entries) < count:
            raise ValueError(f"{name}Data has {len(entries)} entries of {count}")
        return Table(entries[:count], first)

    def _unusable(self, why: str) -> CorruptError:
        return CorruptError(
            f"its palette can't be used ({why})", path=self._path, hint="Keep indices with -o palette=index"
        )


def _expanded(instance: Instance, colour: str, count: int) -> Array:
    """Return the entries that a segmented palette makes (C.7.9.2), as pydicom works them out."""
    from pydicom.pixels import apply_color_lut

    first = _descriptor(instance.dataset, f"{colour}PaletteColorLookupTableDescriptor", instance)[1]
    values = np.arange(first, first + count).reshape(1, -1)
    return np.asarray(apply_color_lut(values, instance.dataset))[0, :, _COLOURS.index(colour)]


def _eight_in_sixteen(colours: Array) -> bool:
    """Say whether 16-bit colours hold 8 bits: in the high byte, with the low one empty or the same."""
    if colours.dtype != np.uint16:
        return False
    high, low = colours >> 8, colours & 0xFF
    return bool((low == 0).all() or (low == high).all())
