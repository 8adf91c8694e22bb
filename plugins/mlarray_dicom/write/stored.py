"""How voxels are stored: the integers that they are, or slope, intercept and the integers behind them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Rescale
from mlarray_core.errors import MLArrayError, UnsupportedError
from mlarray_core.rescale import apply_rescale, undo_rescale
from mlarray_dicom.write.frames import frames
from mlarray_dicom.write.place import decimal

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_dicom.write.frames import Array, Axes
    from mlarray_io import Context, Reader

_MOST = 2**16 - 1
"""The greatest stored value of 16 bits, the most that image classes hold."""


@dataclass(frozen=True)
class Stored:
    """How voxels are stored.

    Parameters
    ----------
    dtype
        Of the stored values.
    bits
        How many of them are used.
    slope, intercept
        What makes voxels of stored values.
    exact
        Whether it makes the very same ones.
    """

    dtype: np.dtype[Any]
    bits: int
    slope: float = 1.0
    intercept: float = 0.0
    exact: bool = True

    def __call__(self, voxels: Array) -> Array:
        """Return the stored values of a frame."""
        if (self.slope, self.intercept) == (1.0, 0.0) or self.dtype.kind == "f":
            return voxels.astype(self.dtype, copy=False)
        return undo_rescale(voxels, Rescale(self.slope, self.intercept, self.dtype.name))

    def at_least(self, size: int) -> Stored:
        """Return the same in a type of `size` bytes or more, as classes ask for that have no fewer."""
        if self.dtype.itemsize >= size:
            return self
        kind = np.dtype(f"{'i' if self.dtype.kind == 'i' else 'u'}{size}")
        return Stored(kind, 8 * size, self.slope, self.intercept, self.exact)


def exactly_stored(reader: Reader, axes: Axes, context: Context) -> Stored | None:
    """Return how integers of at most 16 bits, or rescaled ones, are stored without loss; None for others.

    Parameters
    ----------
    reader
        The image; read once where slope and intercept have to be tried.
    axes
        What its axes are.
    context
        Of the conversion.
    """
    dtype = reader.dtype.newbyteorder("=")
    if dtype.kind == "b":
        return Stored(np.dtype(np.uint8), 8)
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        return Stored(dtype, 8 * dtype.itemsize)
    rescale = Additions.of(reader.meta).rescale
    if rescale is not None and rescale.applied and rescale.dtype in ("int8", "uint8", "int16", "uint16"):
        found = _rescaled(reader, axes, rescale, context)
        if found is not None:
            return found
    return _moved(reader, axes, context) if dtype.kind in "iu" else None


def _rescaled(reader: Reader, axes: Axes, rescale: Rescale, context: Context) -> Stored | None:
    """Return the source's slope and intercept, when they make the voxels as they are now."""
    if any(float(decimal(value)) != value for value in (rescale.slope, rescale.intercept)):
        return None
    low, high = _MOST, -_MOST
    for voxels in frames(reader, axes, context.silent()):
        try:
            stored = undo_rescale(voxels, rescale)
        except MLArrayError:
            return None
        if not np.array_equal(apply_rescale(stored, rescale.slope, rescale.intercept, voxels.dtype), voxels):
            return None
        low, high = min(low, int(stored.min())), max(high, int(stored.max()))
    kind = np.dtype(rescale.dtype)
    bits = _source_bits(reader, kind)
    signed = kind.kind == "i"
    fits = (-(2 ** (bits - 1)) if signed else 0) <= low and high < 2 ** (bits - signed)
    return Stored(kind, bits if fits else 8 * kind.itemsize, rescale.slope, rescale.intercept)


def _source_bits(reader: Reader, kind: np.dtype[Any]) -> int:
    """Return Bits Stored of the DICOM header that the image came with: it decides the type on reading."""
    whole = 8 * kind.itemsize
    if reader.meta._image_meta_format.value != "dicom":
        return whole
    element = reader.meta.source.to_plain().get("constant", {}).get("00280101", {})
    values = element.get("Value") if isinstance(element, dict) else None
    value = values[0] if isinstance(values, list) and values else whole
    return value if isinstance(value, int) and 1 < value <= whole else whole


def _moved(reader: Reader, axes: Axes, context: Context) -> Stored | None:
    """Return the intercept that brings wide integers into 16 bits; None when they span more."""
    low, high = value_range(reader, axes, context)
    if high - low > _MOST or abs(low) >= 2**53:
        return None
    if low >= 0 and high <= _MOST:
        return Stored(np.dtype(np.uint16), 16)
    if low >= -(2**15) and high < 2**15:
        return Stored(np.dtype(np.int16), 16)
    return Stored(np.dtype(np.uint16), 16, 1.0, float(low))


def rounded(reader: Reader, axes: Axes, target: Path, context: Context) -> Stored:
    """Return slope and intercept that spread real values over 16 bits; the rounding is reported.

    Parameters
    ----------
    reader, axes
        The image; read once.
    target
        The file, for errors.
    context
        Told of the loss.

    Raises
    ------
    UnsupportedError
        It isn't real, or has voxels that are no number.
    """
    if reader.dtype.kind not in "iuf":
        raise UnsupportedError(
            f"DICOM has no voxels of type {reader.dtype}",
            path=target,
            hint="Write real and imaginary part, or magnitude and phase, apart; or write .nii or .mla",
        )
    low, high = value_range(reader, axes, context)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UnsupportedError(
            "has voxels that are no finite number, which integers with slope and intercept can't hold",
            path=target,
            hint="Write a parametric map: NAME.dcm with -o kind=map",
        )
    slope = float(decimal((high - low) / _MOST)) or 1.0
    while low + slope * _MOST < high:  # the decimal string may have been rounded down
        slope = float(decimal(slope * (1 + 1e-9)))
    context.loss(
        f"up to {slope / 2:.3g} of each value",
        f"images of this class hold 16-bit integers: the {reader.dtype} are rounded to {_MOST + 1} steps",
    )
    return Stored(np.dtype(np.uint16), 16, slope, float(decimal(low)), exact=False)


def value_range(reader: Reader, axes: Axes, context: Context) -> tuple[Any, Any]:
    """Return the least and the greatest voxel; NaN where there is one.

    Parameters
    ----------
    reader, axes
        The image; read once.
    context
        Of the conversion.
    """
    ends = [(frame.min().item(), frame.max().item()) for frame in frames(reader, axes, context.silent())]
    nan = [low for low, _ in ends if low != low]
    return (nan[0], nan[0]) if nan else (min(low for low, _ in ends), max(high for _, high in ends))
