"""What a user may say about an MRC file."""

from __future__ import annotations

from dataclasses import dataclass

from mlarray_io.sdk import BareOptions


@dataclass(frozen=True, kw_only=True)
class MrcOptions(BareOptions):
    """What the file doesn't say."""
