"""Segmentations of slides keep their numbers; sheets of tiles are axes (PS3.3, C.7.6.17.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlarray_core.errors import CorruptError
from tests.dicom.written import item, segmentation, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def tiles(kind: str, places: Sequence[tuple[int, int, float]], planes: np.ndarray, **more: Any) -> Any:
    """Return a segmentation of an 8 x 16 slide: tiles of 8 x 8 as (segment, first column, z)."""
    made = segmentation(
        kind, [(0.0, number) for number, _, _ in places], planes, TotalPixelMatrixRows=8,
        TotalPixelMatrixColumns=16, ImageOrientationSlide=[0, -1, 0, -1, 0, 0], **more,
    )  # fmt: skip
    for group, (number, column, z) in zip(made.PerFrameFunctionalGroupsSequence, places, strict=True):
        del group.PlanePositionSequence
        group.PlanePositionSlideSequence = [
            item(
                RowPositionInTotalImagePixelMatrix=1, ColumnPositionInTotalImagePixelMatrix=column,
                XOffsetInSlideCoordinateSystem=0, YOffsetInSlideCoordinateSystem=0,
                ZOffsetInSlideCoordinateSystem=z,
            )
        ]  # fmt: skip
        if kind != "LABELMAP":
            group.SegmentIdentificationSequence = [item(ReferencedSegmentNumber=number)]
    return made


ONES = np.ones((2, 8, 8), np.uint8)


def test_segments_side_by_side(load: Callable[..., Any], tmp_path: Path) -> None:
    """Two tiles of two segments: 1 in the left half, 2 in the right one, not a mask."""
    image = load(write(tiles("BINARY", [(1, 1, 0.0), (2, 9, 0.0)], ONES), tmp_path / "s"))
    assert image.array.shape == (8, 16)
    assert np.unique(image.array[:, :8]).tolist() == [1]
    assert np.unique(image.array[:, 8:]).tolist() == [2]
    assert [label.value for label in image.meta.labels] == [1, 2]


def test_segments_on_top_of_each_other(load: Callable[..., Any], tmp_path: Path) -> None:
    places = [(1, 1, 0.0), (2, 1, 0.0)]
    image = load(write(tiles("BINARY", places, ONES), tmp_path / "s"))
    assert image.spatial.axis_labels == ["segment", "spatial_y", "spatial_x"]
    assert image.array.shape == (2, 8, 16)
    assert image.array.sum(axis=(1, 2)).tolist() == [64, 64]
    with pytest.raises(CorruptError, match="overlap"):
        load(write(tiles("BINARY", places, ONES, SegmentsOverlap="NO"), tmp_path / "t"))


def test_fractions(load: Callable[..., Any], tmp_path: Path) -> None:
    planes = np.stack([np.full((8, 8), 100, np.uint8), np.full((8, 8), 255, np.uint8)])
    made = tiles("FRACTIONAL", [(3, 1, 0.0), (4, 9, 0.0)], planes, MaximumFractionalValue=255)
    image = load(write(made, tmp_path / "s"))
    assert image.additions.axes[0].values == [3, 4]
    assert [int(sheet.max()) for sheet in image.array] == [100, 255]
    assert image.array[0, :, 8:].max() == 0


def test_focal_planes(load: Callable[..., Any], tmp_path: Path) -> None:
    """Tiles of one place in two depths are two sheets."""
    planes = np.stack([np.full((8, 8), 5, np.uint8), np.full((8, 8), 6, np.uint8)])
    image = load(write(tiles("LABELMAP", [(5, 1, 0.0), (6, 1, 0.002)], planes), tmp_path / "s"))
    assert image.spatial.axis_labels == ["non_spatial", "spatial_y", "spatial_x"]
    assert [int(sheet.max()) for sheet in image.array] == [5, 6]


def test_tiled_full(load: Callable[..., Any], tmp_path: Path) -> None:
    """Segments are the slowest, tiles run row by row (C.7.6.17.3); highdicom's order."""
    planes = np.zeros((4, 8, 8), np.uint8)
    planes[0], planes[3] = 1, 1
    made = tiles(
        "BINARY", [(1, 1, 0.0), (1, 9, 0.0), (2, 1, 0.0), (2, 9, 0.0)], planes,
        DimensionOrganizationType="TILED_FULL",
    )  # fmt: skip
    del made.PerFrameFunctionalGroupsSequence
    image = load(write(made, tmp_path / "s"))
    assert np.unique(image.array[:, :8]).tolist() == [1]
    assert np.unique(image.array[:, 8:]).tolist() == [2]


def test_a_matrix_without_end(load: Callable[..., Any], tmp_path: Path) -> None:
    """A claimed size is compared with the number of tiles before any place is worked out."""
    made = tiles("BINARY", [(1, 1, 0.0), (1, 9, 0.0)], ONES, DimensionOrganizationType="TILED_FULL")
    made.TotalPixelMatrixRows = made.TotalPixelMatrixColumns = 1 << 31
    with pytest.raises(CorruptError, match="cover it"):
        load(write(made, tmp_path / "s"))
