"""Settings of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import option
from mlarray_io.sdk import BareOptions


@dataclass(frozen=True, kw_only=True)
class PictureOptions(BareOptions):
    """What the picture is, and how palettes are read."""

    palette: Literal["index", "colour"] = option(
        "index", "read a PNG with a palette as its indices, such as labels, or as its colours", reading=True
    )
    stack: Literal["auto", "yes", "no"] = option(
        "auto",
        "read a folder as one volume; auto: if it is called NAME.pngs or its names differ in one number only",
        reading=True,
    )
    clevel: int = option(4, "deflate's effort when writing PNG, 0 (none) to 9 (most)", low=0, high=9)
