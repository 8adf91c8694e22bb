"""NumPy's indexing, cut in two: the box of voxels that a key needs, and what is left to do within it."""

from __future__ import annotations

import operator
from typing import Any, TypeAlias

import numpy as np

from mlarray_core.errors import ArgumentError

Box = tuple[slice, ...]
Key: TypeAlias = Any
"""Whatever NumPy takes for an index: integers, slices, Ellipsis, None, arrays of integers or truth values."""


def split(key: Any, shape: tuple[int, ...]) -> tuple[Box, Any]:
    """Return the smallest box that `key` needs, and the key to apply to it; None when nothing is left to do.

    Parameters
    ----------
    key
        Whatever NumPy takes: integers, slices, Ellipsis, None, integer and boolean arrays, names of fields.
    shape
        Of the indexed array.

    Raises
    ------
    IndexError
        As NumPy: too many indices, or one out of bounds.
    """
    scalar = not shape and isinstance(key, tuple) and not key
    if scalar or _names_fields(key):
        return tuple(slice(0, size) for size in shape), key
    box = _plain_box(key, shape)
    if box is not None:
        return box, None
    parts = _expand(key if isinstance(key, tuple) else (key,), shape)
    cuts: list[slice] = []
    rest: list[Any] = []
    axis = 0
    for part in parts:
        if part is None or part is Ellipsis:
            rest.append(part)
            continue
        if isinstance(part, np.ndarray) and part.dtype == bool:
            used = part.ndim
            cuts += [slice(0, size) for size in shape[axis : axis + used]]
            rest.append(part)
            axis += used
            continue
        cut, left = _one(part, shape[axis], axis)
        cuts.append(cut)
        rest.append(left)
        axis += 1
    whole = all(left is Ellipsis or (isinstance(left, slice) and left == slice(None)) for left in rest)
    return tuple(cuts), None if whole else tuple(rest)


def _plain_box(key: Any, shape: tuple[int, ...]) -> Box | None:
    """Return `key` as a box, when it is one within the array already, as a patch sampler's keys are."""
    if type(key) is not tuple or len(key) != len(shape):
        return None
    whole = False
    for part, size in zip(key, shape, strict=True):
        if type(part) is not slice or part.step is not None:
            return None
        start, stop = part.start, part.stop
        if start is None and stop is None:
            whole = True
        elif type(start) is not int or type(stop) is not int or not 0 <= start <= stop <= size:
            return None
    if not whole:
        return key
    return tuple(slice(0, n) if part.stop is None else part for part, n in zip(key, shape, strict=True))


def open_box(key: Any, shape: tuple[int, ...]) -> Box:
    """Return the box that a key of plain slices is when it may reach beyond the array.

    Parameters
    ----------
    key
        A slice for each axis, or fewer: missing ones, and missing ends, are those of the array.
    shape
        Of the array.

    Raises
    ------
    ArgumentError
        It is something else, or a slice ends before it starts (a ValueError).
    """
    parts = list(key) if isinstance(key, tuple) else [key]
    if any(part is Ellipsis for part in parts):
        at = next(number for number, part in enumerate(parts) if part is Ellipsis)
        parts[at : at + 1] = [slice(None)] * (len(shape) - len(parts) + 1)
    parts += [slice(None)] * (len(shape) - len(parts))
    if len(parts) != len(shape) or not all(
        isinstance(part, slice) and part.step in (None, 1) for part in parts
    ):
        raise ArgumentError(f"with pad= the key is a slice for each of {len(shape)} axes, not {key!r}")
    box = tuple(
        slice(
            0 if part.start is None else operator.index(part.start),
            size if part.stop is None else operator.index(part.stop),
        )
        for part, size in zip(parts, shape, strict=True)
    )
    if any(part.stop < part.start for part in box):
        raise ArgumentError(f"a slice of {key!r} ends before it starts; with pad= none counts from the end")
    return box


def _names_fields(key: Any) -> bool:
    """Whether a key selects fields of a structured dtype."""
    return isinstance(key, str) or (
        isinstance(key, list) and bool(key) and all(isinstance(part, str) for part in key)
    )


def _expand(parts: tuple[Any, ...], shape: tuple[int, ...]) -> list[Any]:
    """Replace missing parts, and Ellipsis where it stands for any, by whole slices; sequences by arrays."""
    done = [_plain(part) for part in parts]
    used = sum(_axes(part) for part in done)
    if used > len(shape):
        raise IndexError(f"too many indices: the array has {len(shape)} axes, {used} were indexed")
    fill: list[Any] = [slice(None)] * (len(shape) - used)
    at = next((i for i, part in enumerate(done) if part is Ellipsis), None)
    if at is None:
        return done + fill
    if any(part is Ellipsis for part in done[at + 1 :]):
        raise IndexError("an index can only have a single ellipsis ('...')")
    return done[:at] + (fill or [Ellipsis]) + done[at + 1 :]  # an empty one still separates arrays


def _plain(part: Any) -> Any:
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    if isinstance(part, (bool, np.bool_)):
        return np.asarray(part)
    if isinstance(part, (list, tuple, range, np.ndarray)) or hasattr(part, "__array__"):
        array = np.asarray(part)
        if array.ndim == 0 and array.dtype != bool:
            return operator.index(array.item())
        if array.size == 0 and array.dtype != bool:
            array = array.astype(np.intp)
        if array.dtype.kind not in "iub":
            raise IndexError("arrays used as indices must be of integer (or boolean) type")
        return array
    try:
        return operator.index(part)
    except TypeError:
        raise IndexError(f"only integers, slices, '...', None and arrays are indices, not {part!r}") from None


def _axes(part: Any) -> int:
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1


def _one(part: Any, size: int, axis: int) -> tuple[slice, Any]:
    """Return the range of one axis that `part` needs, and the index within it."""
    if isinstance(part, slice):
        return _slice(part, size)
    if isinstance(part, np.ndarray):
        if part.size == 0:
            return slice(0, 0), part
        fixed = np.where(part < 0, part + size, part)
        low, high = int(fixed.min()), int(fixed.max())
        if low < 0 or high >= size:
            raise IndexError(
                f"an index from {int(part.min())} to {int(part.max())} is out of bounds "
                f"for axis {axis} of size {size}"
            )
        return slice(low, high + 1), fixed - low
    at = part + size if part < 0 else part
    if not 0 <= at < size:
        raise IndexError(f"index {part} is out of bounds for axis {axis} of size {size}")
    return slice(at, at + 1), 0


def _slice(part: slice, size: int) -> tuple[slice, slice]:
    start, stop, step = part.indices(size)
    count = len(range(start, stop, step))
    if count == 0:
        return slice(0, 0), slice(None)
    if step == 1:
        return slice(start, stop), slice(None)
    last = start + (count - 1) * step
    if step > 0:
        return slice(start, last + 1), slice(None, None, step)
    return slice(last, start + 1), slice(None, None, step)
