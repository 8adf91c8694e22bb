"""Whole slides: tiles that pydicom, highdicom and SimpleITK put together again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest

from mlarray_core import Meta, geometry
from mlarray_core.errors import UnsupportedError
from tests.dicom.write.objects import Held, image, read, written

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("PIL")
RGB_PLANE = np.random.default_rng(3).integers(0, 256, (520, 600, 3)).astype(np.uint8)


def slide(pixels: np.ndarray, spacing: Any = (0.25, 0.5)) -> Held:
    labels = ["spatial_y", "spatial_x", "components"][: pixels.ndim]
    units = ["um", "um", ""][: pixels.ndim]
    spatial = geometry.spatial_meta(None, axis_labels=labels, axis_units=units, spacing=spacing)
    return Held(pixels, Meta(spatial=spatial))


@pytest.mark.parametrize("compression", ["none", "rle", "jpegls", "jpeg2000"])
@pytest.mark.parametrize("kind", ["rgb", "uint8", "uint16"])
def test_slides(tmp_path: Path, kind: str, compression: str) -> None:
    pixels = {"rgb": RGB_PLANE, "uint8": RGB_PLANE[..., 0], "uint16": RGB_PLANE[..., 1] * np.uint16(200)}[
        kind
    ]
    written(slide(pixels), tmp_path / "slide.dcm", kind="slide", compression=compression)
    voxels, meta = read(tmp_path / "slide.dcm")
    np.testing.assert_array_equal(voxels, pixels)
    assert meta.spatial.spacing == pytest.approx([0.00025, 0.0005])
    header = pydicom.dcmread(tmp_path / "slide.dcm")
    tiles = header.pixel_array
    assert tiles.shape[:3] == (4, 512, 512)
    np.testing.assert_array_equal(tiles[3][:8, :88], pixels[512:, 512:])
    again = tmp_path / "again.dcm"
    from mlarray_dicom import DicomFormat
    from mlarray_io.testing.specimens import opened

    with opened(DicomFormat(), tmp_path / "slide.dcm") as reader:
        written(reader, again)  # a slide stays a slide, of the same specimen
    twin = pydicom.dcmread(again)
    assert twin.SOPClassUID == header.SOPClassUID
    assert (
        twin.SpecimenDescriptionSequence[0].SpecimenUID == header.SpecimenDescriptionSequence[0].SpecimenUID
    )
    np.testing.assert_array_equal(read(again)[0], pixels)


def test_other_readers(tmp_path: Path) -> None:
    """highdicom gives the plane and its place on the slide, SimpleITK the tiles."""
    import SimpleITK

    highdicom = pytest.importorskip("highdicom")
    written(slide(RGB_PLANE), tmp_path / "slide.dcm", kind="slide")
    theirs = highdicom.imread(tmp_path / "slide.dcm")
    np.testing.assert_array_equal(theirs.get_total_pixel_matrix(), RGB_PLANE)
    spacing = theirs.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
    assert [float(step) for step in spacing] == [0.00025, 0.0005]
    tiles = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "slide.dcm")))
    np.testing.assert_array_equal(tiles[0], RGB_PLANE[:512, :512])


@pytest.mark.parametrize("kind", ["binary", "labelmap", "overlapping"])
def test_labels_of_a_slide(tmp_path: Path, kind: str) -> None:
    """They are about the slide that is named, of the same resolution, and highdicom reads them."""
    highdicom = pytest.importorskip("highdicom")
    from mlarray_core import Label
    from tests.dicom.write.test_segments import same_labels

    written(slide(RGB_PLANE), tmp_path / "slide.dcm", kind="slide")
    labels = np.zeros(RGB_PLANE.shape[:2], np.uint8)
    labels[10:40, 20:80], labels[500:519, 550:599] = 1, 2
    table = [Label(1, "tumour", "#ff0000"), Label(2, "stroma", "#1482c8")]
    made = slide(labels)
    options = {"segmentation": kind}
    if kind == "overlapping":
        labels = np.stack([labels == 1, labels > 0]).astype(np.uint8)
        spatial = geometry.spatial_meta(None, axis_labels=["segment", "spatial_y", "spatial_x"])
        made, options = Held(labels, Meta(spatial=spatial)), {}
    made.meta.is_seg, made.meta.labels = True, table
    target = tmp_path / "labels.dcm"
    written(made, target, template=str(tmp_path / "slide.dcm"), **options)
    voxels, meta = read(target)
    np.testing.assert_array_equal(voxels, labels)
    same_labels(meta.labels, table)
    header, own = pydicom.dcmread(tmp_path / "slide.dcm"), pydicom.dcmread(target)
    (series,) = own.ReferencedSeriesSequence
    assert series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == header.SOPInstanceUID
    assert (own.FrameOfReferenceUID, own.ContainerIdentifier) == (
        header.FrameOfReferenceUID,
        header.ContainerIdentifier,
    )
    theirs = highdicom.seg.segread(target)
    for number in (1, 2):
        matrix = theirs.get_total_pixel_matrix(segment_numbers=[number], combine_segments=False)
        expected = labels[number - 1] if kind == "overlapping" else labels == number
        np.testing.assert_array_equal(matrix[..., 0], expected)
    made.voxels = np.ascontiguousarray(made.voxels[..., :500])
    made.shape = made.voxels.shape
    with pytest.raises(UnsupportedError, match="520 x 500 pixels, the slide 520 x 600"):
        written(made, tmp_path / "a.dcm", template=str(tmp_path / "slide.dcm"))
    with pytest.raises(UnsupportedError, match="need a place") as caught:
        written(made, tmp_path / "a.dcm")
    assert "template=SLIDE" in str(caught.value.hint)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="how large"):
        written(slide(RGB_PLANE, None), tmp_path / "a.dcm", kind="slide")
    with pytest.raises(UnsupportedError, match="float32"):
        written(slide(RGB_PLANE[..., 0].astype(np.float32)), tmp_path / "a.dcm", kind="slide")
    with pytest.raises(UnsupportedError, match="one plane"):
        written(image(np.zeros((2, 3, 4), np.uint8)), tmp_path / "a.dcm", kind="slide")
    assert not list(tmp_path.iterdir())
