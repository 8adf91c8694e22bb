"""Which type the voxels are stored as, and the voxels themselves, piece by piece in the order of the file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Rescale
from mlarray_core.errors import UnsupportedError
from mlarray_core.rescale import apply_rescale, is_scaled, rescaled_dtype, undo_rescale
from mlarray_io import Context
from mlarray_io.sdk import file_order, stored_dtype
from mlarray_nifti.storage import COLOURS, DTYPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlarray_io import Reader
    from mlarray_nifti.header import Header
    from mlarray_nifti.write_axes import Plan

_CODES: dict[np.dtype[Any], int] = {np.dtype(name): code for code, name in DTYPES.items()}
_COLOUR_CODES = {count: code for code, count in COLOURS.items()}


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


def put_scaling(
    header: Header, reader: Reader, plan: Plan, requantise: bool, path: Path, context: Context
) -> Stored:
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
    context
        Where to report what can't be held.
    """
    rescale = Additions.of(reader.meta).rescale
    undone = rescale if requantise and rescale is not None and _undoable(reader, rescale) else None
    dtype = reader.dtype if undone is None else np.dtype(undone.dtype)
    # masks of bool are uint8 in every NIfTI: that is no loss
    dtype = stored_dtype(dtype, _CODES, "NIfTI", path, Context() if dtype == np.bool_ else context)
    code = _COLOUR_CODES[plan.components] if plan.components else _CODES[dtype]
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


def pieces(reader: Reader, plan: Plan, stored: Stored, context: Context) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the voxels in the order of the file, little-endian, a bounded piece at a time.

    Parameters
    ----------
    reader
        The image that is written.
    plan
        What was decided about the file.
    stored
        Type of the voxels in the file.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.
    """
    for voxels in file_order(reader, plan.order, context):
        if stored.rescale is not None:
            voxels = _requantised(voxels, stored.rescale, context)
        yield np.ascontiguousarray(voxels, stored.dtype.newbyteorder("<"))


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
