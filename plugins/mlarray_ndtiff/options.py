"""Settings of NDTiff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import Options, option


@dataclass(frozen=True, kw_only=True)
class NdtiffOptions(Options):
    """Settings of reading."""

    tiles: Literal["stitch", "axes"] = option(
        "stitch", "Tiles of a grid: put together, without half of their overlap, or along axes row and column"
    )
