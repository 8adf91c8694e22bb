"""Labels as contours: drawn again, they give the same labels, and rt-utils reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest

import mlarray
from mlarray_core import Additions, AxisValues, Code, Label
from mlarray_core.errors import UnsupportedError
from tests.dicom.contours.drawn import STUDY, dice
from tests.dicom.write.objects import SPACE, image, oblique, written
from tests.dicom.write.test_segments import label_map, labelled
from tests.dicom.written import write_series

if TYPE_CHECKING:
    from pathlib import Path

NOISE = np.random.default_rng(0)


def source(folder: Path, shape: tuple[int, ...]) -> Path:
    return write_series(folder, np.zeros(shape, np.int16), oblique(), SliceThickness=2.5, **STUDY)


@pytest.mark.parametrize("shape", [(6, 9, 11), (3, 20, 15)])
def test_labels_come_back(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    """Noise in an oblique volume: holes, single pixels, corners."""
    voxels = NOISE.integers(0, 4, shape).astype(np.uint8) * (NOISE.random(shape) < 0.6)
    table = [
        Label(1, "liver", "#102030", Code("SCT", "10200004", "Liver")),
        Label(2, "b", "#ff0000"),
        Label(3, "c"),
    ]
    folder = source(tmp_path / "ct", shape)
    written(labelled(voxels, table), tmp_path / "set.dcm", kind="contours", template=str(folder))
    found = mlarray.read(tmp_path / "set.dcm")
    np.testing.assert_array_equal(np.asarray(found[...]), voxels)
    assert list(found.meta.labels) == table
    header = pydicom.dcmread(tmp_path / "set.dcm")
    assert (header.PatientID, header.FrameOfReferenceUID, header.StudyInstanceUID) == (
        "1",
        "1.2.3.9",
        "1.2.3",
    )
    places = {one.SOPInstanceUID: one.ImagePositionPatient for one in map(pydicom.dcmread, folder.iterdir())}
    inverse = np.linalg.inv(oblique())
    for contour in header.ROIContourSequence[0].ContourSequence:
        slice_ = inverse @ (*places[contour.ContourImageSequence[0].ReferencedSOPInstanceUID], 1)
        assert (inverse @ (*contour.ContourData[:3], 1))[0] == pytest.approx(slice_[0], abs=1e-3)


def test_overlapping_masks_come_back(tmp_path: Path) -> None:
    masks = np.stack([label_map() == 1, label_map() > 0]).astype(np.uint8)
    made = labelled(masks, [Label(4, "a"), Label(9, "b")], ["segment", *SPACE])
    additions = Additions.of(made.meta)
    additions.axes = {0: AxisValues("segment", "", [4, 9])}
    additions.store(made.meta)
    folder = source(tmp_path / "ct", masks.shape[1:])
    written(made, tmp_path / "set.dcm", kind="contours", template=str(folder))
    found = mlarray.read(tmp_path / "set.dcm")
    np.testing.assert_array_equal(np.asarray(found[...]), masks)
    assert [(label.value, label.name) for label in found.meta.labels] == [(4, "a"), (9, "b")]


def test_without_a_series(tmp_path: Path) -> None:
    """Contours have their place of their own; another image of the same grid lets them be drawn again."""
    written(labelled(label_map()), tmp_path / "set.dcm", kind="contours")
    grid = mlarray.MLArray(np.zeros(label_map().shape, np.uint8), affine=oblique().tolist())
    grid.meta.spatial.coord_system = "LPS"
    grid.save(tmp_path / "grid.mla")
    found = mlarray.read(tmp_path / "set.dcm", options={"like": str(tmp_path / "grid.mla")})
    np.testing.assert_array_equal(np.asarray(found[...]), label_map())


def test_rt_utils_reads_it(tmp_path: Path) -> None:
    """Its masks are larger by the pixels that edges touch; a ring keeps its hole."""
    pytest.importorskip("cv2")
    rt_utils = pytest.importorskip("rt_utils")
    rows, columns = np.indices((60, 60)) - 30
    ring = np.hypot(rows, columns)
    voxels = np.zeros((5, 60, 60), np.uint8)
    voxels[1:4] = (ring < 26) & (ring > 12)
    affine = np.array([[0, 0, 1.0, -30], [0, 1, 0, -30], [2, 0, 0, 0], [0, 0, 0, 1]])
    folder = write_series(tmp_path / "ct", voxels.astype(np.int16), affine, SliceThickness=2, **STUDY)
    made = image(voxels, affine=affine, is_seg=True)
    made.meta.labels = [Label(1, "ring")]
    written(made, tmp_path / "set.dcm", kind="contours", template=str(folder))
    other = rt_utils.RTStructBuilder.create_from(str(folder), str(tmp_path / "set.dcm"))
    mask = other.get_roi_mask_by_name("ring").transpose(2, 0, 1)
    assert dice(mask, voxels == 1) > 0.93
    assert not mask[:, 25:35, 25:35].any()


def test_losses_and_refusals(tmp_path: Path) -> None:
    context = written(labelled(label_map()), tmp_path / "set.dcm", kind="contours")
    assert any("regions" in loss.what for loss in context.report.losses)
    with pytest.raises(UnsupportedError, match="float32"):
        written(image(label_map().astype(np.float32)), tmp_path / "a.dcm", kind="contours")
    assert [path.name for path in tmp_path.iterdir()] == ["set.dcm"]
