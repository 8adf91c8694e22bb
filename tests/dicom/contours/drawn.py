"""Structure sets made by pydicom, on a series of empty slices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian, generate_uid

from tests.dicom.written import item, with_raw, write_series

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    Curves = Iterable[np.ndarray]

SERIES, FRAME = "1.2.3.4", "1.2.3.9"
STUDY = {
    **dict.fromkeys(("PatientBirthDate", "PatientSex", "AccessionNumber", "ReferringPhysicianName"), ""),
    "StudyDate": "20200101", "StudyTime": "12", "PatientID": "1", "PatientName": "A^B", "StudyID": "1",
    "FrameOfReferenceUID": FRAME,
}  # fmt: skip


def cube(size: int = 64, spacing: float = 1.0) -> np.ndarray:
    """Return the affine (z, y, x) of a cube of voxels around the origin."""
    affine = np.zeros((4, 4))
    affine[[2, 1, 0], [0, 1, 2]] = spacing
    affine[:3, 3], affine[3, 3] = -(size // 2) * spacing, 1
    return affine


def series(folder: Path, shape: Sequence[int] = (64, 64, 64), affine: np.ndarray | None = None) -> Path:
    """Write the slices that are drawn on."""
    folder.mkdir(parents=True, exist_ok=True)
    place = cube() if affine is None else affine
    thickness = float(np.linalg.norm(place[:3, 0]))
    return write_series(folder, np.zeros(shape, np.int16), place, SliceThickness=thickness, **STUDY)


def structure_set(
    path: Path,
    drawn: dict[str, Curves],
    numbers: Sequence[int] | None = None,
    kind: str = "CLOSED_PLANAR",
    **contour: Any,
) -> Path:
    """Write structures by name, each a list of curves (n x 3, LPS)."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", generate_uid()
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.StudyInstanceUID, made.SeriesInstanceUID = "1.2.3", "1.2.3.5"
    made.Modality, made.StructureSetLabel, made.SeriesNumber = "RTSTRUCT", "plan", 3
    made.PatientID = "1"
    referenced = item(SeriesInstanceUID=SERIES, ContourImageSequence=[])
    study = item(RTReferencedSeriesSequence=[referenced])
    made.ReferencedFrameOfReferenceSequence = [
        item(FrameOfReferenceUID=FRAME, RTReferencedStudySequence=[study])
    ]
    known = list(zip(numbers or range(1, len(drawn) + 1), drawn.items(), strict=True))
    made.StructureSetROISequence = [item(ROINumber=number, ROIName=name) for number, (name, _) in known]
    made.ROIContourSequence = [
        item(
            ReferencedROINumber=number,
            ROIDisplayColor=[10 * place, 200, 30],
            ContourSequence=[
                with_raw(
                    item(ContourGeometricType=kind, NumberOfContourPoints=len(points), **contour),
                    "ContourData",
                    "DS",
                    "\\".join(f"{value:.5f}" for value in np.ravel(points)).encode(),
                )
                for points in curves
            ],
        )
        for place, (number, (_, curves)) in enumerate(known)
    ]
    code = item(CodeValue="10200004", CodingSchemeDesignator="SCT", CodeMeaning="Liver")
    made.RTROIObservationsSequence = [
        item(ObservationNumber=1, ReferencedROINumber=known[0][0], RTROIIdentificationCodeSequence=[code])
    ]
    made.save_as(path, enforce_file_format=True)
    return path


def circle(radius: float, z: float = 0, centre: Sequence[float] = (0, 0), count: int = 120) -> np.ndarray:
    """Return a circle in a transverse plane."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    x, y = (
        middle + radius * wave for middle, wave in zip(centre, (np.cos(angles), np.sin(angles)), strict=True)
    )
    return np.column_stack([x, y, np.full(count, z)])


def sphere(radius: float, step: float = 1.0) -> list[np.ndarray]:
    """Return the circles of a sphere around the origin."""
    count = int(radius / step - 1e-9)
    heights = np.arange(-count, count + 1) * step
    return [circle(float(np.sqrt(radius**2 - z**2)), float(z)) for z in heights]


def torus(major: float, minor: float, step: float = 1.0) -> list[np.ndarray]:
    """Return the pairs of circles of a torus around the z axis whose middle is at z = 0.5."""
    found = []
    for z in np.arange(np.ceil((0.5 - minor) / step) * step, 0.5 + minor, step):
        reach = float(np.sqrt(minor**2 - (z - 0.5) ** 2))
        found += [circle(major + reach, float(z)), circle(major - reach, float(z))]
    return found


def keyhole(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Return one curve around an area with a hole: along a channel into it, around it, and back."""
    return np.concatenate([outer, outer[:1], inner[:1], inner[:0:-1], inner[:1]])


def turned(curves: Curves, angles: Sequence[float]) -> list[np.ndarray]:
    """Return curves turned about the origin: contours in planes that are no slices."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("xyz", angles).as_matrix()
    return [points @ turn.T for points in curves]


def dice(first: np.ndarray, second: np.ndarray) -> float:
    """Return the overlap of two masks."""
    return 2 * float((first & second).sum()) / float(first.sum() + second.sum())
