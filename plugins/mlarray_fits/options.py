"""Settings of FITS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import option
from mlarray_io.sdk import BareOptions


@dataclass(frozen=True, kw_only=True)
class FitsOptions(BareOptions):
    """What the image is, and what undefined pixels become."""

    missing: Literal["nan", "keep"] = option(
        "nan", "pixels that BLANK marks in scaled integers: NaN, or scaled like all others", reading=True
    )
