"""Settings of Zarr and OME-Zarr."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import option
from mlarray_io.sdk import BareOptions


@dataclass(frozen=True, kw_only=True)
class ZarrOptions(BareOptions):
    """Settings of reading (`level` and what the file doesn't say) and of writing (the others)."""

    level: int = option(0, "which resolution to read, 0 is the finest", reading=True)
    version: Literal["0.5", "0.4", "0.6"] = option(
        "0.5", "OME-Zarr to write: 0.5 and 0.6 are Zarr 3, 0.4 is Zarr 2"
    )
    levels: int | Literal["auto", "none", "source"] = option(
        "auto",
        "coarser resolutions to write: how many; auto: those of the source if all fit, else until they are "
        "small; source: those that fit",
    )
    chunk_size: tuple[int, ...] | None = option(
        None, "chunk shape to write: one number, or one for each spatial axis, or for each axis"
    )
    shard_size: tuple[int, ...] | None = option(
        None, "shape of the files that hold several chunks, given like chunk_size; Zarr 3 only"
    )
    codec: Literal["zstd", "blosc", "gzip", "none"] = option("zstd", "compression to write")
    clevel: int = option(3, "compression level to write")
