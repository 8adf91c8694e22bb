"""What the functions that run in the other process hand back: what a header says, and voxels in pieces.

Each format has two: one yields what its header says, as JSON can hold it, the other an empty dict and then
the voxels, slowest axis first, a plane or volume at a time.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError
from mlarray_core.headers import plain
from mlarray_core.rescale import is_scaled, rescaled_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Foreign = Any
"""An object of nibabel's, which has no types, or a value in a header of a stranger."""

Described = dict[str, Foreign]
"""What `described` returns."""

Lines = dict[int, tuple[float, float]]
"""Start and step along axes of the array."""


def attributes(attributes: Mapping[str, Foreign]) -> Described:
    """Return attributes by name, as JSON can hold them."""
    return {str(name): json_of(value) for name, value in attributes.items()}


def json_of(value: Foreign) -> Foreign:
    """Return a header's value as JSON can hold it; text as text."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            value = value.decode("latin-1")
    if isinstance(value, list | tuple):
        return [json_of(item) for item in value]
    if isinstance(value, dict):
        return {str(name): json_of(item) for name, item in value.items()}
    if not isinstance(value, str | int | float | bool | None):
        value = str(value)
    return plain(value)


def scaled(stored: Foreign, slopes: Foreign, intercepts: Foreign) -> np.dtype[Any]:
    """Return the type that holds values of all slopes and intercepts.

    Parameters
    ----------
    stored
        The type as stored.
    slopes, intercepts
        Numbers or arrays of them; None for no scaling.

    Raises
    ------
    CorruptError
        One is no finite number: its values would be none either.
    """
    native: np.dtype[Any] = np.dtype(stored).newbyteorder("=")
    if slopes is None:
        return native
    pairs = np.broadcast_arrays(np.asarray(slopes, dtype=np.float64), intercepts)
    if not np.isfinite(pairs).all():
        raise CorruptError("a factor by which its values are scaled is NaN or infinite")
    kinds = {
        rescaled_dtype(stored, slope, intercept)
        for slope, intercept in zip(pairs[0].ravel().tolist(), pairs[1].ravel().tolist(), strict=True)
        if is_scaled(slope, intercept)
    }
    return np.result_type(*kinds) if kinds else native


def fortran(
    image: Foreign, dtype: np.dtype[Any], source: Described, fourth: str, steps: Lines, unit: str
) -> Described:
    """Describe an image whose axes nibabel counts x first.

    Parameters
    ----------
    image
        nibabel's.
    dtype
        Of the values.
    source
        The header's fields.
    fourth
        Label of the axes beyond the third.
    steps, unit
        Start and step along them, and their unit.
    """
    shape = tuple(image.shape)[::-1]
    affine = np.asarray(image.affine, dtype=np.float64)[:, [2, 1, 0, 3]]
    axes = [*[fourth] * (len(shape) - 3), *["space"] * 3]
    files = [holder.filename for holder in image.file_map.values() if holder.filename]
    return described(shape, dtype, affine, axes, source, *files, steps=steps, unit=unit)


def described(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    affine: Foreign,
    axes: list[str],
    source: Described,
    *files: str,
    steps: Lines,
    unit: str = "s",
) -> Described:
    """Return what a header says.

    Parameters
    ----------
    shape, dtype, affine
        Of the voxels, slowest axis first; the affine leads to RAS.
    axes
        Label of each axis, ``space`` for those of space.
    source
        The header's fields.
    *files
        Which the voxels are in.
    steps
        Positions along axes that aren't of space.
    unit
        Of time.
    """
    return {
        "shape": [int(size) for size in shape],
        "dtype": dtype.newbyteorder("<").str,
        "affine": plain(np.asarray(affine, dtype=np.float64).tolist()),
        "axes": axes,
        "units": [unit if axis == "temporal" else "" for axis in axes],
        "steps": {str(axis): list(line) for axis, line in steps.items()},
        "names": {},
        "notes": [],
        "bytes": sum(Path(file).stat().st_size for file in files if Path(file).exists()),
        "source": source,
    }


def planes(image: Foreign, dtype: str) -> Iterator[Foreign]:
    """Yield an empty dict and an image's volumes or planes, along its last axis in nibabel's order."""
    yield {}
    for index in range(image.shape[-1]):
        yield bytes_of(image.dataobj[..., index].T, dtype)


def bytes_of(voxels: Foreign, dtype: str) -> memoryview:
    """Return the bytes of voxels as a type."""
    return memoryview(np.ascontiguousarray(voxels, dtype=dtype).reshape(-1).view("u1"))  # type: ignore[arg-type]
