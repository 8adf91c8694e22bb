"""What the axes of an image are, as its world coordinate system says (FITS 4.0, 8).

The sky is no flat space: a celestial system keeps its keywords, and only the size of a pixel at the reference
point is taken from it. Axes that the system makes linear get their positions.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import AxisValues
from mlarray_core.errors import CorruptError
from mlarray_core.units import is_length, symbol_of
from mlarray_io.sdk import labels_of_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST = 100_000
"""Most positions along an axis that are kept in the metadata."""

_CELESTIAL = re.compile(r"(RA--|DEC-|[A-Z-]LON|[A-Z-]LAT|[A-Z]{2}L[NT])-[A-Z0-9]{3}(-[A-Z]{3})?$")
"""Longitude and latitude of any system with the projection behind it (FITS 4.0, 8.2)."""
_SPECTRAL = {
    "FREQ": "Hz", "ENER": "J", "WAVN": "1/m", "VRAD": "m/s", "WAVE": "m", "VOPT": "m/s", "ZOPT": "",
    "AWAV": "m", "VELO": "m/s", "BETA": "",
}  # fmt: skip
"""Kinds of spectral coordinates and their default units (FITS 4.0, table 25)."""
_TIMES = {"TIME", "UTC", "TAI", "TT", "TDB", "TCB", "TCG", "TDT", "ET", "IAT", "UT1", "GPS", "LOCAL"}
"""Scales of time that name an axis (FITS 4.0, table 30)."""
_STOKES = {1: "I", 2: "Q", 3: "U", 4: "V"} | dict(
    zip(range(-1, -9, -1), ("RR", "LL", "RL", "LR", "XX", "YY", "XY", "YX"), strict=True)
)
"""FITS 4.0, table 29."""


class System:
    """The primary world coordinate system of an image.

    Parameters
    ----------
    header
        Keywords and their values.
    shape
        Of the image, slowest axis first.
    """

    def __init__(self, header: Mapping[str, object], shape: Sequence[int]) -> None:
        self._header, self._shape = header, tuple(shape)
        self.ndim = len(self._shape)
        self.kinds = [self._text(f"CTYPE{number}").upper() for number in self._numbers]
        self.matrix = self._matrix()

    @property
    def _numbers(self) -> range:
        """FITS' numbers of the axes in the order of the array: the last one of FITS first."""
        return range(self.ndim, 0, -1)

    def labels(self) -> list[str]:
        """Return the label of each axis: the picture's two are space, others what the system calls them."""
        plane = self._plane()
        names: list[str | None] = []
        for axis, kind in enumerate(self.kinds):
            if axis in plane:
                names.append("xy"[axis == plane[0]])
            elif kind[:4] in _SPECTRAL:
                names.append("spectral")
            elif kind in _TIMES:
                names.append("time")
            else:
                names.append(kind.lower() or None)
        return labels_of_names(names)

    def _plane(self) -> list[int]:
        """Return the axes of the picture, slower one first: celestial ones, else the last two if unnamed."""
        found = [axis for axis, kind in enumerate(self.kinds) if _CELESTIAL.match(kind)]
        if len(found) == 2:
            return found
        last = list(range(self.ndim))[-2:]
        return last if len(last) == 2 and not any(self._is_named(axis) for axis in last) else []

    def _is_named(self, axis: int) -> bool:
        kind = self.kinds[axis]
        return kind[:4] in _SPECTRAL or kind in _TIMES or kind == "STOKES"

    def spacing(self) -> tuple[list[float], list[str]] | None:
        """Return size and unit of a pixel along the picture's axes; None where the system doesn't give them.

        Of a celestial system it is that at the reference point, in the plane of the projection
        (FITS 4.0, 8.2: default units are degrees).
        """
        plane = self._plane()
        if not plane:
            return None
        celestial = all(_CELESTIAL.match(self.kinds[axis]) for axis in plane)
        units = [symbol_of(self._text(f"CUNIT{self.ndim - axis}")) or "deg" * celestial for axis in plane]
        scales = np.linalg.norm(self.matrix[np.ix_(plane, plane)], axis=0)
        usable = (celestial and len(set(units)) == 1) or all(map(is_length, units))
        if not usable or not self._is_given() or not (np.isfinite(scales).all() and (scales > 0).all()):
            return None
        if not celestial and not np.array_equal(np.abs(np.diag(self.matrix)[plane]), scales):
            return None  # turned axes whose units may differ
        return scales.tolist(), units

    def positions(self) -> dict[int, AxisValues]:
        """Return what lies along the axes that aren't the picture's, where it is linear, by axis."""
        found = {}
        plane = self._plane()
        for axis, kind in enumerate(self.kinds):
            values = self._linear(axis)
            if axis in plane or values is None or not (self._is_named(axis)):
                continue
            if kind == "STOKES":
                codes = [_STOKES.get(round(value)) for value in values]
                if all(codes):
                    found[axis] = AxisValues("Stokes parameter", "", codes)
            elif len(kind) == 4 or kind in _TIMES:
                unit = self._text(f"CUNIT{self.ndim - axis}") or _SPECTRAL.get(kind, "s")
                found[axis] = AxisValues(kind, symbol_of(unit), values)
        return found

    def _linear(self, axis: int) -> list[float] | None:
        """Return CRVAL + CDELT * (pixel - CRPIX), pixels counted from 1; None where other axes take part."""
        number, size = self.ndim - axis, self._shape[axis]
        others = np.delete(self.matrix[axis], axis), np.delete(self.matrix[:, axis], axis)
        step = float(self.matrix[axis, axis])
        if any(np.any(other) for other in others) or not step or size > LONGEST or not self._is_given(number):
            return None
        start, at = self._number(f"CRVAL{number}", 0.0), self._number(f"CRPIX{number}", 0.0)
        values = [start + step * (pixel - at) for pixel in range(1, size + 1)]
        return values if all(map(math.isfinite, values)) else None

    def _is_given(self, number: int | None = None) -> bool:
        names = [f"CDELT{number}", f"CD{number}_{number}"] if number else ["CDELT1", "CD1_1"]
        return any(name in self._header for name in names)

    def _matrix(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the matrix from pixels to intermediate world coordinates, rows and columns in array order.

        CDi_j, else CDELTi * PCi_j, whose default is the identity (FITS 4.0, 8.1).
        """
        matrix = np.zeros((self.ndim, self.ndim))
        cards = [f"CD{row}_{column}" for row in self._numbers for column in self._numbers]
        whole = any(name in self._header for name in cards)
        for i, row in enumerate(self._numbers):
            scale = 1.0 if whole else self._number(f"CDELT{row}", 1.0)
            for j, column in enumerate(self._numbers):
                default = 0.0 if whole or i != j else 1.0
                matrix[i, j] = scale * self._number(f"{'CD' if whole else 'PC'}{row}_{column}", default)
        return matrix

    def _text(self, name: str) -> str:
        value = self._header.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def _number(self, name: str, default: float) -> float:
        value = self._header.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise CorruptError("is no number", field=name)
        return float(value)
