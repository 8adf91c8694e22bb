"""Which type the voxels are stored as, and the voxels themselves, piece by piece in the order of the file."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Rescale
from mlarray_core.errors import UnsupportedError
from mlarray_core.rescale import apply_rescale, is_scaled, rescaled_dtype, undo_rescale
from mlarray_nifti.storage import COLOURS, DTYPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlarray_io import Box, Context, Reader
    from mlarray_nifti.header import Header
    from mlarray_nifti.write_axes import Plan

PIECE = 32 << 20
"""Bytes of voxels that are held at once."""

_CODES: dict[np.dtype[Any], int] = {np.dtype(name): code for code, name in DTYPES.items()}
_COLOUR_CODES = {count: code for code, count in COLOURS.items()}
_WIDENED: dict[np.dtype[Any], np.dtype[Any]] = {
    np.dtype(bool): np.dtype("u1"),
    np.dtype("f2"): np.dtype("f4"),
}


@dataclass(frozen=True)
class Stored:
    """How voxels are stored.

    Parameters
    ----------
    dtype
        Their type, native.
    code
        NIfTI's code for it.
    rescale
        To undo while writing, None to write the values as they are.
    """

    dtype: np.dtype[Any]
    code: int
    rescale: Rescale | None = None


def put_scaling(header: Header, reader: Reader, plan: Plan, requantise: bool, path: Path) -> Stored:
    """Decide on the stored type, and store it with slope and intercept in the header.

    Parameters
    ----------
    header
        The header to write.
    reader
        The image.
    plan
        Where its axes go.
    requantise
        Whether an applied slope of the source is undone.
    path
        The target, for messages.
    """
    rescale = Additions.of(reader.meta).rescale
    undone = rescale if requantise and rescale is not None and _undoable(reader, rescale) else None
    dtype = reader.dtype if undone is None else np.dtype(undone.dtype)
    dtype = dtype.newbyteorder("=")
    dtype = _WIDENED.get(dtype, dtype)
    code = _COLOUR_CODES[plan.components] if plan.components else _code_of(dtype, path)
    kept = undone if rescale is None or rescale.applied else rescale
    if kept is not None:
        _put_slope(header, kept.slope, kept.intercept)
    elif is_scaled(header.get("scl_slope"), header.get("scl_inter")) and not plan.components:
        _put_slope(header, 1.0, 0.0)
    header.fields["datatype"] = code
    header.fields["bitpix"] = dtype.itemsize * 8 * (plan.components or 1)
    return Stored(dtype, code, undone)


def _put_slope(header: Header, slope: float, intercept: float) -> None:
    if (header.get("scl_slope"), header.get("scl_inter")) != (slope, intercept):
        header.fields["scl_slope"], header.fields["scl_inter"] = slope, intercept


def _undoable(reader: Reader, rescale: Rescale) -> bool:
    """Say whether the voxels are still of the type that applying the slope gave."""
    return rescale.applied and reader.dtype == rescaled_dtype(rescale.dtype, rescale.slope, rescale.intercept)


def _code_of(dtype: np.dtype[Any], path: Path) -> int:
    if dtype not in _CODES:
        raise UnsupportedError(
            f"NIfTI can't hold voxels of type {dtype}",
            path=path,
            hint="Convert them to one that it holds, such as float64 or int64, or write .mla",
        )
    return _CODES[dtype]


def pieces(reader: Reader, plan: Plan, stored: Stored, context: Context) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the voxels in the order of the file, little-endian, a bounded piece at a time."""
    order = plan.order
    for box in _boxes(reader, order):
        voxels = reader[box]
        context.progress(voxels.nbytes)
        if stored.rescale is not None:
            voxels = _requantised(voxels, stored.rescale, context)
        yield np.ascontiguousarray(voxels.transpose(order), stored.dtype.newbyteorder("<"))


def _boxes(reader: Reader, order: tuple[int, ...]) -> Iterator[Box]:
    """Yield boxes of the array that follow each other in the file."""
    sizes = [reader.shape[axis] for axis in order]
    split, row = len(sizes) - 1, reader.dtype.itemsize
    while split > 0 and row * sizes[split] <= PIECE:
        row *= sizes[split]
        split -= 1
    step = max(PIECE // row, 1)
    chunk = reader.chunks[order[split]] if reader.chunks is not None else 1
    step = step // chunk * chunk or step
    for outer in itertools.product(*(range(size) for size in sizes[:split])):
        for start in range(0, sizes[split], step):
            box = [slice(0, size) for size in reader.shape]
            for axis, at in zip(order, outer, strict=False):
                box[axis] = slice(at, at + 1)
            box[order[split]] = slice(start, min(start + step, sizes[split]))
            yield tuple(box)


def _requantised(voxels: np.ndarray[Any, Any], rescale: Rescale, context: Context) -> np.ndarray[Any, Any]:
    """Return the stored values of rescaled ones; say so when voxels were changed to values between them."""
    way_out = "-o rescale=no writes the values themselves"
    try:
        stored = undo_rescale(voxels, rescale)
    except UnsupportedError as error:
        raise UnsupportedError(error.message, hint=f"{way_out[0].upper()}{way_out[1:]}") from error
    if stored.dtype.kind in "iu":
        again = apply_rescale(stored, rescale.slope, rescale.intercept, voxels.dtype)
        if not np.array_equal(again, voxels):
            why = f"rounded to the source's stored integers, {rescale.slope:g} apart; {way_out}"
            context.loss("exact values of changed voxels", why)
    return stored


def file_bytes(plan: Plan, stored: Stored) -> int:
    """Return the size of all voxels in the file."""
    return math.prod(plan.dims) * stored.dtype.itemsize * (plan.components or 1)
