"""Segmentations: highdicom's own reader gives labels, names, colours and codes back."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest

from mlarray_core import Additions, AxisValues, Code, Label, Rescale
from mlarray_core.errors import MissingDependencyError, OptionError, UnsupportedError
from tests.dicom.write.objects import SPACE, Held, assert_world, by_dcm2niix, image, oblique, read, written
from tests.dicom.written import write_series

highdicom: Any = pytest.importorskip("highdicom")

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KIDNEY = Label(
    1, "left kidney", "#ff0000", Code("SCT", "64033007", "Kidney"),
    Code("SCT", "91723000", "Anatomical Structure"), Code("SCT", "7771000", "Left"),
    Code("SCT", "818983003", "Abdomen"),
)  # fmt: skip
TABLE = (KIDNEY, Label(2, "tumour", "#1482c8"), Label(3, "cyst"))


def label_map(values: Sequence[int] = (1, 2, 3)) -> np.ndarray:
    """Return labels in the middle of an image: its first and last slice, and one within, are empty."""
    voxels = np.zeros((8, 21, 19), np.uint16)
    voxels[1:3, 4:20, 5:9], voxels[4:7, 12:17, 5:12], voxels[6, 2:4, 3:4] = values
    return voxels


def labelled(voxels: np.ndarray, table: Sequence[Label] = TABLE, labels: Sequence[str] = SPACE) -> Held:
    made = image(voxels, labels, is_seg=True)
    made.meta.labels = table
    return made


def same_labels(found: Any, expected: Sequence[Label]) -> None:
    """Check names, colours and codes; tissue stands for a code that isn't known: one must be there."""
    for one, label in zip(found, expected, strict=True):
        assert (one.value, one.name, one.color) == (label.value, label.name, label.color)
        assert one.code == (label.code or Code("SCT", "85756007", "Tissue"))
        assert (one.modifier, one.region) == (label.modifier, label.region)


@pytest.mark.parametrize("values", [(1, 2, 3), (7, 300, 9)])
@pytest.mark.parametrize("kind", ["auto", "labelmap"])
def test_label_maps_come_back(tmp_path: Path, values: tuple[int, ...], kind: str) -> None:
    """Labels that aren't counted from 1 are kept by LABELMAP; empty slices at the ends are there again."""
    voxels = label_map(values)
    table = sorted(
        (Label(value, one.name, one.color, one.code, one.category, one.modifier, one.region)
         for value, one in zip(values, TABLE, strict=True)),
        key=lambda one: one.value,
    )  # fmt: skip
    written(labelled(voxels, table), tmp_path / "seg.dcm", segmentation=kind)
    found, meta = read(tmp_path / "seg.dcm")
    np.testing.assert_array_equal(found, voxels)
    same_labels(meta.labels, table)
    theirs = highdicom.seg.segread(tmp_path / "seg.dcm")
    assert theirs.SegmentationType == ("BINARY" if (values, kind) == ((1, 2, 3), "auto") else "LABELMAP")
    volume = theirs.get_volume(combine_segments=True)
    assert_world((volume.array, volume.affine), voxels, oblique())
    for label in table:
        segment = theirs.get_segment_description(label.value)
        assert segment.segment_label == label.name
        assert segment.segmented_property_type.value == (label.code.value if label.code else "85756007")


@pytest.mark.skipif(find_spec("dcm2niix") is None, reason="needs dcm2niix")
def test_other_readers(tmp_path: Path) -> None:
    """dcm2niix reads a label map. SimpleITK knows no LABELMAP and unpacks bits wrongly: it gets fractions."""
    import SimpleITK

    voxels = label_map()
    written(labelled(voxels), tmp_path / "seg.dcm", segmentation="labelmap")
    full = (voxels > 0).astype(np.uint8)
    full[:, 0, 0] = 1  # it takes the slices that are there for neighbours
    mask = image(full, is_seg=True)
    written(mask, tmp_path / "mask.dcm", segmentation="fractional")
    found = SimpleITK.ReadImage(str(tmp_path / "mask.dcm"))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(found.GetDirection(), (3, 3)) * found.GetSpacing()
    affine[:3, 3] = found.GetOrigin()
    assert_world((SimpleITK.GetArrayFromImage(found), affine[:, [2, 1, 0, 3]]), full * 255, oblique())
    (made,) = by_dcm2niix(tmp_path / "seg.dcm", tmp_path / "nifti")
    assert_world(made, voxels, oblique())


