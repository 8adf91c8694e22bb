"""The attributes by which frames are grouped and placed; the others are read when an image is opened."""

from __future__ import annotations

PIXEL_DATA, FLOAT_PIXELS, DOUBLE_PIXELS = 0x7FE00010, 0x7FE00008, 0x7FE00009

_GROUPS = {
    "what it is": """
        SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID SeriesNumber SeriesDescription
        Modality InstanceNumber ImageType Manufacturer PatientPosition SpecificCharacterSet
        FrameOfReferenceUID ProtocolName ConcatenationUID InConcatenationNumber InConcatenationTotalNumber
        ConcatenationFrameOffsetNumber ImageComments
    """,
    "how its pixels are stored": """
        Rows Columns NumberOfFrames SamplesPerPixel PhotometricInterpretation PlanarConfiguration
        BitsAllocated BitsStored HighBit PixelRepresentation PixelPaddingValue RescaleSlope
        RescaleIntercept RescaleType Units ModalityLUTSequence DoseGridScaling DoseUnits
        LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod
        RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
        BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData
        GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
        SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
        SegmentedBluePaletteColorLookupTableData RealWorldValueMappingSequence ExtendedOffsetTable
        ExtendedOffsetTableLengths
    """,
    "where they lie": """
        ImagePositionPatient ImageOrientationPatient PixelSpacing ImagerPixelSpacing
        NominalScannedPixelSpacing SliceThickness SpacingBetweenSlices GridFrameOffsetVector
        FrameIncrementPointer SliceVector DetectorInformationSequence SharedFunctionalGroupsSequence
        PerFrameFunctionalGroupsSequence DimensionIndexSequence DimensionOrganizationType
        TotalPixelMatrixRows TotalPixelMatrixColumns TotalPixelMatrixFocalPlanes NumberOfOpticalPaths
        PixelSpacingCalibrationType SequenceOfUltrasoundRegions SliceLocation
    """,
    "what tells frames at one place apart": """
        EchoTime EchoNumbers InversionTime FlipAngle ConvolutionKernel AcquisitionNumber AcquisitionDate
        AcquisitionTime AcquisitionDateTime ContentTime TriggerTime TemporalPositionIdentifier
        TemporalPositionIndex FrameReferenceTime ActualFrameDuration DiffusionBValue
        DiffusionGradientOrientation FrameTime FrameTimeVector CineRate RecommendedDisplayFrameRate
        InPlanePhaseEncodingDirection NominalPercentageOfCardiacPhase NumberOfTemporalPositions
        NumberOfTimeSlices TimeSlotVector TimeSliceVector EnergyWindowVector DetectorVector
    """,
    "segmentations": """
        SegmentationType SegmentSequence SegmentsOverlap MaximumFractionalValue SegmentationFractionalType
    """,
}

KEYWORDS = tuple(word for words in _GROUPS.values() for word in words.split())

PRIVATE = (
    0x00190010, 0x0019100A, 0x0019100C, 0x0019100E,  # Siemens MR header
    0x00290010, 0x00290011, 0x00291010, 0x00291020, 0x00291110, 0x00291120,  # Siemens CSA
    0x00211010, 0x00210010,
    0x20010010, 0x20011003, 0x20050010, 0x200510A0, 0x200510B0, 0x200510B1, 0x200510B2,  # Philips diffusion
    0x00430010, 0x00431039, 0x001910BB, 0x001910BC, 0x001910BD,  # GE diffusion
    0x00650010, 0x00651009, 0x00651037, 0x00651050, 0x00651051,  # UIH diffusion and grid
)  # fmt: skip


def wanted() -> list[int]:
    """Return the tags of `KEYWORDS` and `PRIVATE`."""
    from pydicom.datadict import tag_for_keyword

    found = (tag_for_keyword(keyword) for keyword in KEYWORDS)
    return sorted({tag for tag in found if tag is not None} | set(PRIVATE))
