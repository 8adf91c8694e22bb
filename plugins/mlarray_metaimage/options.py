"""What a user may choose about MetaImage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import Options, option


@dataclass(frozen=True, kw_only=True)
class MetaImageOptions(Options):
    """Settings of reading (the first two) and of writing (the others)."""

    allow_external: bool = option(
        False,
        "Read data files that are outside the header's folder, which a hostile header could abuse",
        reading=True,
    )
    geometry: Literal["auto", "none"] = option(
        "auto", "Where voxels are; none leaves an invalid geometry out", reading=True
    )
    compression: Literal["auto", "yes", "no"] = option(
        "auto", "Whether to write voxels compressed; auto does as a MetaImage source did, and does for others"
    )
    level: int = option(
        2, "Effort of compression, 1 (fast) to 9 (small); 1 to 3 are many times faster", low=1, high=9
    )
