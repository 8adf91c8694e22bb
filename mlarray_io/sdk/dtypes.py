"""Types of voxels: which stored ones `.mla` holds, and how a target holds those that it has no code for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlarray_core.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    import numpy as np

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