@pytest.mark.parametrize("compression", ["none", "jpeg2000"])
def test_overlapping_segments(tmp_path: Path, compression: str) -> None:
    masks = np.stack([label_map() == 1, label_map() > 0, label_map() == 3]).astype(np.uint8)
    made = labelled(np.pad(masks, ((0, 0), (0, 0), (8, 8), (8, 8))), labels=["segment", *SPACE])
    written(made, tmp_path / "seg.dcm", compression=compression)
    voxels, meta = read(tmp_path / "seg.dcm")
    np.testing.assert_array_equal(voxels, made.voxels)
    assert meta.spatial.axis_labels == ["segment", *SPACE]
    same_labels(meta.labels, TABLE)  # names, colours and codes of the places along the axis
    theirs = highdicom.seg.segread(tmp_path / "seg.dcm")
    assert theirs.SegmentsOverlap == "YES"
    for number in (1, 2, 3):
        volume = theirs.get_volume(segment_numbers=[number])
        assert_world((volume.array[..., 0], volume.affine), made.voxels[number - 1], oblique())


@pytest.mark.parametrize("compression", ["none", "rle", "jpegls"])
def test_fractions(tmp_path: Path, compression: str) -> None:
    parts = (np.random.default_rng(0).integers(0, 256, (2, 5, 16, 15)) / 255).astype(np.float32)
    parts[:, 0] = parts[:, -1] = 0
    context = written(
        labelled(parts, TABLE[:2], ["segment", *SPACE]), tmp_path / "seg.dcm", compression=compression
    )
    assert not any("fractions" in loss.what for loss in context.report.losses)
    voxels, meta = read(tmp_path / "seg.dcm")
    np.testing.assert_array_equal(voxels, np.rint(parts * 255))
    again = labelled(voxels, TABLE[:2], ["segment", *SPACE])
    Additions(rescale=Additions.of(meta).rescale, labels=list(TABLE[:2])).store(again.meta)
    written(again, tmp_path / "again.dcm")
    np.testing.assert_array_equal(read(tmp_path / "again.dcm")[0], voxels)
    volume = highdicom.seg.segread(tmp_path / "again.dcm").get_volume(rescale_fractional=True)
    for number, layer in enumerate(parts):
        assert_world(
            (np.rint(volume.array[..., number] * 255), volume.affine), np.rint(layer * 255), oblique()
        )


def test_truth_values_and_segment_numbers(tmp_path: Path) -> None:
    """A mask of bool is a segmentation; segments of an axis have the labels that it says."""
    written(image(label_map() > 0), tmp_path / "mask.dcm")
    np.testing.assert_array_equal(read(tmp_path / "mask.dcm")[0], label_map() > 0)
    masks = np.stack([label_map() == 1, label_map() == 2]).astype(np.uint8)
    made = labelled(masks, TABLE[1:], ["segment", *SPACE])
    additions = Additions.of(made.meta)
    additions.axes = {0: AxisValues("segment", "", [3, 2])}
    additions.store(made.meta)
    written(made, tmp_path / "axis.dcm")
    described = highdicom.seg.segread(tmp_path / "axis.dcm")
    assert [described.get_segment_description(n).segment_label for n in (1, 2)] == ["cyst", "tumour"]


@pytest.mark.parametrize("kind", ["auto", "contours"])
@pytest.mark.parametrize("axis", ["temporal", "b_value"])
def test_times_are_no_segments(tmp_path: Path, axis: str, kind: str) -> None:
    """Masks at several times would become segments that overlap, labels fractions: both are refused."""
    masks = np.stack([label_map() == 1, label_map() == 2]).astype(np.uint8)
    for voxels in (masks, masks * 3):
        with pytest.raises(UnsupportedError, match=f"axis {axis}") as caught:
            written(labelled(voxels, (), [axis, *SPACE]), tmp_path / "a.dcm", kind=kind)
        assert "kind=secondary" in str(caught.value.hint)
    written(labelled(masks * 3, (), [axis, *SPACE]), tmp_path / "a.dcm", kind="secondary")
    np.testing.assert_array_equal(read(tmp_path / "a.dcm")[0], masks * 3)


def test_references(tmp_path: Path) -> None:
    """Frames refer to the slices of the template at their positions, and to nothing without one."""
    folder = write_series(tmp_path / "ct", np.zeros((8, 21, 19), np.int16), oblique(), PatientID="77")
    written(labelled(label_map()), tmp_path / "seg.dcm", template=str(folder))
    made = pydicom.dcmread(tmp_path / "seg.dcm")
    assert (made.PatientID, made.StudyInstanceUID) == ("77", "1.2.3")
    headers = {one.SOPInstanceUID: one for one in map(pydicom.dcmread, folder.iterdir())}
    used = set()
    for group in made.PerFrameFunctionalGroupsSequence:
        uid = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        place = group.PlanePositionSequence[0].ImagePositionPatient
        np.testing.assert_allclose(headers[uid].ImagePositionPatient, place, atol=1e-3)
        used.add(uid)
    listed = made.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert {one.ReferencedSOPInstanceUID for one in listed} == used
    written(labelled(label_map()), tmp_path / "alone.dcm")
    alone = pydicom.dcmread(tmp_path / "alone.dcm")
    assert "ReferencedSeriesSequence" not in alone
    assert not any("DerivationImageSequence" in one for one in alone.PerFrameFunctionalGroupsSequence)


