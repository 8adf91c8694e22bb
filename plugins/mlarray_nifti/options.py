"""What a user may choose about NIfTI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import Options, option


@dataclass(frozen=True, kw_only=True)
class NiftiOptions(Options):
    """Settings of reading (`form` and `analyze`), of both (`sidecar`), and of writing (the others)."""

    form: Literal["auto", "sform", "qform", "none"] = option(
        "auto",
        "Which placement of the header to read; auto: the sform if its code is set, else the qform",
        reading=True,
    )
    analyze: Literal["plain", "spm"] = option(
        "plain",
        "What an Analyze file is: spm applies the scale that SPM99 and SPM2 keep in bytes 112 to 115",
        reading=True,
    )
    sidecar: bool = option(
        True, "Read the BIDS sidecar beside an image (.json, .bval, .bvec of its name), and write one"
    )
    version: Literal["auto", "1", "2"] = option(
        "auto", "NIfTI version to write: auto keeps the source's, and takes 2 where an axis is too long for 1"
    )
    gzip_level: int = option(
        2, "Effort of writing .gz, 0 (none) to 9 (most); 1 to 3 are many times faster", low=0, high=9
    )
    rescale: bool = option(
        True, "Write an image from NIfTI as its stored integers again, with their slope and intercept"
    )
