"""Boxes as a measurement report: highdicom reads places, classes and scores back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest

from mlarray_core import Code, Label
from mlarray_core.errors import UnsupportedError
from tests.dicom.contours.drawn import STUDY
from tests.dicom.write.objects import Held, image, oblique, written
from tests.dicom.written import write_series

highdicom: Any = pytest.importorskip("highdicom")

if TYPE_CHECKING:
    from pathlib import Path

BOXES = [[[1, 4], [4, 9.5], [2, 7]], [[2, 3], [0, 5], [1, 3]]]


def boxed(**fields: Any) -> Held:
    made = image(np.zeros((5, 12, 11), np.int16))
    made.meta.bbox = {"bboxes": BOXES, **fields}
    made.meta.labels = [Label(1, "nodule", code=Code("SCT", "27925004", "Nodule"))]
    return made


def report(tmp_path: Path, **fields: Any) -> Any:
    folder = write_series(tmp_path / "ct", np.zeros((5, 12, 11), np.int16), oblique(), **STUDY)
    context = written(boxed(**fields), tmp_path / "boxes.dcm", kind="boxes", template=str(folder))
    assert [loss.what for loss in context.report.losses if "voxels" in loss.what] == ["the voxels"]
    assert not any("boxes" in loss.what for loss in context.report.losses)
    return highdicom.sr.srread(tmp_path / "boxes.dcm")


def test_boxes(tmp_path: Path) -> None:
    made = report(tmp_path, labels=["nodule", "other"], scores=[0.75, 0.5])
    assert (made.PatientID, made.StudyInstanceUID, made.Modality) == ("1", "1.2.3", "SR")
    (solid,) = made.content.get_volumetric_roi_measurement_groups()
    (flat,) = made.content.get_planar_roi_measurement_groups()
    assert (solid.finding_type.value, solid.finding_type.scheme_designator) == ("27925004", "SCT")
    assert (flat.finding_type.value, flat.finding_type.meaning) == ("other", "other")
    assert [group.get_measurements()[0].value for group in (solid, flat)] == [0.75, 0.5]
    assert solid.roi.frame_of_reference_uid == "1.2.3.9"
    sections = [*solid.roi.graphic_data, flat.roi.value]
    inverse = np.linalg.inv(oblique())
    found = [points @ inverse[:3, :3].T + inverse[:3, 3] for points in sections]
    for points, (z, box) in zip(found, [(1, BOXES[0]), (3, BOXES[0]), (2, BOXES[1])], strict=True):
        np.testing.assert_allclose(points.min(axis=0), (z, box[1][0] - 0.5, box[2][0] - 0.5), atol=1e-4)
        np.testing.assert_allclose(points.max(axis=0), (z, box[1][1] - 0.5, box[2][1] - 0.5), atol=1e-4)
        np.testing.assert_allclose(points[0], points[-1])


def test_boxes_without_classes_and_scores(tmp_path: Path) -> None:
    made = report(tmp_path)
    (solid,) = made.content.get_volumetric_roi_measurement_groups()
    assert solid.finding_type is None
    assert not solid.get_measurements()
    uids = {pydicom.dcmread(path).SOPInstanceUID for path in (tmp_path / "ct").iterdir()}
    listed = (
        made.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    )
    assert {one.ReferencedSOPInstanceUID for one in listed} <= uids


def test_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="which images"):
        written(boxed(), tmp_path / "a.dcm", kind="boxes")
    with pytest.raises(UnsupportedError, match="no bounding boxes"):
        written(image(np.zeros((5, 12, 11), np.int16)), tmp_path / "a.dcm", kind="boxes")
    assert not list(tmp_path.iterdir())
