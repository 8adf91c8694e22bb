"""Settings of Mzarr."""

from __future__ import annotations

from dataclasses import dataclass

from mlarray_io import Options, option


@dataclass(frozen=True, kw_only=True)
class MzarrOptions(Options):
    """Settings of reading."""

    level: int = option(0, "which resolution to read, 0 is the finest")
