"""What the numbers of a unit mean: type, scaling, and which are undefined (FITS 4.0, 4.4.2.5 and 5.2.5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError
from mlarray_core.rescale import apply_rescale, dtype_after

if TYPE_CHECKING:
    from mlarray_core import Rescale
    from mlarray_fits.units import Unit

_STORED = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_OTHER_SIGN = {8: -(2**7), 16: 2**15, 32: 2**31, 64: 2**63}
"""BZERO that stands for integers of the other sign (FITS 4.0, table 11)."""


@dataclass(frozen=True)
class Pixels:
    """How the stored numbers of a unit become its pixels.

    Parameters
    ----------
    stored
        Their type in the file.
    other_sign
        Whether they are integers of the other sign, of which half the range was taken.
    slope, intercept
        BSCALE and BZERO, 1 and 0 for integers of the other sign.
    blank
        The stored integer that marks undefined pixels.
    """

    stored: np.dtype[Any]
    other_sign: bool
    slope: float
    intercept: float
    blank: int | None

    @property
    def plain(self) -> np.dtype[Any]:
        """Type of the numbers without scaling."""
        native = self.stored.newbyteorder("=")
        if not self.other_sign:
            return native
        return np.dtype(("i" if native.kind == "u" else "u") + str(native.itemsize))

    def convert(
        self, stored: np.ndarray[Any, Any], rescale: Rescale | None, *, undefined: bool
    ) -> np.ndarray[Any, Any]:
        """Return pixels.

        Parameters
        ----------
        stored
            The numbers of the file, in any byte order.
        rescale
            What is applied; None or one that isn't applied for no scaling.
        undefined
            Whether undefined ones of scaled integers become NaN.
        """
        values = stored.astype(self.stored.newbyteorder("="), copy=False)
        if self.other_sign:
            unsigned = np.dtype(f"u{values.itemsize}")
            top = unsigned.type(1 << (8 * values.itemsize - 1))  # turning it adds half the range
            values = (values.view(unsigned) ^ top).view(self.plain)
        if rescale is None or not rescale.applied:
            return values
        out = apply_rescale(values, rescale.slope, rescale.intercept, dtype_after(self.plain, rescale))
        if undefined and self.blank is not None and out.dtype.kind == "f":
            out[values == self.blank] = np.nan
        return out


def pixels_of(unit: Unit) -> Pixels:
    """Return what the header of an image says of its numbers.

    Raises
    ------
    CorruptError
        BITPIX is none that FITS has, or a factor is no number.
    """
    header = unit.header
    bits = int(header["BITPIX"])
    if bits not in _STORED:
        raise CorruptError("is none of 8, 16, 32, 64, -32 and -64", field="BITPIX")
    slope, zero = (_number(header, name, default) for name, default in (("BSCALE", 1.0), ("BZERO", 0.0)))
    stored = np.dtype(_STORED[bits])
    other = bits > 0 and slope == 1 and zero == _OTHER_SIGN[bits]
    blank = header.get("BLANK") if bits > 0 else None
    known = int(blank) if isinstance(blank, int) and not isinstance(blank, bool) else None
    return Pixels(stored, other, 1.0 if other else slope, 0.0 if other else zero, known)


def _number(header: Unit, name: str, default: float) -> float:
    try:
        value = float(header.get(name, default))
    except (TypeError, ValueError) as error:
        raise CorruptError("is no number", field=name) from error
    if not math.isfinite(value):
        raise CorruptError("is no finite number", field=name)
    return value
