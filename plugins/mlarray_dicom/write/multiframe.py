"""One file of many frames: enhanced CT and MR, parametric maps, secondary captures.

PS3.3, A.36, A.38, A.75, A.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlarray_dicom.elements import text_of
from mlarray_dicom.write.frames import frames
from mlarray_dicom.write.items import code_item, evidence, item, refer_to, source_item
from mlarray_dicom.write.pixel_file import SYNTAXES, PixelFile, pixel_module
from mlarray_dicom.write.place import decimal, plane_spacing
from mlarray_dicom.write.repeats import repeats_of
from mlarray_dicom.write.study import new_uid

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from mlarray_dicom.options import DicomOptions
    from mlarray_dicom.write.frames import Axes
    from mlarray_dicom.write.place import Place
    from mlarray_dicom.write.repeats import Repeats
    from mlarray_dicom.write.stored import Stored
    from mlarray_dicom.write.study import Series
    from mlarray_io import Context, Reader

ENHANCED = {"CT": "1.2.840.10008.5.1.4.1.1.2.1", "MR": "1.2.840.10008.5.1.4.1.1.4.1"}
PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"
_BYTE, _WORD, _COLOUR = (f"1.2.840.10008.5.1.4.1.1.7.{number}" for number in (2, 3, 4))
"""Multi-frame Secondary Capture: greyscale of 8 and of 16 bits, colours."""
_CONTENT, _STACK_POSITION = 0x00209111, 0x00209057


@dataclass(frozen=True)
class Volume:
    """An image that is to become DICOM, and all that is known of how.

    Parameters
    ----------
    reader, axes
        The image.
    place
        Where it lies; None when that isn't known.
    stored
        How its voxels are stored.
    series
        What its objects belong to.
    options, context
        What the user wants, and where to report what is lost.
    """

    reader: Reader
    axes: Axes
    place: Place | None
    stored: Stored
    series: Series
    options: DicomOptions
    context: Context

    def write(self, target: Path, header: Dataset) -> None:
        """Write all frames behind a header."""
        repeats, slices = self.axes.counts(self.reader.shape)
        with PixelFile(target, header, repeats * slices, self.stored.dtype) as file:
            for voxels in frames(self.reader, self.axes, self.context):
                file.add(self.stored(voxels))

    def header(self, sop_class: str, number: int = 1) -> Dataset:
        """Return the header of a new object of a class, with how pixels are stored."""
        made = self.series.dataset(sop_class, number, SYNTAXES[self.options.compression])
        pixel_module(made, self.axes.plane(self.reader.shape), self.stored.dtype, self.stored.bits)
        made.BurnedInAnnotation = text_of(self.series.origin.first, "BurnedInAnnotation") or "NO"
        if sop_class not in ENHANCED.values():
            made.Laterality = text_of(self.series.origin.first, "Laterality") or None
        return made


def write_enhanced(volume: Volume, target: Path) -> None:
    """Write an Enhanced CT or MR image.

    Parameters
    ----------
    volume
        The image, which has a place.
    target
        The file.
    """
    modality, first = volume.series.modality, volume.series.origin.first
    made = volume.header(ENHANCED[modality])
    made.PatientPosition = text_of(first, "PatientPosition") or None
    made.ImageType = ["DERIVED", "PRIMARY", "VOLUME", "NONE"]
    made.ContentQualification, made.LossyImageCompression = "RESEARCH", "00"
    made.PresentationLUTShape, made.AcquisitionContextSequence = "IDENTITY", []
    how = {"PixelPresentation": "MONOCHROME", "VolumetricProperties": "VOLUME"}
    how["VolumeBasedCalculationTechnique"] = "NONE"
    if modality == "MR":
        how |= {"ComplexImageComponent": "MAGNITUDE", "AcquisitionContrast": "UNKNOWN"}
        made.ApplicableSafetyStandardAgency = text_of(first, "ApplicableSafetyStandardAgency") or "IEC"
    for keyword, value in how.items():
        setattr(made, keyword, value)
    shared = item(
        PixelValueTransformationSequence=[
            item(
                RescaleIntercept=decimal(volume.stored.intercept),
                RescaleSlope=decimal(volume.stored.slope),
                RescaleType="HU" if modality == "CT" else "US",
            )
        ],
        FrameAnatomySequence=[
            item(FrameLaterality="U", AnatomicRegionSequence=[code_item("SCT", "38266002", "Entire body")])
        ],
    )
    if modality == "CT":  # which event isn't known of every image, that there was one is
        event = text_of(first, "IrradiationEventUID") or new_uid()
        shared.IrradiationEventIdentificationSequence = [item(IrradiationEventUID=event)]
    frame_type = item(FrameType=made.ImageType, **how)
    setattr(shared, f"{modality}ImageFrameTypeSequence", [frame_type])
    _finish(volume, made, shared)
    volume.write(target, made)


def write_map(volume: Volume, target: Path) -> None:
    """Write a Parametric Map: real numbers, or integers with slope and intercept.

    Parameters
    ----------
    volume
        The image, which has a place.
    target
        The file.
    """
    made = volume.header(PARAMETRIC_MAP)
    made.ImageType = ["DERIVED", "PRIMARY", "VOLUME", "NONE"]
    made.ContentQualification, made.RecognizableVisualFeatures = "RESEARCH", "YES"
    made.LossyImageCompression, made.PresentationLUTShape = "00", "IDENTITY"
    made.AcquisitionContextSequence = []
    made.ContentLabel, made.ContentDescription, made.ContentCreatorName = "MAP", None, None
    mapping = item(
        LUTExplanation="values of the image",
        LUTLabel="VALUES",
        MeasurementUnitsCodeSequence=[_unit(volume.series.origin.first)],
        RealWorldValueSlope=volume.stored.slope,
        RealWorldValueIntercept=volume.stored.intercept,
    )
    if volume.stored.dtype.kind == "f":
        largest = float(np.finfo(volume.stored.dtype).max)
        mapping.DoubleFloatRealWorldValueFirstValueMapped = -largest
        mapping.DoubleFloatRealWorldValueLastValueMapped = largest
    else:
        low, high = (0, 2**volume.stored.bits - 1)
        mapping.RealWorldValueFirstValueMapped, mapping.RealWorldValueLastValueMapped = low, high
        for keyword in ("RealWorldValueFirstValueMapped", "RealWorldValueLastValueMapped"):
            mapping[keyword].VR = "US"
    shared = item(
        RealWorldValueMappingSequence=[mapping],
        PixelValueTransformationSequence=[item(RescaleIntercept=0, RescaleSlope=1, RescaleType="US")],
        ParametricMapFrameTypeSequence=[item(FrameType=made.ImageType)],
    )
    _finish(volume, made, shared)
    volume.write(target, made)


_UNITS = {
    "BQML": ("Bq/ml", "Becquerels/milliliter"),
    "GML": ("g/ml", "Grams/milliliter"),
    "CNTS": ("{counts}", "Counts"),
    "PROPCPS": ("{propcounts}/s", "Proportional to counts/second"),
    "GY": ("Gy", "Gray"),
    "HU": ("[hnsf'U]", "Hounsfield unit"),
}
"""Units in UCUM by the value of Units, Dose Units or Rescale Type."""


def _unit(header: Dataset) -> Dataset:
    """Return the unit of the voxels as a header has it, else that they have none."""
    known = (text_of(header, keyword).upper() for keyword in ("Units", "DoseUnits", "RescaleType"))
    found = next((_UNITS[name] for name in known if name in _UNITS), ("1", "no units"))
    return code_item("UCUM", *found)


def write_capture(volume: Volume, target: Path) -> None:
    """Write a Multi-frame Secondary Capture: unsigned integers, or colours.

    Parameters
    ----------
    volume
        The image.
    target
        The file.
    """
    coloured = volume.axes.components is not None
    wide = volume.stored.dtype.itemsize > 1
    made = volume.header(_COLOUR if coloured else _WORD if wide else _BYTE)
    made.ImageType, made.ConversionType = ["DERIVED", "SECONDARY"], "WSD"
    made.PatientOrientation = None
    if not coloured:
        made.RescaleIntercept, made.RescaleSlope, made.RescaleType = 0, 1, "US"
        made.PresentationLUTShape = "IDENTITY"
    if volume.place is not None:
        made.FrameIncrementPointer = 0x52009230
        _finish(volume, made, item())
    else:
        _unplaced(volume, made)
    volume.write(target, made)


def _unplaced(volume: Volume, made: Dataset) -> None:
    """Count frames of which nobody knows where they lie by pages (PS3.3, C.8.6.4)."""
    count = max(volume.axes.counts(volume.reader.shape))
    made.NumberOfFrames, made.FrameIncrementPointer = count, 0x00182001
    made.PageNumberVector = list(range(1, count + 1))
    spacing = plane_spacing(volume.reader, volume.context)
    if spacing is not None:
        made.PixelSpacing = made.NominalScannedPixelSpacing = spacing
        made.PixelSpacingCalibrationType, made.PixelSpacingCalibrationDescription = "FIDUCIAL", "source"


def _finish(volume: Volume, made: Dataset, shared: Dataset) -> None:
    """Add what all objects with functional groups have: where frames lie, and what they are made of."""
    place, sources = volume.place, volume.series.origin.headers
    assert place is not None  # the caller's choice of class
    repeats = repeats_of(volume.reader, volume.axes, place, volume.context)
    made.FrameOfReferenceUID = volume.series.frame
    made.PositionReferenceIndicator = None
    shared.PixelMeasuresSequence = [
        item(PixelSpacing=place.spacing, SliceThickness=place.step, SpacingBetweenSlices=place.step)
    ]
    shared.PlaneOrientationSequence = [item(ImageOrientationPatient=place.orientation)]
    if sources:
        shared.DerivationImageSequence = [
            item(
                DerivationCodeSequence=[code_item("DCM", "112187", "Unspecified method of calculation")],
                SourceImageSequence=[source_item(header) for header in sources],
            )
        ]
        refer_to(made, sources)
        if made.SOPClassUID in ENHANCED.values():
            made.SourceImageEvidenceSequence = evidence(sources)
    made.SharedFunctionalGroupsSequence = [shared]
    _dimensions(made, repeats)
    slices = volume.axes.counts(volume.reader.shape)[1]
    made.NumberOfFrames = repeats.count * slices
    made.PerFrameFunctionalGroupsSequence = [
        _frame(place, repeats, repeat, number) for repeat in range(repeats.count) for number in range(slices)
    ]


def _dimensions(made: Dataset, repeats: Repeats) -> None:
    organisation = new_uid()
    made.DimensionOrganizationSequence = [item(DimensionOrganizationUID=organisation)]
    pointers = [repeats.pointer] if repeats.label else []
    made.DimensionIndexSequence = [
        item(
            DimensionOrganizationUID=organisation,
            DimensionIndexPointer=pointer,
            FunctionalGroupPointer=group,
            DimensionDescriptionLabel=name,
        )
        for pointer, group, name in (*pointers, (_STACK_POSITION, _CONTENT, "slice"))
    ]


def _frame(place: Place, repeats: Repeats, repeat: int, number: int) -> Dataset:
    """Return the functional groups of one frame."""
    indices = [*([repeat + 1] if repeats.label else []), number + 1]
    content = item(StackID="1", InStackPositionNumber=number + 1, DimensionIndexValues=indices)
    groups = item(
        FrameContentSequence=[content],
        PlanePositionSequence=[item(ImagePositionPatient=place.position(number))],
    )
    repeats.add_to(groups, content, repeat)
    return groups
