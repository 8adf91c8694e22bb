"""What the numbers of a variable mean: type, packing, and which are missing (CF 1.11, 2.5.1 and 8.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.rescale import apply_rescale, dtype_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlarray_core import Rescale
    from mlarray_netcdf.files import Library

FILLS = ("_FillValue", "missing_value")
RANGES = ("valid_range", "valid_min", "valid_max")


@dataclass(frozen=True)
class Values:
    """How the stored numbers of a variable become its values.

    Parameters
    ----------
    stored
        Their type in the file, native.
    plain
        The same, or the unsigned one that `_Unsigned` makes of it.
    slope, intercept
        scale_factor and add_offset.
    missing
        The stored numbers that mark missing values, of the type `plain`.
    """

    stored: np.dtype[Any]
    plain: np.dtype[Any]
    slope: float
    intercept: float
    missing: tuple[float | int, ...]

    def convert(
        self, stored: np.ndarray[Any, Any], rescale: Rescale | None, *, empty: bool
    ) -> np.ndarray[Any, Any]:
        """Return values.

        Parameters
        ----------
        stored
            The numbers of the file.
        rescale
            What is applied; None or one that isn't applied for no packing.
        empty
            Whether missing ones become NaN, where the values are real numbers.
        """
        numbers = np.ascontiguousarray(stored, self.stored).view(self.plain)
        out = numbers
        if rescale is not None and rescale.applied:
            out = apply_rescale(numbers, rescale.slope, rescale.intercept, dtype_after(self.plain, rescale))
        if empty and self.missing and out.dtype.kind == "f":
            out = out.copy() if out is numbers else out
            for mark in self.missing:
                out[numbers == np.array(mark, self.plain)] = np.nan
        return out


def values_of(variable: Library, attributes: Mapping[str, object]) -> Values:
    """Return what a variable and its attributes say of its numbers."""
    stored = np.dtype(variable.dtype).newbyteorder("=")
    unsigned = str(attributes.get("_Unsigned", "")).lower() == "true" and stored.kind == "i"
    signed = str(attributes.get("_Unsigned", "")).lower() == "false" and stored.kind == "u"
    plain = (
        np.dtype({True: "u", False: "i"}[unsigned] + str(stored.itemsize)) if unsigned or signed else stored
    )
    slope, intercept = (_number(attributes.get(name)) for name in ("scale_factor", "add_offset"))
    marks = [_mark(attributes[name], plain) for name in FILLS if name in attributes]
    return Values(
        stored,
        plain,
        1.0 if slope is None else slope,
        0.0 if intercept is None else intercept,
        tuple(dict.fromkeys(mark for found in marks for mark in found)),
    )


def _mark(value: object, plain: np.dtype[Any]) -> list[float | int]:
    """Return the numbers of a mark that the type holds; a signed number for an unsigned type by its bits."""
    found: list[float | int] = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, bool) or not isinstance(one, int | float) or one != one:
            continue
        if plain.kind == "f":
            found.append(one)
        elif float(one).is_integer():
            bits = 8 * plain.itemsize
            number = int(one) + (1 << bits if plain.kind == "u" and one < 0 else 0)
            if np.iinfo(plain).min <= number <= np.iinfo(plain).max:
                found.append(number)
    return found


def _number(value: object) -> float | None:
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