def test_fractions_of_a_slope_that_is_next_to_nothing(tmp_path: Path) -> None:
    """One over the smallest number is none; bytes have 255 steps at most."""
    made = labelled(np.full((1, 3, 8, 9), 51, np.uint8), TABLE[:1], ["segment", *SPACE])
    Additions(rescale=Rescale(5e-324, 0, "uint8", applied=False), labels=list(TABLE[:1])).store(made.meta)
    written(made, tmp_path / "seg.dcm")
    assert pydicom.dcmread(tmp_path / "seg.dcm").MaximumFractionalValue == 255
    np.testing.assert_array_equal(np.unique(read(tmp_path / "seg.dcm")[0]), [51])


def test_an_empty_label_map(tmp_path: Path) -> None:
    written(labelled(np.zeros((3, 8, 9), np.uint8), ()), tmp_path / "seg.dcm")
    np.testing.assert_array_equal(read(tmp_path / "seg.dcm")[0], np.zeros((3, 8, 9)))


@pytest.mark.parametrize("step", [1.0, 0.006, 0.0006])
def test_slices_that_are_close_together(tmp_path: Path, step: float) -> None:
    """Those of microscopes: none is taken for its neighbour, the empty ones at the ends least of all."""
    voxels = label_map()
    voxels[2:6, 0, 0] = 1
    affine = np.diag([step, step, step, 1])
    written(image(voxels, affine=affine, is_seg=True), tmp_path / "seg.dcm")
    found, meta = read(tmp_path / "seg.dcm")
    np.testing.assert_allclose(meta.spatial.spacing, step, rtol=1e-3)
    backwards = meta.spatial.origin[0] > step  # the normal of x along columns and z along slices leads back
    np.testing.assert_array_equal(found[::-1] if backwards else found, voxels)


def test_slices_that_highdicom_takes_for_one(tmp_path: Path) -> None:
    """Of 10 nanometres, as in electron microscopy: highdicom 0.28.2 gives all of them one position."""
    nanometres = np.diag([1e-5, 1e-5, 1e-5, 1])
    with pytest.raises(UnsupportedError, match="slices are too close together"):
        written(image(label_map(), affine=nanometres, is_seg=True), tmp_path / "a.dcm")


def test_planes_of_fewer_voxels_than_a_byte_has_bits(tmp_path: Path) -> None:
    """highdicom 0.28.2 packs them wrongly: its own Pixel Data of 2 x 3 voxels aren't the array's."""
    voxels = np.arange(24, dtype=np.uint8).reshape(4, 2, 3) % 3
    written(image(voxels, is_seg=True), tmp_path / "seg.dcm")
    np.testing.assert_array_equal(read(tmp_path / "seg.dcm")[0], voxels)
    with pytest.raises(UnsupportedError, match="planes of 6 voxels"):
        written(image(voxels, is_seg=True), tmp_path / "a.dcm", segmentation="binary")


def test_losses_and_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = (Label(7, "a"), Label(9, "b"), Label(300, "c"))
    context = written(labelled(label_map((7, 300, 9)), table), tmp_path / "seg.dcm", segmentation="binary")
    assert any("values of the labels" in loss.what for loss in context.report.losses)
    with pytest.raises(OptionError, match="compressed"):
        written(labelled(label_map()), tmp_path / "a.dcm", compression="rle")
    with pytest.raises(UnsupportedError, match="65535"):
        written(labelled(label_map().astype(np.int32) * 70000, ()), tmp_path / "a.dcm")
    with pytest.raises(UnsupportedError, match="numbered"):
        written(labelled(-label_map().astype(np.int16), ()), tmp_path / "a.dcm")
    with pytest.raises(UnsupportedError, match="fractions"):
        written(labelled(np.full((1, 2, 3, 4), 1.5, np.float32), (), ["segment", *SPACE]), tmp_path / "a.dcm")
    with pytest.raises(OptionError, match="layers"):
        written(labelled(np.ones((1, 2, 3, 4), np.uint8), (), ["segment", *SPACE]), tmp_path / "a.dcm",
                segmentation="labelmap")  # fmt: skip
    with pytest.raises(OptionError, match="one file"):
        written(labelled(label_map()), tmp_path / "a.dcms")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="highdicom"):
        written(labelled(label_map()), tmp_path / "a.dcm")
    assert [path.name for path in tmp_path.iterdir()] == ["seg.dcm"]
