"""Arithmetic of rescaled values: stored integers to real values, and back without loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import ArgumentError, UnsupportedError
from mlarray_core.meta.extension import PATH, Rescale

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt


def rescaled_dtype(
    stored: npt.DTypeLike, slope: float, intercept: float, *, bits: int | None = None
) -> np.dtype[Any]:
    """Return the type for ``stored * slope + intercept``.

    No scaling (slope 0, NaN or infinite, or 1 and 0) leaves the type. Integers with slope 1 and an integer
    intercept get the smallest signed integer that holds the range of the stored type. Other integers get
    float32, or float64 where float32 couldn't tell neighbouring ones apart; floats get float64, and complex
    numbers complex128.

    Parameters
    ----------
    stored
        Type of the stored values.
    slope, intercept
        As the header gives them.
    bits
        How many bits of the stored integers are used, if not all (DICOM PS3.3 C.7.6.3, Bits Stored).
    """
    import numpy as np

    kind = np.dtype(stored).newbyteorder("=")
    if not is_scaled(slope, intercept):
        return kind
    if kind.kind in "iub" and slope == 1 and float(intercept).is_integer() and abs(intercept) < 2**53:
        low, high = (end + int(intercept) for end in _range(kind, bits))
        for name in ("int8", "int16", "int32", "int64"):
            if np.iinfo(name).min <= low and high <= np.iinfo(name).max:
                return np.dtype(name)
        return np.dtype(np.float64)
    if kind.kind in "fc":  # in 32 bits the smallest would be lost beside a large intercept
        return np.result_type(kind, np.float64)
    return np.dtype(np.float32 if _float32_is_enough(kind, slope, intercept, bits) else np.float64)


def is_scaled(slope: float, intercept: float) -> bool:
    """Return whether slope and intercept change anything; slope 0 or NaN means none (NIfTI-1, scl_slope)."""
    usable = slope != 0 and math.isfinite(slope) and math.isfinite(intercept)
    return usable and (slope, intercept) != (1, 0)


def rescale_or_none(slope: float, intercept: float, stored: np.dtype[Any], *, raw: bool) -> Rescale | None:
    """Return slope and intercept for the metadata, None where they change nothing.

    Parameters
    ----------
    slope, intercept
        As the header gives them.
    stored
        Type of the stored values.
    raw
        Whether stored values are asked for.
    """
    if not is_scaled(slope, intercept):
        return None
    return Rescale(slope, intercept, stored.name, applied=not raw)


def dtype_after(stored: np.dtype[Any], rescale: Rescale | None) -> np.dtype[Any]:
    """Return the type of the values, in native byte order.

    Parameters
    ----------
    stored
        Type of the stored values.
    rescale
        None, or one that isn't applied, leaves it.
    """
    if rescale is None or not rescale.applied:
        return stored.newbyteorder("=")
    return rescaled_dtype(stored, rescale.slope, rescale.intercept)


def apply_rescale(
    array: npt.NDArray[Any], slope: float, intercept: float, dtype: npt.DTypeLike
) -> npt.NDArray[Any]:
    """Return ``array * slope + intercept`` as `dtype`: integers exactly, the rest rounded once from float64.

    Parameters
    ----------
    array
        Stored values, any shape and byte order.
    slope, intercept
        As the header gives them.
    dtype
        What `rescaled_dtype` returned.
    """
    import numpy as np

    target = np.dtype(dtype)
    if not is_scaled(slope, intercept):
        return array.astype(target, copy=False)
    if target.kind == "i":
        moved = array.astype(target)
        moved += target.type(int(intercept))
        return moved
    return _linear(array, target, lambda values: values * slope + intercept)


def undo_rescale(array: npt.NDArray[Any], rescale: Rescale) -> npt.NDArray[Any]:
    """Return the stored values that rescaled ones came from.

    Parameters
    ----------
    array
        Real values, or stored ones when ``rescale.applied`` is false.
    rescale
        Slope, intercept and stored type.

    Raises
    ------
    ArgumentError
        If ``rescale.dtype`` is no type.
    UnsupportedError
        If a value has no counterpart in the stored type: out of range, or NaN.
    """
    import numpy as np

    try:
        target = np.dtype(rescale.dtype)
    except TypeError as error:
        raise ArgumentError(f"{rescale.dtype!r} is no NumPy type", field=f"{PATH}.rescale.dtype") from error
    if not rescale.applied or not is_scaled(rescale.slope, rescale.intercept):
        return _exactly(array, target)
    if array.dtype.kind in "iub" and rescale.slope == 1 and float(rescale.intercept).is_integer():
        low, high = (end + int(rescale.intercept) for end in _range(target, None))
        _within(array, low, high, target)
        return (array.astype(np.int64) - int(rescale.intercept)).astype(target)
    if target.kind not in "iub":
        return _linear(array, target, lambda values: (values - rescale.intercept) / rescale.slope)
    stored = _linear(
        array, np.dtype(np.float64), lambda values: np.rint((values - rescale.intercept) / rescale.slope)
    )
    return _exactly(stored, target)


def _linear(
    array: npt.NDArray[Any], target: np.dtype[Any], rule: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    """Return `rule` of the values as `target`, in double precision without a full copy in it."""
    import numpy as np

    work = np.result_type(array.dtype, np.float64)
    out = np.empty_like(array, dtype=target)
    blocks = np.nditer(
        [array, out],
        flags=["external_loop", "buffered", "zerosize_ok"],
        op_flags=[["readonly"], ["writeonly"]],
        op_dtypes=[work, work],
        casting="unsafe",
        buffersize=1 << 15,  # 256 KiB of doubles: within the cache, and few turns of Python
    )
    with blocks, np.errstate(over="ignore", invalid="ignore"):
        for values, result in blocks:
            result[...] = rule(values)
    return out


def _exactly(array: npt.NDArray[Any], target: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return whole numbers as `target`, or refuse."""
    if target.kind in "iub" and array.dtype != target:
        _within(array, *_range(target, None), target)
    return array.astype(target, copy=False)


def _within(array: npt.NDArray[Any], low: int, high: int, target: np.dtype[Any]) -> None:
    if not array.size:
        return
    least, most = array.min().item(), array.max().item()
    if not (low <= least and most <= high):  # written so that NaN is refused
        raise UnsupportedError(
            f"values from {least} to {most} can't be stored as {target.name} with the source's rescaling",
            hint="Choose another data type for the target, or drop the rescaling from the metadata",
        )


def _range(kind: np.dtype[Any], bits: int | None) -> tuple[int, int]:
    """Return the least and the greatest integer of a type, or of its lowest `bits` bits."""
    if kind.kind == "b":
        return 0, 1
    used = kind.itemsize * 8 if bits is None else bits
    return (-(2 ** (used - 1)), 2 ** (used - 1) - 1) if kind.kind == "i" else (0, 2**used - 1)


def _float32_is_enough(kind: np.dtype[Any], slope: float, intercept: float, bits: int | None) -> bool:
    """Return whether rounding to float32 stays under a quarter of a step, so that re-quantising is exact."""
    if kind.itemsize > 2:
        return False
    largest = max(abs(end * slope) for end in _range(kind, bits)) + abs(intercept)
    # float32 ends at 3.4e38 and loses digits below 1.2e-38; its rounding error is 2**-24 of the value
    return largest < 3e38 and abs(slope) > 1e-37 and largest * 2.0**-24 < abs(slope) / 4
