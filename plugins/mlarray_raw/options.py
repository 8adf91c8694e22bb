"""What a user says of voxels that say nothing of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import Options, option
from mlarray_io.sdk import BareOptions


@dataclass(frozen=True, kw_only=True)
class RawOptions(BareOptions):
    """What lies in the file, and where."""

    shape: tuple[int, ...] | None = option(
        None, "size of each axis, slowest first, such as 120,512,512", low=1, reading=True
    )
    dtype: str | None = option(
        None,
        "type of the voxels as NumPy calls it, such as uint16, float32 or >i2 (big-endian)",
        reading=True,
    )
    order: Literal["C", "F"] = option(
        "C", "how shape counts: C, the slowest axis first; F, the fastest first (x,y,z)", reading=True
    )
    byte_order: Literal["little", "big"] = option(
        "little", "which byte of a voxel comes first, where dtype doesn't say it", reading=True
    )
    offset: int = option(
        0, "bytes before the first voxel; -1: voxels are the last bytes of the file", low=-1, reading=True
    )


@dataclass(frozen=True, kw_only=True)
class DescribedOptions(Options):
    """How far a header is followed."""

    allow_external: bool = option(
        False,
        "Read data files that are outside the header's folder, which a hostile header could abuse",
        reading=True,
    )
