"""What a user may choose about NRRD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import Options, option


@dataclass(frozen=True, kw_only=True)
class NrrdOptions(Options):
    """Settings of reading (the first two) and of writing (the others)."""

    allow_external: bool = option(
        False,
        "Read data files that are outside the header's folder, which a hostile header could abuse",
        reading=True,
    )
    geometry: Literal["auto", "none"] = option(
        "auto", "Where voxels are; none leaves an invalid geometry out", reading=True
    )
    encoding: Literal["auto", "raw", "gzip", "bzip2", "ascii", "hex"] = option(
        "auto", "How to write voxels; auto keeps that of a NRRD source, and takes gzip for others"
    )
    gzip_level: int = option(
        2, "Effort of encoding gzip, 0 (none) to 9 (most); 1 to 3 are many times faster", low=0, high=9
    )
