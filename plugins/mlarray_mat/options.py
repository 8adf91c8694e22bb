"""Settings of MATLAB's files."""

from __future__ import annotations

from dataclasses import dataclass

from mlarray_io.sdk import BareOptions


@dataclass(frozen=True, kw_only=True)
class MatOptions(BareOptions):
    """What the file doesn't say."""
