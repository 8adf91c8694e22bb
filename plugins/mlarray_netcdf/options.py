"""Settings of NetCDF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import option
from mlarray_io.sdk import BareOptions


@dataclass(frozen=True, kw_only=True)
class NetcdfOptions(BareOptions):
    """What the image is, and what missing values become."""

    missing: Literal["nan", "keep"] = option(
        "nan",
        "values that _FillValue or missing_value mark: NaN where values are real numbers, or as all others",
        reading=True,
    )
