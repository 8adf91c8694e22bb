"""Where patches are: drawn at random, around voxels of a class, or side by side."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import ArgumentError, ArgumentTypeError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Size = int | Sequence[int]


def per_axis(value: Size, ndim: int, name: str, least: int = 1) -> tuple[int, ...]:
    """Return a checked size for each spatial axis.

    Parameters
    ----------
    value
        One number, or one for each of them.
    ndim
        How many there are.
    name
        Of the argument.
    least
        What a number may be.

    Raises
    ------
    ArgumentError
        A number is smaller, or there are more or fewer than axes (a ValueError).
    ArgumentTypeError
        They are no whole numbers (a TypeError).
    """
    try:
        sizes = tuple(map(operator.index, (value,) if hasattr(value, "__index__") else value))
    except TypeError:
        raise ArgumentTypeError(f"{name} must be whole numbers, not {value!r}") from None
    if not sizes or min(sizes) < least:
        raise ArgumentError(f"{name} must be numbers from {least} on, not {value!r}")
    if hasattr(value, "__index__"):
        return sizes * ndim
    if len(sizes) != ndim:
        raise ArgumentError(f"{name} has {len(sizes)} numbers, and the image {ndim} spatial axes")
    return sizes


def random_start(
    shape: Sequence[int], patch: Sequence[int], margin: Sequence[int], chances: Sequence[float]
) -> list[int]:
    """Return where a random patch starts.

    It lies within the image, or around its centre where the image is smaller.

    Parameters
    ----------
    shape, patch
        Along the spatial axes.
    margin
        How far the patch may reach beyond the image along each of them.
    chances
        One number from 0 to 1, which it can't be, for each of them.
    """
    starts = []
    for size, length, over, chance in zip(shape, patch, margin, chances, strict=True):
        low, high = _range(size, length, over)
        starts.append(low + int(chance * (high - low + 1)))
    return starts


def start_around(
    voxel: Sequence[int], shape: Sequence[int], patch: Sequence[int], margin: Sequence[int]
) -> list[int]:
    """Return where the patch around a voxel starts; the voxel is its centre, as far as the image allows.

    Parameters
    ----------
    voxel
        Along the spatial axes.
    shape, patch, margin
        As `random_start` takes them.
    """
    starts = []
    for at, size, length, over in zip(voxel, shape, patch, margin, strict=True):
        low, high = _range(size, length, over)
        starts.append(min(max(at - length // 2, low), high))
    return starts


def _range(size: int, length: int, over: int) -> tuple[int, int]:
    """Return the first and the last start along an axis."""
    if length > size + 2 * over:
        return (size - length) // 2, (size - length) // 2
    return -over, size - length + over


def window_starts(size: int, length: int, step: int) -> list[int]:
    """Return the starts of windows that cover an axis: a step apart, the last one at the end of the image.

    Parameters
    ----------
    size
        Of the image; where it is smaller than a window, that is around its centre.
    length
        Of a window.
    step
        From one to the next.
    """
    if size <= length:
        return [(size - length) // 2]
    starts = list(range(0, size - length, step))
    return [*starts, size - length]
