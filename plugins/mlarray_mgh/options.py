"""What a user may choose about MGH."""

from __future__ import annotations

from dataclasses import dataclass

from mlarray_io import Options, option


@dataclass(frozen=True, kw_only=True)
class MghOptions(Options):
    """Settings of writing."""

    gzip_level: int = option(2, "Effort of writing .mgz, 0 (none) to 9 (most)", low=0, high=9)
