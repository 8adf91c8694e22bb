"""Segmentations: spacing as the file says it, empty slices where frames were left out, labels kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlarray_core.errors import CorruptError, OptionError
from tests.dicom.written import item, segmentation, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pydicom.dataset import Dataset

KINDS = ("BINARY", "FRACTIONAL", "LABELMAP")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("places", [[0.0, 15.0], [0.0, 5.0, 10.0, 15.0], [0.0, 2.5, 15.0], [0.0, 2.5, 5.0]])
def test_slices_that_are_left_out(
    load: Callable[..., Any], tmp_path: Path, kind: str, places: Sequence[float]
) -> None:
    """SpacingBetweenSlices (2.5 mm) is the grid, as highdicom 0.28 reads it; QIICR/dcmqi#89 and #513."""
    image = load(write(segmentation(kind, [(z, 1) for z in places]), tmp_path / "s"))
    count = round(places[-1] / 2.5) + 1
    assert image.array.shape == (count, 4, 4)
    assert image.spatial.spacing == [2.5, 1, 1]
    marked = [round(z / 2.5) for z in places]
    assert np.flatnonzero(image.array.any(axis=(1, 2))).tolist() == marked


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])
def test_several_segments(load: Callable[..., Any], tmp_path: Path, kind: str) -> None:
    """Two segments with gaps of their own lie on one grid."""
    frames = [(0.0, 1), (5.0, 1), (12.5, 2)]
    image = load(write(segmentation(kind, frames), tmp_path / "s"))
    if kind == "BINARY":
        assert image.array[:, 0, 0].tolist() == [1, 0, 1, 0, 0, 2]
    else:
        assert image.array[:, :, 0, 0].tolist() == [[1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1]]


def test_positions_that_are_no_multiples(load: Callable[..., Any], tmp_path: Path) -> None:
    """Where the gaps contradict the spacing, positions count."""
    image = load(write(segmentation("BINARY", [(0.0, 1), (4.0, 1), (8.0, 1)]), tmp_path / "s"))
    assert (image.array.shape[0], image.spatial.spacing[0]) == (3, 4)


def palette(entries: int, bits: int) -> dict[str, Any]:
    made: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour in ("Red", "Green", "Blue"):
        made[f"{colour}PaletteColorLookupTableDescriptor"] = [entries, 0, bits]
        data = bytes(range(entries)) if bits == 8 else np.arange(entries, dtype="<u2").tobytes()
        made[f"{colour}PaletteColorLookupTableData"] = data + b"\0" * (len(data) % 2)
    return made


@pytest.mark.parametrize(("entries", "bits"), [(3, 8), (256, 8), (256, 16)])
def test_labels_in_palette_color(load: Callable[..., Any], tmp_path: Path, entries: int, bits: int) -> None:
    """The voxel is the segment number, its colour is for showing (PS3.3, C.8.20.2.2; highdicom#234)."""
    planes = np.full((3, 4, 4), 2, np.uint8)
    made = segmentation("LABELMAP", [(2.5 * z, 2) for z in range(3)], planes, **palette(entries, bits))
    image = load(write(made, tmp_path / "s"))
    assert image.spatial.axis_labels == ["spatial_z", "spatial_y", "spatial_x"]
    assert np.unique(image.array).tolist() == [2]
    assert image.meta.is_seg == True  # noqa: E712


@pytest.mark.parametrize(("kind", "option"), [("LABELMAP", "axis"), ("FRACTIONAL", "labels")])
def test_options_that_do_not_apply(load: Callable[..., Any], tmp_path: Path, kind: str, option: str) -> None:
    with pytest.raises(OptionError, match=f"segments={option}"):
        load(write(segmentation(kind, [(0.0, 1), (2.5, 2)]), tmp_path / "s"), segments=option)


def test_one_segment_on_an_axis(load: Callable[..., Any], tmp_path: Path) -> None:
    image = load(write(segmentation("BINARY", [(0.0, 7), (2.5, 7)]), tmp_path / "s"), segments="axis")
    assert image.array.shape == (1, 2, 4, 4)
    assert image.additions.axes[0].values == [7]


def coded(value: str, meaning: str) -> list[Dataset]:
    return [item(CodeValue=value, CodingSchemeDesignator="SCT", CodeMeaning=meaning)]


