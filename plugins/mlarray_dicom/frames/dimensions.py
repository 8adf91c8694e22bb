"""Dimension indices of multi-frame objects: what the file itself says tells its frames apart (C.7.6.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_dicom.elements import loose_numbers, text_of, value_of
from mlarray_dicom.frames.frame import Dimension

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from mlarray_dicom.instance import Instance

_PLACES = frozenset({
    0x00209056,  # Stack ID
    0x00209057,  # In-Stack Position Number
    0x00200032,  # Image Position (Patient)
    0x00209301,  # Image Position (Volume)
    0x00209113,  # Plane Position Sequence
    0x0048021A,  # Plane Position (Slide) Sequence
    0x0048021E,  # Column Position in Total Image Pixel Matrix
    0x0048021F,  # Row Position in Total Image Pixel Matrix
    0x0040072A,  # X, Y and Z offset in the slide
    0x0040073A,
    0x0040074A,
    0x0062000B,  # Referenced Segment Number
})  # fmt: skip
"""Pointers of dimensions that say where a frame lies, or of which segment it is, which is read elsewhere."""


class Dimensions:
    """The dimensions of a file that tell frames at one position apart.

    Parameters
    ----------
    instance
        An enhanced object.
    """

    def __init__(self, instance: Instance) -> None:
        self._names: list[str | None] = [_name(item) for item in instance.items("DimensionIndexSequence")]

    def of(self, content: Dataset | None) -> tuple[Dimension, ...]:
        """Return the indices that a Frame Content item has; none where they don't fit the dimensions."""
        values = None if content is None else loose_numbers(content, "DimensionIndexValues")
        if values is None or len(values) != len(self._names):
            return ()
        return tuple(
            Dimension(name, int(value)) for name, value in zip(self._names, values, strict=True) if name
        )


def _name(item: Dataset) -> str | None:
    """Return the name of a dimension, None for one that says where a frame lies."""
    from pydicom.datadict import keyword_for_tag

    pointer = value_of(item, "DimensionIndexPointer")
    if not isinstance(pointer, int):
        return None
    if pointer in _PLACES:
        return None
    described = text_of(item, "DimensionDescriptionLabel")
    return keyword_for_tag(pointer) or described or f"({pointer >> 16:04X},{pointer & 0xFFFF:04X})"
