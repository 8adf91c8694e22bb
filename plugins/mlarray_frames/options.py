"""Settings of these pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import option
from mlarray_io.sdk import BareOptions


@dataclass(frozen=True, kw_only=True)
class FrameOptions(BareOptions):
    """What the picture is, and how palettes are read."""

    palette: Literal["index", "colour"] = option(
        "index",
        "read a GIF of one frame, or a TGA, that has a palette as its indices, or as its colours",
        reading=True,
    )
