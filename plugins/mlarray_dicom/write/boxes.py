"""Bounding boxes as a measurement report, by highdicom (PS3.16, TID 1500, with TID 1410 and 1411).

Polygons go along the outer edges of the voxels that a box holds, in the planes of its first and its last
slice: two make a volume surface, one is a planar region. A box is half-open, as slices of arrays are
(docs/schema.md).
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Code, geometry
from mlarray_core.errors import UnsupportedError
from mlarray_dicom.parsing import quiet
from mlarray_dicom.write.patient import EMPTY, keep
from mlarray_dicom.write.segments import require_highdicom
from mlarray_dicom.write.study import new_uid

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from mlarray_dicom.write.place import Place
    from mlarray_dicom.write.study import Series
    from mlarray_io import Context, Reader

    Numbers = np.ndarray[Any, np.dtype[np.float64]]

LOCAL = "99MLARRAY"
"""Coding scheme of classes that have no code; private ones begin with 99 (PS3.3, 8.2)."""


def write_boxes(reader: Reader, place: Place, series: Series, target: Path, context: Context) -> None:
    """Write the boxes of an image, their classes and scores.

    Parameters
    ----------
    reader, place
        The image, and where it lies.
    series
        What the report belongs to; its origin are the images that it is about.
    target
        The file.
    context
        Where to report what can't be held.

    Raises
    ------
    MissingDependencyError
        highdicom isn't installed.
    UnsupportedError
        There are no boxes, or no images that they are about.
    """
    require_highdicom(target)
    import highdicom

    headers = series.origin.headers
    boxes = reader.meta.bbox.bboxes or []
    if not boxes or not headers:
        what = "no bounding boxes" if not boxes else "nothing that says which images the boxes are about"
        raise UnsupportedError(
            f"it has {what}", path=target, hint="Name the series with -o template=SERIES" if boxes else None
        )
    context.loss("the voxels", "a report has boxes only")
    evidence = [_complete(header) for header in headers]
    with quiet():
        made = highdicom.sr.Comprehensive3DSR(
            evidence=evidence,
            content=_report(_Boxes(reader, place, series).groups())[0],
            **series.for_highdicom(),
            is_complete=True,
        )
        made.save_as(target, enforce_file_format=True)


def _complete(header: Dataset) -> Dataset:
    """Return a header with what must be there, if it is empty."""
    made = deepcopy(header)
    keep(header, made)
    for keyword in EMPTY:
        if keyword not in made:
            setattr(made, keyword, None)
    return made


def _report(groups: list[Any]) -> Any:
    """Return the content of a report: made by a device, of an imaging procedure."""
    from highdicom import sr
    from pydicom.sr.codedict import codes

    device = sr.DeviceObserverIdentifyingAttributes(uid=new_uid(), manufacturer_name="mlarray")
    observer = sr.ObserverContext(codes.DCM.Device, device)
    return sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=codes.SCT.ImagingProcedure,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )


class _Boxes:
    """The boxes of an image as groups of measurements."""

    def __init__(self, reader: Reader, place: Place, series: Series) -> None:
        self._bbox, self._place, self._series = reader.meta.bbox, place, series
        self._space = geometry.spatial_axes(reader.labels, len(reader.shape))
        self._ndim = len(reader.shape)
        labels = Additions.of(reader.meta).labels
        self._codes: dict[object, Code] = {
            key: one.code for one in labels for key in (one.value, one.name) if one.code and key != ""
        }

    def groups(self) -> list[Any]:
        """Return a group of measurements for each box."""
        return [self._group(number, box) for number, box in enumerate(self._bbox.bboxes or [])]

    def _group(self, number: int, box: list[list[int | float]]) -> Any:
        from highdicom import sr

        label = None if self._bbox.labels is None else self._bbox.labels[number]
        score = None if self._bbox.scores is None else self._bbox.scores[number]
        common = {
            "tracking_identifier": sr.TrackingIdentifier(uid=new_uid(), identifier=f"box {number + 1}"),
            "finding_type": self._finding(label),
            "measurements": None if score is None else [_score(float(score))],
        }
        sections = self._sections(box)
        if len(sections) == 1:
            region = sr.ImageRegion3D("POLYGON", sections[0], self._series.frame)
            return sr.PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=region, **common)
        series = sr.SourceSeriesForSegmentation(str(self._series.origin.first.SeriesInstanceUID))
        surface = sr.VolumeSurface("POLYGON", sections, self._series.frame, source_series=series)
        return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_volume_surface=surface, **common
        )

    def _sections(self, box: list[list[int | float]]) -> list[Numbers]:
        """Return the first and last cross-section, closed, in the patient; one where they are the same."""
        ends = [box[axis] for axis in self._space] if len(box) == self._ndim else box
        (low, high), *inner = ends
        # voxel i reaches from i to i + 1 in a box, and half a voxel to each side of its centre in the affine
        (top, bottom), (left, right) = [[end - 0.5 for end in pair] for pair in inner]
        corners = [(top, left), (top, right), (bottom, right), (bottom, left), (top, left)]
        affine = self._place.affine
        return [
            np.array([(z, *corner) for corner in corners], dtype=np.float64) @ affine[:3, :3].T
            + affine[:3, 3]
            for z in dict.fromkeys((low, max(low, high - 1)))
        ]

    def _finding(self, label: str | int | float | None) -> Any:
        """Return the class of a box: the code of the label table, else one of our own."""
        from highdicom.sr import CodedConcept

        if label is None:
            return None
        code = self._codes.get(label) or Code(LOCAL, str(label)[:16] or "none", str(label) or "none")
        return CodedConcept(code.value, code.scheme, (code.meaning or code.value)[:64])


def _score(score: float) -> Any:
    from highdicom.sr import CodedConcept, Measurement
    from pydicom.sr.codedict import codes

    return Measurement(CodedConcept("score", LOCAL, "Score"), value=score, unit=codes.UCUM.NoUnits)
