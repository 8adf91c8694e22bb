"""What a user may choose about MGH."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import Options, option


@dataclass(frozen=True, kw_only=True)
class MghOptions(Options):
    """Settings of reading (`geometry`) and of writing."""

    geometry: Literal["auto", "none"] = option(
        "auto", "Where voxels are; none leaves an invalid geometry out", reading=True
    )
    gzip_level: int = option(2, "Effort of writing .mgz, 0 (none) to 9 (most)", low=0, high=9)
