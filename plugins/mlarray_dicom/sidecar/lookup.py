"""Looking up what a header says, wherever its kind of object keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_dicom.elements import loose_numbers, parts_of, text_of, texts_of
from mlarray_dicom.frames.private import private_numbers, private_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

    from mlarray_dicom.frames.enhanced import Groups

_ITEMS = ((0x2005, 0x140F), (0x2005, 0x140E), (0x0021, 0x11FE), (0x0021, 0x10FE))
"""Sequences that makers add to functional groups: Philips' two have the standard's attributes of single-frame
objects in them, those of Siemens (XA) private elements."""
_MAKERS = {
    "SIEMENS": "Siemens", "GE": "GE", "PHILIPS": "Philips", "TOSHIBA": "Toshiba", "CANON": "Canon",
    "MEDISO": "Mediso", "HITACHI": "Hitachi", "UIH": "UIH", "BRUKER": "Bruker", "HYPERFINE": "Hyperfine",
}  # fmt: skip
"""How dcm2niix, and what works with its sidecars, spell makers."""


class Lookup:
    """A header, with the functional groups of its first frame.

    Parameters
    ----------
    dataset
        Whole header of the first file.
    groups
        None of an object without functional groups.

    Attributes
    ----------
    dataset, groups
        As given.
    maker
        Who made the device, spelt as dcm2niix does; as the header does where dcm2niix doesn't know it.
    """

    def __init__(self, dataset: Dataset, groups: Groups | None) -> None:
        self.dataset, self.groups = dataset, groups
        self._items = [item for tag in _ITEMS for item in groups.private_items(*tag)] if groups else []
        text = text_of(dataset, "Manufacturer")
        first = text.upper().replace("-", " ").partition(" ")[0]
        self.maker = next((name for key, name in _MAKERS.items() if first.startswith(key)), text)

    @property
    def places(self) -> Iterator[Dataset]:
        """Where attributes may be: the header, then what makers add to functional groups."""
        yield self.dataset
        yield from self._items

    def numbers(self, keyword: str, macro: tuple[str, str] | None = None) -> tuple[float, ...] | None:
        """Return the numbers of an attribute, None where it isn't there.

        Parameters
        ----------
        keyword
            Of the attribute.
        macro
            Functional group and attribute that say it in multi-frame objects.
        """
        found = loose_numbers(self.dataset, keyword)
        if not found and self.groups is not None and macro is not None:
            found = self.groups.numbers(*macro)
        places = iter(self._items)
        while not found and (item := next(places, None)) is not None:
            found = loose_numbers(item, keyword)
        return tuple(found) if found else None

    def number(self, keyword: str, macro: tuple[str, str] | None = None) -> float | None:
        """Return the first of those numbers."""
        found = self.numbers(keyword, macro)
        return found[0] if found else None

    def text(self, keyword: str, macro: tuple[str, str] | None = None) -> str:
        """Return a text; several values of one attribute with backslashes between them, as DICOM stores them.

        Parameters
        ----------
        keyword, macro
            As for `numbers`.
        """
        text = "\\".join(texts_of(self.dataset, keyword)).strip()
        if not text and self.groups is not None and macro is not None:
            text = self.groups.text(*macro) or ""
        others = ("\\".join(texts_of(item, keyword)).strip() for item in self._items)
        return text or next((other for other in others if other), "")

    def private_numbers(self, group: int, element: int) -> tuple[float, ...] | None:
        """Return the numbers of a private element."""
        several = (private_numbers(place, group, element) for place in self.places)
        return next((found for found in several if found), None)

    def private_text(self, group: int, element: int) -> str:
        """Return the text of a private element, several values with backslashes between them."""
        for place in self.places:
            value = private_value(place, group, element)
            if isinstance(value, bytes):
                value = value.decode("latin-1").rstrip(" \0")
            text = "\\".join(str(part).strip() for part in parts_of(value)) if value is not None else ""
            if text:
                return text
        return ""
