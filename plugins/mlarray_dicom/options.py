"""The settings of reading and writing DICOM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import Options, option


@dataclass(frozen=True, kw_only=True)
class DicomOptions(Options):
    """Settings of reading, and of writing from `kind` on."""

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
    kind: Literal["auto", "image", "secondary", "map", "seg"] = option(
        "auto",
        "What to write: an image of its modality, secondary captures, a parametric map, a segmentation, "
        "or what fits the voxels",
    )
    modality: Literal["CT", "MR", "PT", "OT"] | None = option(
        None, "Modality of what is written; what the metadata say if none"
    )
    segmentation: Literal["auto", "binary", "fractional", "labelmap"] = option(
        "auto", "Segmentations to write: binary where labels are counted from 1, else labelmap, or fractional"
    )
    template: str | None = option(
        None, "A DICOM file, or the folder of a series, that gives what is written its patient and study"
    )
    compression: Literal["none", "rle", "jpegls", "jpeg2000"] = option(
        "none", "Lossless compression of what is written"
    )
