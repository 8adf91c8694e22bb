"""Labels, or masks along an axis, as a structure set of contours (PS3.3, A.19)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import Additions, Label
from mlarray_core.errors import UnsupportedError
from mlarray_dicom.contours.outlines import outlines
from mlarray_dicom.contours.structures import CONTOUR_DATA, STRUCTURE_SET
from mlarray_dicom.elements import text_of
from mlarray_dicom.parsing import quiet
from mlarray_dicom.syntaxes import IMPLICIT
from mlarray_dicom.write.frames import frames
from mlarray_dicom.write.items import coded, item, reference
from mlarray_dicom.write.place import position_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset

    from mlarray_dicom.contours.structures import Points
    from mlarray_dicom.write.frames import Array, Axes
    from mlarray_dicom.write.place import Place
    from mlarray_dicom.write.study import Series
    from mlarray_io import Context, Reader

_STUDY = "1.2.840.10008.3.1.2.3.1"
"""Detached Study Management, as structure sets name the class of a study (C.8.8.5)."""


def write_structures(
    reader: Reader, axes: Axes, place: Place, series: Series, target: Path, context: Context
) -> None:
    """Write a structure set whose contours, filled again, give the labels.

    Parameters
    ----------
    reader, axes, place
        Labels, or an axis of masks, one for each structure.
    series
        What the object belongs to.
    target
        The file.
    context
        Where to report what can't be held.

    Raises
    ------
    UnsupportedError
        The voxels are no labels.
    """
    if reader.dtype.kind not in "iub":
        raise UnsupportedError(
            f"contours are drawn around labels, the voxels are {reader.dtype}",
            path=target,
            hint="Round them to labels first",
        )
    structures = _Structures(reader, axes, place, series)
    for index, voxels in enumerate(frames(reader, axes, context)):
        structures.add(voxels, *divmod(index, axes.counts(reader.shape)[1]))
    made = series.dataset(STRUCTURE_SET, 1, IMPLICIT)  # longer texts than explicit VRs have room for
    structures.complete(made, context)
    with quiet():
        made.save_as(target, enforce_file_format=True)


class _Structures:
    """The contours of an image's structures."""

    def __init__(self, reader: Reader, axes: Axes, place: Place, series: Series) -> None:
        additions = Additions.of(reader.meta)
        self._place, self._series = place, series
        self._by_axis = axes.repeat is not None
        self._labels = {label.value: label for label in additions.labels if label.value > 0}
        self._images = {position_key(one, place): one for one in series.origin.headers if "Rows" in one}
        self._contours: dict[int, list[Dataset]] = {value: [] for value in self._labels}
        self._values: list[int] = []
        if axes.repeat is not None:
            known = additions.axes.get(axes.repeat)
            count = reader.shape[axes.repeat]
            values = [int(one) for one in (known.values or [] if known else []) if type(one) in (int, float)]
            whole = len(set(values)) == count and min(values) > 0
            self._values = values if whole else list(range(1, count + 1))

    def add(self, voxels: Array, repeat: int, number: int) -> None:
        """Add the contours of one slice."""
        if self._by_axis:
            masks = {self._values[repeat]: voxels != 0}
        else:
            masks = {int(value): voxels == value for value in np.unique(voxels) if value > 0}
        here = item(ImagePositionPatient=self._place.position(number))
        image = self._images.get(position_key(here, self._place))
        for value, mask in masks.items():
            self._contours.setdefault(value, []).extend(self._curves(mask, number, image))

    def _curves(self, mask: Array, number: int, image: Dataset | None) -> Iterator[Dataset]:
        affine = self._place.affine
        for curve in outlines(mask):
            indices = np.column_stack([np.full(len(curve), float(number)), curve])
            points = indices @ affine[:3, :3].T + affine[:3, 3]
            contour = item(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=len(points))
            contour[CONTOUR_DATA] = _spelt(points)
            if image is not None:
                contour.ContourImageSequence = [reference(image)]
            yield contour

    def complete(self, made: Dataset, context: Context) -> None:
        """Put everything into the object."""
        frame = self._series.frame
        made.StructureSetLabel, made.StructureSetName = "CONTOURS", None
        made.StructureSetDate, made.StructureSetTime = made.ContentDate, made.ContentTime
        made.ApprovalStatus, made.OperatorsName = "UNAPPROVED", None
        made.FrameOfReferenceUID, made.PositionReferenceIndicator = frame, None
        del made.ContentDate, made.ContentTime
        made.ReferencedFrameOfReferenceSequence = [self._references(frame)]
        labels = {
            value: self._labels.get(value) or Label(value, f"label {value}") for value in self._contours
        }
        made.StructureSetROISequence = [
            item(
                ROINumber=value,
                ReferencedFrameOfReferenceUID=frame,
                ROIName=label.name[:64] or f"label {value}",
                ROIGenerationAlgorithm="AUTOMATIC",
            )
            for value, label in labels.items()
        ]
        made.ROIContourSequence = [self._drawn(label) for label in labels.values()]
        made.RTROIObservationsSequence = [
            _observed(number, label) for number, label in enumerate(labels.values(), start=1)
        ]
        if any(label.category or label.modifier or label.region for label in labels.values()):
            context.loss(
                "categories, modifiers and regions of labels", "structure sets have one code for each"
            )

    def _references(self, frame: str) -> Dataset:
        """Return the frame of reference, with the series that the contours belong to where it is known."""
        made = item(FrameOfReferenceUID=frame)
        images = list(self._images.values())
        if images:
            own = item(
                SeriesInstanceUID=text_of(images[0], "SeriesInstanceUID"),
                ContourImageSequence=[reference(image) for image in images],
            )
            made.RTReferencedStudySequence = [
                item(
                    ReferencedSOPClassUID=_STUDY,
                    ReferencedSOPInstanceUID=self._series.study,
                    RTReferencedSeriesSequence=[own],
                )
            ]
        return made

    def _drawn(self, label: Label) -> Dataset:
        made = item(ReferencedROINumber=label.value)
        if label.rgba is not None:
            made.ROIDisplayColor = list(label.rgba[:3])
        if self._contours[label.value]:
            made.ContourSequence = self._contours[label.value]
        return made


def _spelt(points: Points) -> RawDataElement:
    """Return points as they stand in the file: pydicom would check each of a million numbers."""
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    content = "\\".join(f"{value:.4f}" for value in (points + 0.0).ravel().tolist()).encode("ascii")
    content += b" " * (len(content) % 2)
    return RawDataElement(Tag(CONTOUR_DATA), "DS", len(content), content, 0, True, True)


def _observed(number: int, label: Label) -> Dataset:
    made = item(
        ObservationNumber=number,
        ReferencedROINumber=label.value,
        RTROIInterpretedType=None,
        ROIInterpreter=None,
    )
    if label.code is not None:
        made.RTROIIdentificationCodeSequence = [coded(label.code)]
    return made
