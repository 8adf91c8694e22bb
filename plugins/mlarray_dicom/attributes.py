"""Positions, directions and distances of planes, checked (PS3.3, C.7.6.2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError
from mlarray_dicom.elements import Numbers, number_of, numbers_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pydicom.dataset import Dataset

Vector = tuple[float, float, float]

PART_OF_STEP = 0.1
"""Of the distance of slices: positions that differ by less are one. Electron microscopes have nanometres."""
FARTHEST = 1e12
"""Of a position, in mm: farther away no scanner is, and squares of numbers like 1e200 are none."""
UNIT = 1e-2
"""How far direction cosines may be from unit length and from a right angle: some files have two digits."""


def vector(dataset: Dataset, path: Path, keyword: str = "ImagePositionPatient") -> Vector | None:
    """Return three numbers of an attribute, in mm, None when it is absent.

    Parameters
    ----------
    dataset
        A data set or an item.
    path
        Of the file, for the error.
    keyword
        Of the attribute.

    Raises
    ------
    CorruptError
        It isn't three numbers, or they are larger than any place has.
    """
    found = numbers_of(dataset, keyword, path)
    if found is None:
        return None
    if len(found) != 3:
        raise CorruptError(f"is {shown(found)}, not three numbers", path=path, field=keyword)
    if max(map(abs, found)) > FARTHEST:
        raise CorruptError(f"is {shown(found)}, farther away than any place", path=path, field=keyword)
    return found[0], found[1], found[2]


def orientation(dataset: Dataset, path: Path, keyword: str = "ImageOrientationPatient") -> Numbers | None:
    """Return the six direction cosines of a data set, of its rows and of its columns.

    Parameters
    ----------
    dataset
        A data set or an item.
    path
        Of the file, for the error.
    keyword
        Of the attribute.

    Raises
    ------
    CorruptError
        They are no two perpendicular unit vectors.
    """
    found = numbers_of(dataset, keyword, path)
    if found is None:
        return None
    if len(found) != 6 or not _is_frame(found):
        raise CorruptError(f"is {shown(found)}, not two perpendicular unit vectors", path=path, field=keyword)
    return found


def _is_frame(cosines: Sequence[float]) -> bool:
    row, column = cosines[:3], cosines[3:]
    lengths = (math.hypot(*row), math.hypot(*column))
    product = sum(a * b for a, b in zip(row, column, strict=True))
    return all(abs(length - 1) < UNIT for length in lengths) and abs(product) < UNIT


def spacing(dataset: Dataset, path: Path, keyword: str = "PixelSpacing") -> tuple[float, float] | None:
    """Return the distance between rows, then between columns, in mm; None when absent, or zero.

    Parameters
    ----------
    dataset
        A data set or an item.
    path
        Of the file, for the error.
    keyword
        Of the attribute.

    Raises
    ------
    CorruptError
        It isn't two distances.
    """
    found = numbers_of(dataset, keyword, path)
    if found is None or not any(found):
        return None
    if len(found) != 2 or min(found) <= 0:
        raise CorruptError(f"is {shown(found)}, not two distances", path=path, field=keyword)
    return found[0], found[1]


def thickness(dataset: Dataset) -> float | None:
    """Return what the header claims the distance of slices to be, in mm; NaN when that can't be read.

    Only single slices and mosaics use it, so that an unreadable one is no error of other images.
    """
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        try:
            found = number_of(dataset, keyword)
        except CorruptError:
            return math.nan
        if found:
            return abs(found)
    return None


def claimed(thickness: float | None, path: Path) -> float | None:
    """Return a claimed distance of slices that is about to be used.

    Raises
    ------
    CorruptError
        It is there and can't be read.
    """
    if thickness is not None and math.isnan(thickness):
        raise CorruptError(
            "can't be read as a number, and nothing else says how far apart the slices are",
            path=path,
            field="SpacingBetweenSlices or SliceThickness",
        )
    return thickness


def normal(cosines: Sequence[float]) -> Vector:
    """Return the unit normal of a plane: row direction x column direction."""
    (a, b, c), (d, e, f) = cosines[:3], cosines[3:]
    x, y, z = b * f - c * e, c * d - a * f, a * e - b * d
    size = math.hypot(x, y, z)
    return x / size, y / size, z / size


def point(position: Iterable[float] | None) -> str:
    """Return a position as text."""
    return "(" + ", ".join(f"{value:.2f}" for value in (() if position is None else position)) + ")"


def place_key(position: Iterable[float], most: float, step: float | None) -> tuple[float, ...]:
    """Return where a slice lies, as a key that is the same for positions that count as one.

    Parameters
    ----------
    position
        In mm.
    most
        How far apart such positions are at most, in mm.
    step
        The distance of slices in mm, where it is known: within a part of it they must be.
    """
    same = min(most, PART_OF_STEP * step) if step else most
    steps = [value / (same or most) for value in position]
    return tuple(round(value) if math.isfinite(value) else value for value in steps)  # headers say 1e300 too
