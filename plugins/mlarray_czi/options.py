"""What a user may choose about CZI."""

from __future__ import annotations

from dataclasses import dataclass

from mlarray_io import Options, option


@dataclass(frozen=True, kw_only=True)
class CziOptions(Options):
    """Settings of reading."""

    channel: int | None = option(
        None, "which channel to read alone, counted from 0; all of them if none", low=0, reading=True
    )
