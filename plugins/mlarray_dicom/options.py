"""The settings of reading and writing DICOM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import Options, option


@dataclass(frozen=True, kw_only=True)
class DicomOptions(Options):
    """Settings of reading, and of writing from `kind` on."""

    missing: Literal["error", "fill", "split"] = option(
        "error",
        "Slices missing from a stack: refuse it, fill them with the padding value, or split it there",
        reading=True,
    )
    irregular: Literal["error", "keep"] = option(
        "error",
        "Slices at uneven distances: refuse them, or keep them with their positions listed",
        reading=True,
    )
    tolerance: float = option(
        0.01, "How far, in mm, a slice may lie from its place in an even stack", reading=True
    )
    damaged: Literal["error", "skip"] = option(
        "error", "A series with unreadable files: refuse it, or convert what is left of it", reading=True
    )
    palette: Literal["rgb", "index"] = option(
        "rgb", "Palette colours: look them up, or keep their indices", reading=True
    )
    segments: Literal["auto", "axis", "labels"] = option(
        "auto",
        "Segments: an axis of their own, one label map, or auto: a label map unless they overlap",
        reading=True,
    )
    monochrome1: Literal["keep", "invert"] = option(
        "keep", "Images whose low values are bright: keep the stored values, or invert them", reading=True
    )
    series: Literal["apart", "join"] = option(
        "apart",
        "Series of one study with the same description and geometry: images of their own, or one image "
        "(some exports make a series of every volume)",
        reading=True,
    )
    like: str | None = option(
        None,
        "Contours: an image of any format whose grid they are drawn into; their own series if none",
        reading=True,
    )
    between: Literal["shape", "nearest"] = option(
        "shape",
        "Contours: voxels between two planes of them get a shape that changes evenly from one to the other, "
        "or that of the nearest plane",
        reading=True,
    )
    kind: Literal["auto", "image", "secondary", "map", "seg", "contours", "boxes", "slide"] = option(
        "auto",
        "What to write: an image of its modality, secondary captures, a parametric map, a segmentation, "
        "contours around labels, a report of bounding boxes, a whole slide, or what fits the voxels",
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
