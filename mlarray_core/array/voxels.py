"""Reading and writing voxels by NumPy's indexing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.array import indexing
from mlarray_core.errors import ArgumentError
from mlarray_core.layout.plan import normal_shape
from mlarray_core.memory import check_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from mlarray_core.array.indexing import Box, Key
    from mlarray_core.container.storage import Storage

    Array = np.ndarray[Any, Any]

Scalar = bytes | bool | int | float | complex


def read(storage: Storage, key: Key, out: Array | None = None) -> Any:
    """Return voxels: an array, or one item where the key is of integers only.

    Parameters
    ----------
    storage
        Where they are.
    key
        Whatever NumPy's indexing takes.
    out
        Buffer for the result.

    Raises
    ------
    ArgumentError
        `out` doesn't fit, or the key is not of plain slices (a ValueError).
    """
    box, rest = indexing.split(key, storage.shape)
    if out is not None:
        if rest is not None:
            raise ArgumentError("out= needs a key of plain slices")
        _check_out(out, _sizes(box), storage.dtype)
        return storage.read(box, out)
    voxels = storage.read(box)
    return voxels if rest is None else voxels[rest]


def read_padded(storage: Storage, key: Key, pad: Scalar, out: Array | None, path: str | None) -> Array:
    """Return the voxels of a box that may reach beyond the array, or lie outside of it.

    Parameters
    ----------
    storage
        Where the voxels are.
    key
        A slice for each axis; negative starts lie before the first voxel.
    pad
        The value outside of the array.
    out
        Buffer for the result.
    path
        Named in errors.

    Raises
    ------
    ArgumentError
        The key is no box, or the voxels' type can't hold `pad` (a ValueError).
    LimitError
        The box needs more memory than there is.
    """
    box = indexing.open_box(key, storage.shape)
    inner = tuple(
        slice(*(min(max(end, 0), size) for end in (part.start, part.stop)))
        for part, size in zip(box, storage.shape, strict=True)
    )
    if inner == box:
        within: Array = read(storage, box, out)
        return within
    shape = _sizes(box)
    if out is None:
        check_size(shape, storage.dtype, path=path)
        out = np.empty(shape, storage.dtype)
    _check_out(out, shape, storage.dtype)
    out[...] = padding(pad, storage.dtype)
    if all(_sizes(inner)):
        there = tuple(
            slice(own.start - part.start, own.stop - part.start) for own, part in zip(inner, box, strict=True)
        )
        out[there] = storage.read(inner)
    return out


def padding(pad: Scalar, dtype: np.dtype[Any]) -> Array:
    """Return the value to pad with, as the voxels' type has it.

    Raises
    ------
    ArgumentError
        The type can't hold it (a ValueError).
    """
    try:
        with np.errstate(all="ignore"):
            value: Array = np.asarray(pad).astype(dtype)
        fits = dtype.kind not in "biu" or bool(value == pad)
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise ArgumentError(f"voxels of {dtype} can't be {pad!r}", field="pad")
    return value


def read_many(storage: Storage, keys: Iterable[Key], out: Array | None, path: str | None) -> Array:
    """Return the voxels of several boxes of one shape, one after the other along a new first axis.

    Parameters
    ----------
    storage
        Where they are.
    keys
        Of plain slices.
    out
        Buffer for the result.
    path
        Named in errors.

    Raises
    ------
    ArgumentError
        There is no box, their shapes differ, or `out` doesn't fit (a ValueError).
    LimitError
        They need more memory than there is.
    """
    boxes = plain_boxes(keys, storage.shape)
    shapes = {_sizes(box) for box in boxes}
    if len(shapes) != 1:
        raise ArgumentError(f"expected boxes of one shape, got {len(shapes)} different ones")
    shape = (len(boxes), *shapes.pop())
    if out is None:
        check_size(shape, storage.dtype, path=path)
        out = np.empty(shape, storage.dtype)
    _check_out(out, shape, storage.dtype)
    storage.read_many(boxes, out)
    return out


def write(storage: Storage, key: Key, value: object) -> None:
    """Assign voxels.

    Parameters
    ----------
    storage
        Where they are.
    key
        Whatever NumPy's indexing takes.
    value
        Whatever NumPy broadcasts to the key's shape.
    """
    box, rest = indexing.split(key, storage.shape)
    if rest is None:
        storage.write(box, np.broadcast_to(np.asarray(value, storage.dtype), _sizes(box)))
        return
    storage.change(box, rest, value)


def plain_boxes(keys: Iterable[Key], shape: tuple[int, ...]) -> list[Box]:
    """Return the boxes that keys of plain slices are.

    Raises
    ------
    ArgumentError
        A key is something else (a ValueError).
    """
    split = [indexing.split(key, shape) for key in keys]
    if any(rest is not None for _, rest in split):
        raise ArgumentError("expected keys of plain slices")
    return [box for box, _ in split]


def filled(
    shape: int | Sequence[int] | Array, value: Scalar, dtype: npt.DTypeLike, compressed: bool
) -> Array:
    """Return an array of one value.

    Parameters
    ----------
    shape, dtype
        Of the array.
    value
        Of every voxel.
    compressed
        Whether it is to be compressed: then it needs no memory of its own.
    """
    if compressed:
        return np.broadcast_to(np.asarray(value, dtype=np.dtype(dtype)), normal_shape(shape))
    return np.full(normal_shape(shape), value, dtype=np.dtype(dtype))


def shaped(values: Array, shape: int | Sequence[int] | Array | None, c_order: bool) -> Array:
    """Return values in another shape.

    Parameters
    ----------
    values
        Along one axis.
    shape
        None for the one that they have.
    c_order
        Whether the last axis is filled first.

    Raises
    ------
    ArgumentError
        The shape holds more or fewer values (a ValueError).
    """
    if shape is None:
        return values
    sizes = normal_shape(shape)
    if math.prod(sizes) != values.size:
        raise ArgumentError(f"{values.size} values don't fill the shape {sizes}")
    return values.reshape(sizes, order="C" if c_order else "F")


def _sizes(box: Box) -> tuple[int, ...]:
    return tuple(part.stop - part.start for part in box)


def _check_out(out: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous or not out.flags.writeable:
        raise ArgumentError(f"out must be a writable, C-contiguous array of shape {shape} and dtype {dtype}")
