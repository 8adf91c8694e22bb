"""The settings of reading DICOM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import Options, option


@dataclass(frozen=True, kw_only=True)
class DicomOptions(Options):
    """Settings of reading."""

    missing: Literal["error", "fill", "split"] = option(
        "error", "Slices missing from a stack: refuse it, fill them with the padding value, or split it there"
    )
    irregular: Literal["error", "keep"] = option(
        "error", "Slices at uneven distances: refuse them, or keep them with their positions listed"
    )
    tolerance: float = option(0.01, "How far, in mm, a slice may lie from where an even stack puts it")
    damaged: Literal["error", "skip"] = option(
        "error", "A series with unreadable files: refuse it, or convert what is left of it"
    )
    palette: Literal["rgb", "index"] = option("rgb", "Palette colours: look them up, or keep their indices")
    segments: Literal["auto", "axis", "labels"] = option(
        "auto", "Segments: an axis of their own, one label map, or auto: a label map unless they overlap"
    )
    monochrome1: Literal["keep", "invert"] = option(
        "keep", "Images whose low values are bright: keep the stored values, or invert them"
    )
    series: Literal["apart", "join"] = option(
        "apart",
        "Series of one study with the same description and geometry: images of their own, or one image "
        "(some exports make a series of every volume)",
    )
