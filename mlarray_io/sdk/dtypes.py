"""Types of voxels: which stored ones `.mla` holds, how a target holds others, and how values are packed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import numpy as np

    from mlarray_core.meta import Rescale
    from mlarray_io.sdk.context import Context


def voxel_dtype(dtype: np.dtype[Any], path: Path | str) -> np.dtype[Any]:
    """Return the native form of a stored type; refuse what is no number that `.mla` holds.

    Raises
    ------
    UnsupportedError
        It is a text, a date, a record, an object or a number of unusual size.
    """
    native = dtype.newbyteorder("=")
    kinds = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}
    if dtype.names or dtype.subdtype or native.itemsize not in kinds.get(native.kind, ()):
        raise UnsupportedError(f"holds values of type {dtype}, which are no voxels", path=path)
    return native


def stored_dtype(
    dtype: np.dtype[Any], held: Collection[np.dtype[Any]], title: str, path: Path | str, context: Context
) -> np.dtype[Any]:
    """Return the type in which a target stores voxels: their own, or the smallest that holds all its values.

    Integers stay integers. A wider type is reported as a loss, since reading the target gives that one.

    Parameters
    ----------
    dtype
        Type of the voxels.
    held
        The types that the format has, in native byte order.
    title
        What the format is called.
    path
        The target, for errors.
    context
        Gets the loss.

    Returns
    -------
    numpy.dtype
        One of `held`.

    Raises
    ------
    UnsupportedError
        None of them holds all values.
    """
    import numpy as np

    native = dtype.newbyteorder("=")
    if native in held:
        return native
    sort = next((kinds for kinds in ("bui", "f", "c") if native.kind in kinds), "")
    fitting = [one for one in held if one.kind in sort and np.can_cast(native, one, "safe")]
    if not fitting:
        names = ", ".join(sorted({one.name for one in held}, key=_by_kind_and_size))
        raise UnsupportedError(
            f"{title} can't hold voxels of type {native}",
            path=path,
            hint=f"Convert them to one that it holds ({names}), or write .mla",
        )
    wider = min(fitting, key=lambda one: (one.itemsize, one.kind == "i"))
    context.loss(f"the type {native}", f"{title} holds it as {wider}")
    return wider


def _by_kind_and_size(name: str) -> tuple[str, int]:
    kind = name.rstrip("0123456789")
    return kind, int(name[len(kind) :] or 0)


_FILLS = ("_FillValue", "missing_value")


def packing_of(attributes: Mapping[str, Any], dtype: np.dtype[Any], context: Context) -> Rescale | None:
    """Return slope and intercept of stored values, which are not applied; None where there are none.

    CF conventions 1.11, 8.1 "Packed data" and 2.5.1 "Missing data".

    Parameters
    ----------
    attributes
        Of the array.
    dtype
        Of its stored values.
    context
        Where to report what stays as it is.
    """
    from mlarray_core.meta import Rescale

    marked = next((name for name in _FILLS if name in attributes), None)
    if marked is not None and _number(attributes[marked]) is not None:
        context.warn(f"missing values are marked by {marked} {attributes[marked]}, and stay as they are")
    slope, intercept = (_number(attributes.get(name)) for name in ("scale_factor", "add_offset"))
    if slope is None and intercept is None:
        return None
    context.warn("scale_factor and add_offset are kept and not applied")
    slope, intercept = 1.0 if slope is None else slope, 0.0 if intercept is None else intercept
    return Rescale(slope, intercept, dtype.newbyteorder("=").name, applied=False)


def _number(value: Any) -> float | None:
    """Return a finite number, also of a list of one; None for anything else."""
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None
