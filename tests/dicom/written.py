"""Data sets made and written by pydicom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"


def dataset(pixels: np.ndarray, position: Sequence[float] | None = None, **attributes: Any) -> Dataset:
    """Return a CT slice, or whatever `attributes` make of it; None takes an attribute away."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    values: dict[str, Any] = {
        "SOPClassUID": CT,
        "SOPInstanceUID": generate_uid(),
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.4",
        "SeriesNumber": 7,
        "Modality": "CT",
        "InstanceNumber": 1,
        "Rows": pixels.shape[-2],
        "Columns": pixels.shape[-1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": pixels.dtype.itemsize * 8,
        "BitsStored": pixels.dtype.itemsize * 8,
        "HighBit": pixels.dtype.itemsize * 8 - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "PixelSpacing": [0.5, 0.75],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    }
    if position is not None:
        values["ImagePositionPatient"] = [float(f"{part:.10g}") for part in position]
    if pixels.ndim == 3:
        values["NumberOfFrames"] = len(pixels)
    for keyword, value in {**values, **attributes}.items():
        if value is not None:
            setattr(made, keyword, value)
    made.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes() + b"\0" * (pixels.nbytes % 2)
    made["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"
    return made


def write(made: Dataset, path: Path) -> Path:
    """Write a data set as a DICOM file."""
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.save_as(path, enforce_file_format=True)
    return path


def write_series(folder: Path, volume: np.ndarray, affine: np.ndarray, **attributes: Any) -> Path:
    """Write a volume (z, y, x) with an affine (columns z, y, x; LPS), one file a slice, in random order."""
    folder.mkdir(exist_ok=True)
    spacing = np.linalg.norm(affine[:3, 1:3], axis=0)
    unit = affine[:3, 1:3] / spacing
    orientation = [float(f"{part:.12g}") for part in (*unit[:, 1], *unit[:, 0])]
    names = np.random.default_rng(0).permutation(len(volume))
    for index, plane in enumerate(volume):
        place = affine[:3, 3] + index * affine[:3, 0]
        own = {k: v(index) if callable(v) else v for k, v in attributes.items()}
        one = {
            "ImageOrientationPatient": orientation,
            "PixelSpacing": [float(step) for step in spacing],
            "InstanceNumber": int(names[index]) + 1,
            **own,
        }
        write(dataset(plane, place, **one), folder / f"{names[index]:04d}")
    return folder


def item(**attributes: Any) -> Dataset:
    """Return an item of a sequence."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def with_raw(made: Dataset, keyword: str, vr: str, content: bytes) -> Dataset:
    """Give a data set an element as a file would have it, whatever its VR allows."""
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    content += b" " * (len(content) % 2)
    made._dict[Tag(keyword)] = RawDataElement(Tag(keyword), vr, len(content), content, 0, False, True)
    return made


def enhanced(
    frames: Sequence[tuple[int, int]],
    pointers: Sequence[tuple[int, int]] = (),
    extra: Any = lambda group, repeat: group,
    **attributes: Any,
) -> Dataset:
    """Return an Enhanced CT whose frame (z, t) is filled with 100 t + z, in the order that is given.

    `pointers` are dimensions beside In-Stack Position Number, each counted by t + 1; `extra` adds to the
    functional groups of a frame.
    """
    volume = np.array([np.full((2, 3), 100 * t + z) for z, t in frames], np.int16)
    shared = item(
        PixelMeasuresSequence=[item(PixelSpacing=[1, 1], SliceThickness=2)],
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
    )
    groups = [
        extra(
            item(
                PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 2 * z])],
                FrameContentSequence=[item(DimensionIndexValues=[z + 1, *([t + 1] * len(pointers))])],
            ),
            t,
        )
        for z, t in frames
    ]
    dimensions = [item(DimensionIndexPointer=0x00209057, FunctionalGroupPointer=0x00209111)]
    dimensions += [item(DimensionIndexPointer=a, FunctionalGroupPointer=b) for a, b in pointers]
    values = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2.1",
        "SharedFunctionalGroupsSequence": [shared],
        "PerFrameFunctionalGroupsSequence": groups,
        "DimensionIndexSequence": dimensions,
    }
    absent = {"PixelSpacing": None, "ImageOrientationPatient": None}
    return dataset(volume, **{**values, **absent, **attributes})


def segmentation(
    kind: str, frames: Sequence[tuple[float, int]], planes: np.ndarray | None = None, **attributes: Any
) -> Dataset:
    """Return a segmentation of frames (z in mm, segment number), all of whose voxels are set by default."""
    if planes is None:
        planes = np.ones((len(frames), 4, 4), np.uint8)
    numbers = sorted({number for _, number in frames})
    measures = item(PixelSpacing=[1, 1], SliceThickness=2.5, SpacingBetweenSlices=2.5)
    shared = item(
        PixelMeasuresSequence=[measures],
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
    )
    groups = []
    for z, number in frames:
        group = item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, z])])
        if kind != "LABELMAP":
            group.SegmentIdentificationSequence = [item(ReferencedSegmentNumber=number)]
        groups.append(group)
    values = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.66." + ("7" if kind == "LABELMAP" else "4"),
        "SegmentationType": kind,
        "Modality": "SEG",
        "SegmentSequence": [item(SegmentNumber=n, SegmentLabel=f"part {n}") for n in numbers],
        "SharedFunctionalGroupsSequence": [shared],
        "PerFrameFunctionalGroupsSequence": groups,
        "PixelSpacing": None,
        "ImageOrientationPatient": None,
    }
    made = dataset(planes, **{**values, **attributes})
    if kind == "BINARY":
        made.BitsAllocated = made.BitsStored = 1
        made.HighBit = 0
        packed = np.packbits(planes.ravel(), bitorder="little").tobytes()
        made.PixelData = packed + b"\0" * (len(packed) % 2)
    return made
