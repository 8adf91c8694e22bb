"""Settings of NumPy's files."""

from __future__ import annotations

from dataclasses import dataclass

from mlarray_io import option
from mlarray_io.sdk import BareOptions


@dataclass(frozen=True, kw_only=True)
class NumpyOptions(BareOptions):
    """What the array is, and how `.npz` is written."""

    member: str = option("array", "name of the array in a .npz that is written")
    compress: bool = option(True, "deflate the array in a .npz that is written")
