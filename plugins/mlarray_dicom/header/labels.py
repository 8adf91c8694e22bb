"""The label table that a segmentation has (PS3.3, C.8.20.4): names, colours and codes of its segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_core import Label
from mlarray_core.meta import Code, color_of
from mlarray_dicom.elements import items_of, loose_number, loose_numbers, text_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from mlarray_dicom.elements import Numbers
    from mlarray_dicom.instance import Instance

_WHITE = (0.950456, 1.0, 1.088754)
"""XYZ of the D65 white. PS3.3, C.10.7.1.1 means D50, but the programs that write segmentations take D65
(highdicom 0.28), and the colours that they meant come back by it; the difference is 6 of 255 at most."""
_TO_SRGB = (
    (3.2404542, -1.5371385, -0.4985314),
    (-0.9692660, 1.8760108, 0.0415560),
    (0.0556434, -0.2040259, 1.0572252),
)
"""XYZ to linear sRGB (IEC 61966-2-1)."""
_TYPE = "SegmentedPropertyTypeCodeSequence"
_BACKGROUND = ("DCM", "125040")
"""Code of the background (CID 7150)."""


def labels_of(instance: Instance, *, masks: bool) -> list[Label]:
    """Return what the labels of a segmentation mean, by ascending value.

    Parameters
    ----------
    instance
        The file.
    masks
        Whether the voxels are 1 where its only segment is, whatever its number.
    """
    found: dict[int, Label] = {}
    for item in instance.items("SegmentSequence"):
        number = loose_number(item, "SegmentNumber")
        if number == 0 and _is_background(item):
            continue  # a LABELMAP has to describe what no segment is (C.8.20.4.2)
        if number is not None:
            value = 1 if masks else int(number)
            found.setdefault(value, _label(item, value))
    return [found[value] for value in sorted(found)]


def _is_background(item: Dataset) -> bool:
    code = code_of(item, _TYPE)
    return code is not None and (code.scheme, code.value) == _BACKGROUND


def _label(item: Dataset, value: int) -> Label:
    kind = items_of(item, _TYPE)
    lab = loose_numbers(item, "RecommendedDisplayCIELabValue")
    color = color_of(*_srgb(lab)) if lab is not None and len(lab) == 3 else None
    return Label(
        value,
        text_of(item, "SegmentLabel"),
        color,
        code=code_of(item, _TYPE),
        category=code_of(item, "SegmentedPropertyCategoryCodeSequence"),
        modifier=code_of(kind[0], "SegmentedPropertyTypeModifierCodeSequence") if kind else None,
        region=code_of(item, "AnatomicRegionSequence"),
    )


def code_of(item: Dataset, keyword: str) -> Code | None:
    """Return a coded concept (PS3.3, 8.8), None when it isn't there or has no value."""
    codes = items_of(item, keyword)
    if not codes:
        return None
    scheme = text_of(codes[0], "CodingSchemeDesignator")
    named = (text_of(codes[0], name) for name in ("CodeValue", "LongCodeValue", "URNCodeValue"))
    value = next(filter(None, named), "")
    return Code(scheme, value, text_of(codes[0], "CodeMeaning")) if value else None


def _srgb(values: Numbers) -> tuple[float, float, float]:
    """Return red, green and blue, 0 to 255, of CIELab stored in 16 bits each (C.10.7.1.1)."""
    lightness = values[0] / 65535 * 100
    green_red, blue_yellow = (value / 65535 * 255 - 128 for value in values[1:])
    middle = (lightness + 16) / 116
    steps = (middle + green_red / 500, middle, middle - blue_yellow / 200)
    xyz = [white * _cubed(step) for white, step in zip(_WHITE, steps, strict=True)]
    red, green, blue = (
        255 * _curved(sum(factor * part for factor, part in zip(row, xyz, strict=True))) for row in _TO_SRGB
    )
    return red, green, blue


def _cubed(step: float) -> float:
    """Undo the compression of CIELab (CIE 15)."""
    return step**3 if step > 6 / 29 else 3 * (6 / 29) ** 2 * (step - 4 / 29)


def _curved(light: float) -> float:
    """Return the value that sRGB stores for a part of full light (IEC 61966-2-1), within 0 and 1."""
    light = min(max(light, 0.0), 1.0)
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
