"""Whole slides: one plane cut into tiles (PS3.3, A.32.8, C.8.12)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core.errors import UnsupportedError
from mlarray_dicom.elements import has, text_of
from mlarray_dicom.write.items import code_item, item
from mlarray_dicom.write.pixel_file import SYNTAXES, PixelFile, pixel_module
from mlarray_dicom.write.place import plane_spacing
from mlarray_dicom.write.study import new_uid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

    from mlarray_dicom.options import DicomOptions
    from mlarray_dicom.write.frames import Array, Axes
    from mlarray_dicom.write.study import Origin, Series
    from mlarray_io import Context, Reader

WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
TILE = 512
"""Rows and columns of a tile: what scanners write, and a chunk that compresses well."""
_DIMENSIONS = (0x0048021F, 0x0048021E)
"""Row and column of a tile in the plane; they are in the Plane Position (Slide) Sequence."""
_PLACE = 0x0048021A


def is_slide(origin: Origin) -> bool:
    """Say whether an image is derived from a whole slide."""
    return text_of(origin.first, "SOPClassUID") == WHOLE_SLIDE


def write_slide(
    reader: Reader, axes: Axes, series: Series, target: Path, options: DicomOptions, context: Context
) -> None:
    """Write a plane as tiles that cover it row by row.

    Parameters
    ----------
    reader, axes
        The image: rows and columns, of uint8 or uint16, or RGB of uint8.
    series
        What the object belongs to.
    target
        The file.
    options
        Compression.
    context
        Where to report progress and what can't be held.

    Raises
    ------
    UnsupportedError
        It is no plane, has another type, or doesn't say how large its pixels are.
    """
    coloured = axes.components is not None
    if axes.repeat is not None or axes.slices is not None:
        raise UnsupportedError("a whole slide is one plane", path=target, hint="Write one plane of the image")
    if reader.dtype not in ((np.uint8,) if coloured else (np.uint8, np.uint16)):
        raise UnsupportedError(
            f"whole slides are uint8 or uint16, colours uint8; the image is {reader.dtype}",
            path=target,
            hint="Convert the values first, or write .ome.tif or .mla",
        )
    spacing = plane_spacing(reader, context)
    if spacing is None:
        raise UnsupportedError(
            "a whole slide says how large its pixels are, the image doesn't",
            path=target,
            hint="Give it a spacing in mm",
        )
    header = _header(reader, axes, series, spacing, options)
    with PixelFile(target, header, int(header.NumberOfFrames), reader.dtype) as file:
        for tile in _tiles(reader, axes, context):
            file.add(tile)


def _tiles(reader: Reader, axes: Axes, context: Context) -> Iterator[Array]:
    """Yield the tiles row by row, those at the ends filled up with white, in bounded memory."""
    rows, columns = reader.shape[axes.rows], reader.shape[axes.columns]
    wide = TILE * max(1, (32 << 20) // (TILE * TILE * reader.dtype.itemsize * 3))
    white = np.iinfo(reader.dtype).max
    for top in range(0, rows, TILE):
        for left in range(0, columns, wide):
            box = [slice(0, size) for size in reader.shape]
            box[axes.rows] = slice(top, min(top + TILE, rows))
            box[axes.columns] = slice(left, min(left + wide, columns))
            band = reader[tuple(box)].transpose(axes.order)
            context.progress(band.nbytes)
            missing = [(0, -size % TILE) for size in band.shape[:2]]
            band = np.pad(band, [*missing, *[(0, 0)] * (band.ndim - 2)], constant_values=white)
            for start in range(0, band.shape[1], TILE):
                yield band[:, start : start + TILE]


def _header(reader: Reader, axes: Axes, series: Series, spacing: list[str], options: DicomOptions) -> Dataset:
    first = series.origin.first
    rows, columns = reader.shape[axes.rows], reader.shape[axes.columns]
    made = series.dataset(WHOLE_SLIDE, 1, SYNTAXES[options.compression])
    coloured = axes.components is not None
    pixel_module(made, (TILE, TILE, *((3,) if coloured else ())), reader.dtype, 8 * reader.dtype.itemsize)
    made.ImageType = ["DERIVED", "PRIMARY", "VOLUME", "NONE"]
    made.NumberOfFrames = -(-rows // TILE) * -(-columns // TILE)
    made.TotalPixelMatrixRows, made.TotalPixelMatrixColumns = rows, columns
    made.TotalPixelMatrixFocalPlanes = made.NumberOfOpticalPaths = 1
    made.TotalPixelMatrixOriginSequence = [
        item(XOffsetInSlideCoordinateSystem="0", YOffsetInSlideCoordinateSystem="0")
    ]
    made.ImageOrientationSlide = ["0", "-1", "0", "-1", "0", "0"]
    made.ImagedVolumeHeight, made.ImagedVolumeWidth = rows * float(spacing[0]), columns * float(spacing[1])
    made.ImagedVolumeDepth = 1.0
    made.FocusMethod, made.ExtendedDepthOfField, made.SpecimenLabelInImage = "AUTO", "NO", "NO"
    made.VolumetricProperties, made.LossyImageCompression, made.BurnedInAnnotation = "VOLUME", "00", "NO"
    made.AcquisitionDateTime = text_of(first, "AcquisitionDateTime") or datetime.now().strftime(
        "%Y%m%d%H%M%S"
    )
    made.AcquisitionContextSequence = []
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = series.frame, "SLIDE_CORNER"
    if not coloured:
        made.PresentationLUTShape, made.RescaleIntercept, made.RescaleSlope = "IDENTITY", 0, 1
    _specimen(made, first)
    made.OpticalPathSequence = [_optical_path(coloured=coloured)]
    made.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[item(PixelSpacing=spacing, SliceThickness="0.001")],
            WholeSlideMicroscopyImageFrameTypeSequence=[item(FrameType=made.ImageType)],
            OpticalPathIdentificationSequence=[item(OpticalPathIdentifier="1")],
        )
    ]
    organisation = new_uid()
    made.DimensionOrganizationType = "TILED_FULL"
    made.DimensionOrganizationSequence = [item(DimensionOrganizationUID=organisation)]
    made.DimensionIndexSequence = [
        item(DimensionOrganizationUID=organisation, DimensionIndexPointer=tag, FunctionalGroupPointer=_PLACE)
        for tag in _DIMENSIONS
    ]
    return made


def _specimen(made: Dataset, first: Dataset) -> None:
    """Say what is on the slide: what the source says, else that there is a specimen (PS3.3, C.7.6.22)."""
    for keyword in ("ContainerIdentifier", "SpecimenDescriptionSequence"):
        if has(first, keyword):
            made[keyword] = first[keyword]
    made.IssuerOfTheContainerIdentifierSequence = []
    made.ContainerTypeCodeSequence = [code_item("SCT", "433466003", "Microscope slide")]
    if "ContainerIdentifier" not in made:
        made.ContainerIdentifier = "unknown"
    if "SpecimenDescriptionSequence" not in made:
        made.SpecimenDescriptionSequence = [
            item(
                SpecimenIdentifier="unknown",
                SpecimenUID=new_uid(),
                IssuerOfTheSpecimenIdentifierSequence=[],
                SpecimenPreparationSequence=[],
            )
        ]


def _optical_path(*, coloured: bool) -> Dataset:
    """Return how the slide was lit: white light through it, as far as anybody knows."""
    made = item(
        OpticalPathIdentifier="1",
        IlluminationTypeCodeSequence=[code_item("DCM", "111744", "Brightfield illumination")],
        IlluminationColorCodeSequence=[code_item("SCT", "371251000", "White")],
    )
    if coloured:
        from PIL import ImageCms

        made.ICCProfile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        made.ColorSpace = "SRGB"
    return made
