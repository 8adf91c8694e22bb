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
