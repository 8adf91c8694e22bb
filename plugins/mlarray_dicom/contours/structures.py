"""What a structure set holds: structures with names, colours, codes, curves (PS3.3, C.8.8.5, C.8.8.6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Label
from mlarray_core.errors import CorruptError
from mlarray_core.meta import color_of
from mlarray_dicom.elements import items_of, loose_number, loose_numbers, text_of
from mlarray_dicom.header.labels import code_of
from mlarray_dicom.private_names import elements

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    Points = np.ndarray[Any, np.dtype[np.float64]]

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
CONTOUR_DATA = 0x30060050
"""Tag of the points of a contour."""
_CLOSED = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})
"""Kinds of contours that enclose an area (C.8.8.6.3)."""
_LARGEST = 1e9
"""The greatest coordinate in mm that a contour may have: nothing is a thousand kilometres away."""


@dataclass
class Structure:
    """One structure.

    Parameters
    ----------
    number
        ROI Number.
    label
        Name, colour and code; its value is the voxel's.
    curves
        Closed curves, n x 3 points in LPS and mm each.
    thickness
        Contour Slab Thickness in mm, None when it isn't said.
    left_out
        How many contours enclose no area, by kind.
    """

    number: int
    label: Label
    curves: list[Points] = field(default_factory=list)
    thickness: float | None = None
    left_out: dict[str, int] = field(default_factory=dict)


def structures_of(dataset: Dataset, path: Path) -> list[Structure]:
    """Return the structures of a structure set, in its order.

    Parameters
    ----------
    dataset
        The whole data set.
    path
        The file, for errors.

    Raises
    ------
    CorruptError
        Contours can't be read.
    """
    kinds = {
        _number(item, "ReferencedROINumber"): item for item in items_of(dataset, "RTROIObservationsSequence")
    }
    drawn: dict[int, list[Dataset]] = {}
    for item in items_of(dataset, "ROIContourSequence"):
        drawn.setdefault(_number(item, "ReferencedROINumber"), []).append(item)
    listed: dict[int, Dataset] = {}
    for item in items_of(dataset, "StructureSetROISequence"):
        listed.setdefault(_number(item, "ROINumber"), item)
    values = _values([number for number in listed if number in drawn])
    found = []
    for number, value in values.items():
        label = _label(value, listed[number], drawn[number][0], kinds.get(number))
        structure = Structure(number, label)
        for item in drawn[number]:
            for contour in items_of(item, "ContourSequence"):
                _add(structure, contour, path)
        found.append(structure)
    return found


def _number(item: Dataset, keyword: str) -> int:
    number = loose_number(item, keyword)
    return -1 if number is None else int(number)


def _values(numbers: list[int]) -> dict[int, int]:
    """Return the label of each structure: ROI Number where all are above 0 and small, else counted from 1."""
    if all(0 < number < 2**16 for number in numbers):
        return {number: number for number in numbers}
    return {number: place for place, number in enumerate(numbers, start=1)}


def _label(value: int, listed: Dataset, drawn: Dataset, kind: Dataset | None) -> Label:
    parts = loose_numbers(drawn, "ROIDisplayColor")
    shown = parts is not None and len(parts) == 3 and all(0 <= part <= 255 for part in parts)
    return Label(
        value,
        text_of(listed, "ROIName"),
        color_of(*parts) if shown and parts is not None else None,
        code=None if kind is None else code_of(kind, "RTROIIdentificationCodeSequence"),
    )


def _add(structure: Structure, contour: Dataset, path: Path) -> None:
    kind = text_of(contour, "ContourGeometricType").upper()
    points = _points(contour, path)
    if kind not in _CLOSED or len(points) < 3:
        kind = kind or "without a type"
        structure.left_out[kind] = structure.left_out.get(kind, 0) + 1
        return
    thickness = loose_number(contour, "ContourSlabThickness")
    if thickness is not None and thickness > 0:
        structure.thickness = thickness
    structure.curves.append(points)


def _points(contour: Dataset, path: Path) -> Points:
    """Return the points of a contour, n x 3.

    Raises
    ------
    CorruptError
        They are no finite numbers, or no whole points.
    """
    element = elements(contour).get(_tag())
    value = getattr(element, "value", None)
    try:
        if isinstance(value, bytes):
            parts = value.strip(b" \0").replace(b",", b".").split(b"\\") if value.strip(b" \0") else []
            numbers = np.array(parts, dtype="S").astype(np.float64) if parts else np.empty(0)
        else:
            numbers = np.array([] if value is None else value, dtype=np.float64).reshape(-1)
        points = numbers.reshape(-1, 3)
    except (ValueError, TypeError) as error:
        raise CorruptError("has points that can't be read", path=path, field="ContourData") from error
    if not (np.abs(points) < _LARGEST).all():
        raise CorruptError("has points that lie nowhere", path=path, field="ContourData")
    return points


def _tag() -> Any:
    from pydicom.tag import Tag

    return Tag(CONTOUR_DATA)


def references_of(dataset: Dataset) -> dict[str, set[str]]:
    """Return the series that a structure set was drawn on, with the objects of it that it names."""
    found: dict[str, set[str]] = {}
    for frame in items_of(dataset, "ReferencedFrameOfReferenceSequence"):
        for study in items_of(frame, "RTReferencedStudySequence"):
            for series in items_of(study, "RTReferencedSeriesSequence"):
                images = items_of(series, "ContourImageSequence")
                uids = {text_of(image, "ReferencedSOPInstanceUID") for image in images}
                found.setdefault(text_of(series, "SeriesInstanceUID"), set()).update(uids)
    return found
