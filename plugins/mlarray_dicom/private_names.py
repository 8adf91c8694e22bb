"""What is used of pydicom beyond its public interface, in one place: tests check that it is still there.

`Dataset._dict` maps a tag to its element, raw or converted. The public ways to an element convert it, which
fails for values that break the rules of their VR, and takes most of the time of reading a header.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    Element: TypeAlias = DataElement | RawDataElement


def elements(dataset: Dataset) -> dict[BaseTag, Element]:
    """Return the elements of a data set by tag, as they are stored in it."""
    return cast("dict[BaseTag, Element]", dataset._dict)