def test_label_table(load: Callable[..., Any], tmp_path: Path) -> None:
    """Names, codes and colours of the segments; red as highdicom's CIELab of (255, 0, 0)."""
    highdicom = pytest.importorskip("highdicom")
    made = segmentation("BINARY", [(0.0, 2), (2.5, 5)])
    first, second = made.SegmentSequence
    kidney = coded("64033007", "Kidney")
    kidney[0].SegmentedPropertyTypeModifierCodeSequence = coded("7771000", "Left")
    first.SegmentedPropertyTypeCodeSequence = kidney
    first.SegmentedPropertyCategoryCodeSequence = coded("123037004", "Anatomical Structure")
    first.RecommendedDisplayCIELabValue = list(highdicom.color.CIELabColor.from_rgb(255, 0, 0).value)
    second.RecommendedDisplayCIELabValue = list(highdicom.color.CIELabColor.from_rgb(20, 130, 200).value)
    image = load(write(made, tmp_path / "s"))
    left, other = image.meta.labels
    assert (left.value, left.name, left.code.value, left.category.value) == (
        2,
        "part 2",
        "64033007",
        "123037004",
    )
    assert (left.modifier.meaning, left.region) == ("Left", None)
    assert other.value == 5
    np.testing.assert_allclose(left.rgba[:3], (255, 0, 0), atol=1.5)
    np.testing.assert_allclose(other.rgba[:3], (20, 130, 200), atol=1.5)


def test_label_of_a_mask(load: Callable[..., Any], tmp_path: Path) -> None:
    """A single segment is a mask of 0 and 1, and so is its label, whatever its number."""
    image = load(write(segmentation("BINARY", [(0.0, 9), (2.5, 9)]), tmp_path / "s"))
    assert np.unique(image.array).tolist() == [1]
    assert [(label.value, label.name) for label in image.meta.labels] == [(1, "part 9")]


def test_as_highdicom_reads_it(load: Callable[..., Any], tmp_path: Path) -> None:
    """A sparse segmentation written and read by highdicom."""
    highdicom = pytest.importorskip("highdicom")
    from pydicom import dcmread
    from pydicom.sr.codedict import codes

    from tests.dicom.written import write_series

    affine = np.array([[0, 0, 1.0, 0], [0, 1, 0, 0], [2.5, 0, 0, 0], [0, 0, 0, 1]])
    study = {
        **dict.fromkeys(("PatientBirthDate", "PatientSex", "AccessionNumber", "ReferringPhysicianName"), ""),
        "StudyDate": "20200101", "StudyTime": "12", "PatientID": "1", "PatientName": "A^B", "StudyID": "1",
        "FrameOfReferenceUID": "1.2.3.9",
    }  # fmt: skip
    zeros = np.zeros((9, 8, 8), np.int16)
    folder = write_series(tmp_path / "ct", zeros, affine, SliceThickness=2.5, **study)
    sources = sorted((dcmread(path) for path in folder.iterdir()), key=lambda d: d.ImagePositionPatient[2])
    mask = np.zeros((9, 8, 8), np.uint8)
    mask[[2, 8], 2:5, 3:6] = 1
    description = highdicom.seg.SegmentDescription(
        1, "thing", codes.SCT.Organ, codes.SCT.Liver, highdicom.seg.SegmentAlgorithmTypeValues.MANUAL
    )
    made = highdicom.seg.Segmentation(
        sources, mask, "BINARY", [description], "1.2.77", 1, "1.2.78", 1, "m", "m", "1", "1",
        omit_empty_frames=True,
    )  # fmt: skip
    made.save_as(tmp_path / "seg.dcm")
    volume = highdicom.seg.segread(tmp_path / "seg.dcm").get_volume(combine_segments=True)
    image = load(tmp_path / "seg.dcm")
    assert image.spatial.spacing == list(volume.spacing)
    stored = volume.array if volume.get_affine("LPS")[2, 0] > 0 else volume.array[::-1]
    np.testing.assert_array_equal(image.array, stored)


def test_positions_beyond_all_numbers(load: Callable[..., Any], tmp_path: Path) -> None:
    """Of 1e306 mm no square is a number; of a distance so small no part is."""
    with pytest.raises(CorruptError, match=r"ImagePositionPatient.*farther away"):
        load(write(segmentation("BINARY", [(0.0, 1), (1e306, 1)]), tmp_path / "s"))
    made = segmentation("BINARY", [(0.0, 1), (2.5, 1)])
    made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = "5e-324"
    assert load(write(made, tmp_path / "t")).array.shape == (2, 4, 4)
