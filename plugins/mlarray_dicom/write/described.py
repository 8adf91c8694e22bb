"""A label as highdicom describes a segment: name, colour and codes (PS3.3, C.8.20.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_dicom.write.items import coded

if TYPE_CHECKING:
    from highdicom.seg import SegmentDescription

    from mlarray_core import Code, Label

_TISSUE = ("85756007", "SCT", "Tissue")
"""Category and type of a segment of which nothing is known: they must be said, and this says least."""


def described(label: Label, number: int) -> SegmentDescription:
    """Return the description of a segment.

    Parameters
    ----------
    label
        What the label table says of it.
    number
        Of the segment.
    """
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentDescription

    rgba = label.rgba
    made = SegmentDescription(
        number,
        (label.name or f"label {label.value}")[:64],
        _concept(label.category),
        _concept(label.code),
        "MANUAL",  # highdicom demands the family of other algorithms, of which nothing is known
        anatomic_regions=[_concept(label.region)] if label.region is not None else None,
        display_color=None if rgba is None else CIELabColor.from_rgb(*rgba[:3]),
    )
    if label.modifier is not None:
        kind = made.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = [coded(label.modifier)]
    return made


def _concept(code: Code | None) -> object:
    from highdicom.sr import CodedConcept

    if code is None:
        return CodedConcept(*_TISSUE)
    return CodedConcept(code.value, code.scheme, (code.meaning or code.value)[:64])
