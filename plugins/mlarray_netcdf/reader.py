"""Opens one variable."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Label, Meta, Rescale
from mlarray_core.errors import UnsupportedError
from mlarray_core.headers import plain
from mlarray_core.rescale import dtype_after, rescale_or_none
from mlarray_io import Box, Context, Reader
from mlarray_io.sdk import bare_meta
from mlarray_netcdf.axes import axes_of, labels_of, mapping_of, positions, spatial_of, world_of
from mlarray_netcdf.files import attributes_of, explained, find, open_file, visible
from mlarray_netcdf.roles import described_by, reason_against
from mlarray_netcdf.values import RANGES, Values, values_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlarray_netcdf.files import Library
    from mlarray_netcdf.options import NetcdfOptions


class NetcdfReader(Reader):
    """A variable.

    Parameters
    ----------
    file
        Closed with the reader.
    variable
        Of the file.
    values
        What its numbers mean.
    meta
        The metadata.
    rescale
        Its packing.
    empty
        Whether missing values become NaN.
    """

    def __init__(
        self,
        file: Library,
        variable: Library,
        values: Values,
        meta: Meta,
        rescale: Rescale | None,
        *,
        empty: bool,
    ) -> None:
        self._file, self._variable, self._values = file, variable, values
        self._rescale, self._empty = rescale, empty
        self.shape = tuple(int(size) for size in variable.shape)
        self.dtype, self.meta = dtype_after(values.plain, rescale), meta
        chunks = variable.chunking()
        if isinstance(chunks, list | tuple):
            self.chunks = tuple(max(1, min(int(c), s)) for c, s in zip(chunks, self.shape, strict=True))

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        if out.size:
            with explained(self._file.filepath()):
                stored = np.asarray(self._variable[box])
                out[...] = self._values.convert(stored.reshape(out.shape), self._rescale, empty=self._empty)
        return out

    def close(self) -> None:
        """Close the file."""
        if self._file is not None and self._file.isopen():
            self._file.close()
        self._file = None


def open_netcdf(path: Path, context: Context, key: str, options: NetcdfOptions) -> Reader:
    """Open the variable at the path `key`. Runs in the other process.

    Parameters
    ----------
    path
        The file.
    context
        Limits to keep, and where losses and warnings are reported.
    key
        Path of the variable.
    options
        The format's settings.

    Raises
    ------
    CorruptError
        NetCDF's library finds the file damaged, or it is cut short.
    UnsafeError
        It leads to other files.
    UnsupportedError
        The variable holds no numbers.
    LimitError
        It is larger than the host allows.
    """
    with explained(path):
        file = open_file(path)
        try:
            return _opened(file, path, key, options, context)
        except BaseException:
            file.close()
            raise


def _opened(file: Library, path: Path, key: str, options: NetcdfOptions, context: Context) -> Reader:
    variable = find(file, key)
    reason = reason_against(variable)
    if reason is not None:
        raise UnsupportedError(f"{key} is no image: {reason or 'it describes an axis'}", path=path)
    attributes = attributes_of(variable)
    values = values_of(variable, attributes)
    rescale = rescale_or_none(values.slope, values.intercept, values.plain, raw=context.raw)
    dtype = dtype_after(values.plain, rescale)
    context.allow(math.prod(int(size) for size in variable.shape) * dtype.itemsize, path)
    empty = options.missing == "nan" and not context.raw
    _tell(attributes, values, context, holds_nan=empty and dtype.kind == "f")
    meta = _meta(file, variable, key, attributes, options, rescale, context)
    reader = NetcdfReader(file, variable, values, meta, rescale, empty=empty)
    reader.stored = path.stat().st_size
    return reader


def _tell(attributes: Mapping[str, object], values: Values, context: Context, *, holds_nan: bool) -> None:
    if values.missing and not holds_nan:
        context.warn(f"missing values are marked by {values.missing[0]}, and stay as they are")
    found = [name for name in RANGES if name in attributes]
    if found:
        context.warn(f"values outside of {' and '.join(found)} stay as they are")


def _meta(
    file: Library,
    variable: Library,
    key: str,
    attributes: dict[str, object],
    options: NetcdfOptions,
    rescale: Rescale | None,
    context: Context,
) -> Meta:
    axes = axes_of(variable)
    labels, mapping = labels_of(axes), mapping_of(variable, attributes)
    spatial = spatial_of(axes, labels, world_of(mapping))
    source: dict[str, Any] = {
        "variable": key,
        "dimensions": [str(name) for name in variable.dimensions],
        "attributes": plain(attributes),
        "file": plain(attributes_of(file)),
    }
    if mapping:
        source["grid_mapping"] = plain(mapping)
    if variable.group() is not file:
        source["group"] = plain(attributes_of(variable.group()))
    source |= _scalars(variable, attributes)
    _tell_curved(variable, attributes, context)
    meta = bare_meta(options, len(labels), labels=labels, source=source, spatial=spatial)
    names = _flags(attributes)
    if names:
        meta.is_seg.is_seg = options.seg if options.seg is not None else True
    Additions(axes=positions(axes), rescale=rescale, labels=names).store(meta)
    return meta


def _scalars(variable: Library, attributes: Mapping[str, object]) -> dict[str, Any]:
    """Return the coordinates that are one number or text (CF 5.7)."""
    found: dict[str, Any] = {}
    for name in described_by({"coordinates": attributes.get("coordinates", "")}):
        other = visible(variable, name)
        if other is not None and other.ndim == 0 and getattr(other.dtype, "kind", "") in "iuf":
            found[name] = {"value": plain(np.asarray(other[...]).item()), **plain(attributes_of(other))}
    return {"scalar_coordinates": found} if found else {}


def _tell_curved(variable: Library, attributes: Mapping[str, object], context: Context) -> None:
    """Say that positions of two axes or more, such as latitudes of a curved grid, are in other variables."""
    for name in sorted(described_by({"coordinates": attributes.get("coordinates", "")})):
        other = visible(variable, name)
        if other is not None and other.ndim > 1 and getattr(other.dtype, "kind", "") in "iuf":
            context.loss(f"the coordinate {name}", "it has several axes; it is an image of its own")


def _flags(attributes: Mapping[str, object]) -> list[Label]:
    """Return what values mean, where each is a flag (CF 3.5); flags of single bits stay in the attributes."""
    values, meanings = attributes.get("flag_values"), str(attributes.get("flag_meanings", "")).split()
    numbers = values if isinstance(values, list) else [values]
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in numbers)
    if (
        "flag_masks" in attributes
        or not whole
        or len(numbers) != len(meanings)
        or len(set(numbers)) != len(meanings)
    ):
        return []
    return [Label(value=int(one), name=name) for one, name in zip(numbers, meanings, strict=True)]
