"""Floats of a VAX (F_floating, VAX Architecture Reference Manual), which Scanco's programs go on writing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_io.sdk import RawReader

if TYPE_CHECKING:
    from typing import Any

    from mlarray_io import Box

_EXPONENT = 23
"""The bit that the exponent begins with; it is 2 more than that of IEEE 754."""


def from_vax(stored: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return numbers, as float32: the words of each change places, and its exponent is less by 2.

    An exponent of 0 is the number 0; with a sign it stands for no number.

    Parameters
    ----------
    stored
        Four bytes each, as they lie in the file.
    """
    words = np.ascontiguousarray(stored).view("<u4").astype(np.uint32)
    bits = (words << 16) | (words >> 16)
    exponent = (bits >> _EXPONENT) & 255
    large = (bits - np.uint32(2 << _EXPONENT)).view(np.float32)
    found = np.where(exponent > 2, large, bits.view(np.float32) / 4)  # small ones have no room for less
    none = np.where(bits >> 31, np.float32(np.nan), np.float32(0))
    return np.where(exponent > 0, found, none).astype(np.float32)


class VaxReader(RawReader):
    """An open image of such numbers."""

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        return from_vax(super().__getitem__(box))
