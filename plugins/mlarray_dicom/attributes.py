"""Values of attributes as numbers, vectors and directions; what is none of these is absent or an error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError
from mlarray_dicom.instance import value_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_dicom.instance import Instance

Vector = tuple[float, float, float]


def number(value: Any) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if value is None or isinstance(value, bytes):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def numbers(value: Any) -> tuple[float, ...] | None:
    """Return several finite numbers, or None."""
    if value is None or isinstance(value, str | bytes):
        return None
    try:
        items = list(value)
    except TypeError:
        items = [value]
    found = [number(item) for item in items]
    return None if None in found or not found else tuple(item for item in found if item is not None)


def vector(instance: Instance, keyword: str, dataset: Any = None) -> Vector | None:
    """Return three numbers of an attribute, None when it is absent."""
    value = value_of(instance.dataset if dataset is None else dataset, keyword)
    if value is None:
        return None
    found = numbers(value)
    if found is None or len(found) != 3:
        raise CorruptError(f"is {_shown(value)}, not three numbers", path=instance.path, field=keyword)
    return found[0], found[1], found[2]


def orientation(instance: Instance, dataset: Any) -> tuple[float, ...] | None:
    """Return the six direction cosines of a data set, checked to be two perpendicular unit vectors."""
    value = value_of(dataset, "ImageOrientationPatient")
    if value is None:
        return None
    found = numbers(value)
    if found is None or len(found) != 6 or not _is_frame(found):
        raise CorruptError(
            f"is {_shown(value)}, not two perpendicular unit vectors",
            path=instance.path,
            field="ImageOrientationPatient",
        )
    return found


def _is_frame(cosines: Sequence[float]) -> bool:
    row, column = cosines[:3], cosines[3:]
    lengths = (math.hypot(*row), math.hypot(*column))
    product = sum(a * b for a, b in zip(row, column, strict=True))
    return all(abs(length - 1) < 1e-2 for length in lengths) and abs(product) < 1e-2


def spacing(dataset: Any) -> tuple[float, float] | None:
    """Return Pixel Spacing: between rows, between columns; None when absent or senseless."""
    found = numbers(value_of(dataset, "PixelSpacing"))
    if found is None or len(found) != 2 or min(found) <= 0:
        return None
    return found[0], found[1]


def thickness(dataset: Any) -> float | None:
    """Return what the header claims the distance of slices to be."""
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        found = number(value_of(dataset, keyword))
        if found:
            return abs(found)
    return None


def normal(cosines: Sequence[float]) -> Vector:
    """Return the unit normal of a plane: row direction x column direction."""
    (a, b, c), (d, e, f) = cosines[:3], cosines[3:]
    x, y, z = b * f - c * e, c * d - a * f, a * e - b * d
    size = math.hypot(x, y, z)
    return x / size, y / size, z / size


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) < 80 else text[:79] + "…"


def point(position: Any) -> str:
    """Return a position as text."""
    return "(" + ", ".join(f"{value:.2f}" for value in position) + ")"
