"""Giving up precision, by explicit request only: values are rounded to steps of a power of two.

Rounded values end in zero bits, which every codec stores in less; so a lossy file is an ordinary one to every
reader, and the error that was promised holds whatever the codec.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlarray_core.errors import ArgumentError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Tolerance:
    """How far a stored value may be from the true one.

    Parameters
    ----------
    error
        The bound, > 0.
    relative
        Whether it is a part of the value (floating point only), or in the value's own unit.
    """

    error: float
    relative: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.error) and self.error > 0) or (self.relative and self.error >= 1):
            raise ArgumentError(f"a tolerance of {self.error} makes no sense", field="lossy")

    @classmethod
    def parse(cls, text: str) -> Tolerance:
        """Return the tolerance that ``tolerance=0.5`` or ``relative=0.001`` says.

        Raises
        ------
        ArgumentError
            It says neither.
        """
        kind, _, number = text.partition("=")
        try:
            error = float(number)
        except ValueError:
            error = math.nan
        if kind not in ("tolerance", "relative") or math.isnan(error):
            hint = "Say tolerance=0.5 or relative=0.001"
            raise ArgumentError(f"{text!r} is no tolerance", field="lossy", hint=hint)
        return cls(error, kind == "relative")

    def plain(self) -> dict[str, Any]:
        """Return what the metadata note."""
        return {"error": self.error, "kind": "relative" if self.relative else "absolute"}


def check_lossy(dtype: np.dtype[Any], tolerance: Tolerance, *, is_seg: bool) -> None:
    """Refuse what must not be rounded.

    Parameters
    ----------
    dtype
        Of the voxels.
    tolerance
        How far they may be rounded.
    is_seg
        Whether they are labels.

    Raises
    ------
    ArgumentError
        A label map, or a dtype that isn't a plain number; a relative error of integers.
    """
    if is_seg:
        hint = "Leave out --lossy, or say --no-labels (labels=False) if they are amounts"
        raise ArgumentError("labels can't be rounded: they are names, not amounts", field="lossy", hint=hint)
    if dtype.kind not in "iuf":
        raise ArgumentError(f"values of dtype {dtype} can't be rounded", field="lossy")
    if tolerance.relative and dtype.kind != "f":
        raise ArgumentError(
            "a relative error needs floating point values", field="lossy", hint="Say tolerance="
        )


def rounded(array: Array, tolerance: Tolerance) -> Array:
    """Return `array` with every value within `tolerance` of what it was; NaN and infinities stay.

    Parameters
    ----------
    array
        Integers or floating point numbers.
    tolerance
        The bound.
    """
    if tolerance.relative:
        return _significant(array, tolerance.error)
    step = 2.0 ** math.floor(math.log2(2 * tolerance.error))
    return _stepped_integers(array, step) if array.dtype.kind in "iu" else _stepped_floats(array, step)


def _stepped_integers(array: Array, step: float) -> Array:
    if step <= 1:
        return array
    limits = np.iinfo(array.dtype)
    width = int(min(step, 2.0 ** (8 * array.dtype.itemsize - 2)))
    rest = array & array.dtype.type(width - 1)
    down = array - rest
    up = (rest > width // 2) & (down <= limits.max - width)
    near = down + np.where(up, array.dtype.type(width), array.dtype.type(0))
    # where rounding up would overflow, the value itself is kept
    stuck = (rest > width // 2) & ~up
    result: Array = np.where(stuck, array, near)
    return result


def _stepped_floats(array: Array, step: float) -> Array:
    wide = array.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        near = (np.rint(wide / step) * step).astype(array.dtype)
        off = np.abs(near.astype(np.float64) - wide) > step / 2
    result: Array = np.where(np.isfinite(array) & ~off, near, array)
    return result


def _significant(array: Array, error: float) -> Array:
    """Keep as many bits of each value's mantissa as the relative error needs."""
    fraction, exponent = np.frexp(array)
    # the fraction is at least a half, so steps of `error` off it are within `error` of the value
    step = 2.0 ** math.floor(math.log2(error))
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.ldexp(np.rint(fraction / step) * step, exponent).astype(array.dtype)
    result: Array = np.where(np.isfinite(array) & np.isfinite(near), near, array)
    return result
