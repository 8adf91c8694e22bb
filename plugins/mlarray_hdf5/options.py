"""Settings of HDF5."""

from __future__ import annotations

from dataclasses import dataclass

from mlarray_io import option
from mlarray_io.sdk import BareOptions


@dataclass(frozen=True, kw_only=True)
class Hdf5Options(BareOptions):
    """Settings of reading (`level` and what the file doesn't say) and of writing (the others)."""

    level: int = option(0, "which resolution of an Imaris file to read, 0 is the finest", reading=True)
    dataset: str = option("image", "path of the dataset to write")
    chunk_size: tuple[int, ...] | None = option(None, "chunk shape to write, one number for each axis")
    clevel: int = option(1, "deflate's effort when writing, 0 (none) to 9 (most)", low=0, high=9)
