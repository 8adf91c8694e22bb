"""What a user may choose about MRtrix images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import Options, option


@dataclass(frozen=True, kw_only=True)
class MrtrixOptions(Options):
    """Settings of reading (the first two) and of writing (the others)."""

    allow_external: bool = option(
        False,
        "Read data files that are outside the header's folder, which a hostile header could abuse",
        reading=True,
    )
    geometry: Literal["auto", "none"] = option(
        "auto", "Where voxels are; none leaves an invalid geometry out", reading=True
    )
    gzip_level: int = option(
        2, "Effort of writing .mif.gz, 0 (none) to 9 (most); 1 to 3 are many times faster", low=0, high=9
    )
    rescale: bool = option(
        True, "Write an image from MRtrix as its stored integers again, with their scaling"
    )
