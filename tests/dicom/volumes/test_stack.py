"""Where voxels lie: oblique, tilted, flipped, single, incomplete and uneven stacks written by pydicom."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from mlarray_core import Additions
from mlarray_core.errors import MLArrayError, UnsupportedError
from mlarray_core.geometry import affine_of
from tests.dicom.written import MR, dataset, write, write_series

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VOLUME = np.arange(5 * 4 * 6, dtype=np.uint16).reshape(5, 4, 6)


def rotation(angles: tuple[float, float, float]) -> np.ndarray:
    a, b, c = angles
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return x @ y @ z


def placed(
    angles: tuple[float, float, float] = (0, 0, 0),
    spacing: tuple[float, float, float] = (2.5, 0.5, 0.75),
    origin: tuple[float, float, float] = (-10, 20, 30),
    tilt: float = 0.0,
) -> np.ndarray:
    """Return an affine whose columns z, y, x follow the normal, the column and the row direction."""
    turn = rotation(angles)
    affine = np.eye(4)
    affine[:3, 0] = spacing[0] * (turn[:, 2] + np.tan(tilt) * turn[:, 1])
    affine[:3, 1] = spacing[1] * turn[:, 1]
    affine[:3, 2] = spacing[2] * turn[:, 0]
    affine[:3, 3] = origin
    return affine


ANGLES = st.tuples(*[st.floats(-3.1, 3.1)] * 3)
SPACINGS = st.tuples(st.floats(0.3, 10), st.floats(0.2, 3), st.floats(0.2, 3))
ORIGINS = st.tuples(*[st.floats(-500, 500)] * 3)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANGLES, SPACINGS, ORIGINS, st.floats(-0.4, 0.4), st.integers(2, 5))
def test_any_stack(
    load: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, angles: Any, spacing: Any,
    origin: Any, tilt: float, count: int,
) -> None:  # fmt: skip
    """Oblique and tilted stacks in files of any order have the affine that they were written with."""
    wanted = placed(angles, spacing, origin, tilt)
    image = load(write_series(tmp_path_factory.mktemp("series"), VOLUME[:count], wanted))
    np.testing.assert_array_equal(image.array, VOLUME[:count])
    np.testing.assert_allclose(affine_of(image.spatial), wanted, atol=2e-7 * max(1, np.abs(wanted).max()))
    assert image.spatial.coord_system == "LPS"
    assert image.spatial.axis_labels == ["spatial_z", "spatial_y", "spatial_x"]


def test_order_comes_from_positions(load: Callable[..., Any], tmp_path: Path) -> None:
    """Instance numbers that run the other way change nothing."""
    folder = write_series(tmp_path / "s", VOLUME, placed(), InstanceNumber=lambda index: 100 - index)
    np.testing.assert_array_equal(load(folder).array, VOLUME)


def test_tilt_keeps_its_shear(load: Callable[..., Any], tmp_path: Path) -> None:
    image = load(write_series(tmp_path / "s", VOLUME, placed(tilt=0.3)))
    assert image.spatial.affine is not None
    assert image.spatial.spacing is None


def test_header_distances_are_not_believed(load: Callable[..., Any], tmp_path: Path) -> None:
    folder = write_series(
        tmp_path / "s",
        VOLUME,
        placed(),
        SliceThickness=9,
        SpacingBetweenSlices=8,
        SliceLocation=lambda index: -index,
    )
    assert load(folder).spatial.spacing == pytest.approx([2.5, 0.5, 0.75])


@pytest.mark.parametrize("keyword", ["SpacingBetweenSlices", "SliceThickness", None])
def test_one_slice(load: Callable[..., Any], tmp_path: Path, keyword: str | None) -> None:
    """A single slice keeps its place, and its thickness if it says one."""
    extra = {} if keyword is None else {keyword: 4}
    path = write(dataset(VOLUME[0], (1, 2, 3), **extra), tmp_path / "one")
    image = load(path)
    assert image.array.shape == (1, 4, 6)
    assert image.spatial.spacing == [1 if keyword is None else 4, 0.5, 0.75]
    assert image.spatial.origin == [1, 2, 3]
    assert (keyword is None) == any("thickness" in warning for warning in image.context.report.warnings)


class TestMissing:
    """A slice that isn't there."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = write_series(tmp_path / "s", VOLUME, placed(), PixelPaddingValue=7)
        names = np.random.default_rng(0).permutation(5)
        (folder / f"{names[3]:04d}").unlink()
        return folder

    def test_refused(self, load: Callable[..., Any], folder: Path) -> None:
        with pytest.raises(UnsupportedError, match=r"1 slice is missing.*\(-10.00, 20.00, 35.00\)") as caught:
            load(folder)
        assert caught.value.path == str(folder)
        assert "missing=fill" in (caught.value.hint or "")

    def test_filled(self, load: Callable[..., Any], folder: Path) -> None:
        image = load(folder, missing="fill")
        wanted = VOLUME.copy()
        wanted[3] = 7
        np.testing.assert_array_equal(image.array, wanted)
        np.testing.assert_allclose(affine_of(image.spatial), placed())

    def test_split(self, load_all: Callable[..., Any], folder: Path) -> None:
        first, second = load_all(folder, missing="split")
        np.testing.assert_array_equal(first.array, VOLUME[:3])
        np.testing.assert_array_equal(second.array, VOLUME[4:])
        assert first.ref.name != second.ref.name


class TestUneven:
    """Distances that are no multiple of one another."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "s"
        folder.mkdir()
        for index, z in enumerate((0.0, 1.0, 2.3, 3.0)):
            write(dataset(VOLUME[index], (0, 0, z), InstanceNumber=index), folder / str(index))
        return folder

    def test_refused(self, load: Callable[..., Any], folder: Path) -> None:
        with pytest.raises(UnsupportedError, match=r"spacing of the slices is uneven: from 0\.7 to 1\.3 mm"):
            load(folder)

    def test_kept(self, load: Callable[..., Any], folder: Path) -> None:
        image = load(folder, irregular="keep")
        np.testing.assert_array_equal(image.array, VOLUME[:4])
        assert Additions.of(image.meta).axes[0].values == pytest.approx([0, 1, 2.3, 3])
        assert any("off an even stack" in warning for warning in image.context.report.warnings)

    def test_tolerance(self, load: Callable[..., Any], folder: Path) -> None:
        image = load(folder, tolerance=0.5)
        assert image.spatial.spacing[0] == pytest.approx(1.0)


def test_slices_beside_each_other(load: Callable[..., Any], tmp_path: Path) -> None:
    for index in range(3):
        write(dataset(VOLUME[index], (40 * index, 0, 0), InstanceNumber=index), tmp_path / str(index))
    with pytest.raises(UnsupportedError, match="beside"):
        load(tmp_path)


def test_mosaic_without_its_header(load: Callable[..., Any], tmp_path: Path) -> None:
    """Tiles that can't be placed aren't left in one plane with a wrong place."""
    made = dataset(VOLUME[0], (0, 0, 0), ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])
    with pytest.raises(UnsupportedError, match="mosaic that doesn't say how many slices"):
        load(write(made, tmp_path / "one"))
    block = made.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0A, "US", 4)
    with pytest.raises(UnsupportedError, match="which way its slices go"):
        load(write(made, tmp_path / "one"))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANGLES, st.sampled_from([-2.5, 4.0]))
def test_slices_of_nuclear_medicine(
    load: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, angles: Any, step: float
) -> None:
    """Slices lie along the normal of the detector, or against it when their spacing is negative."""
    turn = rotation(angles)
    detector = Dataset()
    detector.ImagePositionPatient = [1, 2, 3]
    detector.ImageOrientationPatient = [float(f"{v:.12g}") for v in (*turn[:, 0], *turn[:, 1])]
    made = dataset(
        VOLUME, None, SOPClassUID="1.2.840.10008.5.1.4.1.1.20", ImageOrientationPatient=None, Modality="NM",
        DetectorInformationSequence=[detector], SliceVector=[1, 2, 3, 4, 5], SpacingBetweenSlices=step,
    )  # fmt: skip
    image = load(write(made, tmp_path_factory.mktemp("nm") / "one"))
    found = affine_of(image.spatial)
    first = 0 if step > 0 else 4
    np.testing.assert_array_equal(image.array, VOLUME if step > 0 else VOLUME[::-1])
    np.testing.assert_allclose(found[:3, 0], abs(step) * turn[:, 2], atol=1e-8)
    np.testing.assert_allclose(found[:3, 3], [1, 2, 3] + first * step * turn[:, 2], atol=1e-8)


def test_micrometres(load: Callable[..., Any], tmp_path: Path) -> None:
    """The tolerance doesn't merge the slices of a micro-CT."""
    wanted = placed(spacing=(0.005, 0.005, 0.005))
    image = load(write_series(tmp_path / "s", VOLUME, wanted))
    np.testing.assert_allclose(affine_of(image.spatial), wanted, atol=1e-9)


def test_without_a_place(load: Callable[..., Any], tmp_path: Path) -> None:
    """No position: spacing alone, no invented orientation, and it is said."""
    path = write(dataset(VOLUME[0], None, ImageOrientationPatient=None), tmp_path / "one")
    image = load(path)
    assert image.array.shape == (4, 6)
    assert image.spatial.coord_system is None
    assert image.spatial.direction is None
    assert image.spatial.spacing == [0.5, 0.75]
    assert any("place" in warning for warning in image.context.report.warnings)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0]),
        ("ImageOrientationPatient", [0, 0, 0, 0, 0, 0]),
        ("ImagePositionPatient", [1, 2]),
    ],
)
def test_senseless_placement(load: Callable[..., Any], tmp_path: Path, keyword: str, value: Any) -> None:
    path = write(dataset(VOLUME[0], (0, 0, 0), **{keyword: value}), tmp_path / "one")
    with pytest.raises(MLArrayError, match=keyword):
        load(path)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["0", "5.5"]), ANGLES)
def test_dose_grid(
    load: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, start: str, angles: Any
) -> None:
    """Planes of a dose grid lie at their offsets, relative to the first or, transverse, at z itself."""
    offsets = [float(start) + 3.0 * index for index in range(5)]
    turn = rotation(angles if start == "0" else (0, 0, 0))
    stored = VOLUME.astype(np.uint32)
    made = dataset(
        stored, (10, 20, float(start)),
        SOPClassUID="1.2.840.10008.5.1.4.1.1.481.2", Modality="RTDOSE", GridFrameOffsetVector=offsets,
        DoseGridScaling="0.001", DoseUnits="GY", FrameIncrementPointer=0x3004000C,
        ImageOrientationPatient=[float(f"{v:.12g}") for v in (*turn[:, 0], *turn[:, 1])],
    )  # fmt: skip
    image = load(write(made, tmp_path_factory.mktemp("dose") / "dose"))
    np.testing.assert_allclose(image.array, stored * 0.001)
    found = affine_of(image.spatial)
    np.testing.assert_allclose(found[:3, 0], 3 * turn[:, 2], atol=1e-8)
    np.testing.assert_allclose(found[:3, 3], [10, 20, float(start)], atol=1e-8)
    assert any("Gy" in warning for warning in image.context.report.warnings)


def write_grids(folder: Path, volumes: np.ndarray, affine: np.ndarray, directions: np.ndarray) -> Path:
    """Write UIH grids, one file for each volume (v, z, y, x): tiles row by row, their places in items."""
    count, height, width = volumes.shape[1:]
    across = math.ceil(math.sqrt(count))
    spacing = np.linalg.norm(affine[:3, 1:3], axis=0)
    unit = affine[:3, 1:3] / spacing
    for number, (volume, direction) in enumerate(zip(volumes, directions, strict=True)):
        grid = np.zeros((math.ceil(count / across) * height, across * width), volumes.dtype)
        items = []
        for index, plane in enumerate(volume):
            top, left = index // across * height, index % across * width
            grid[top : top + height, left : left + width] = plane
            item = Dataset()
            item.ImagePositionPatient = [float(f"{p:.9g}") for p in affine[:3, 3] + index * affine[:3, 0]]
            items.append(item)
        made = dataset(
            grid, Manufacturer="UIH", Modality="MR", SOPClassUID=MR, InstanceNumber=number + 1,
            ImageOrientationPatient=[float(f"{p:.9g}") for p in (*unit[:, 1], *unit[:, 0])],
            PixelSpacing=[float(step) for step in spacing],
        )  # fmt: skip
        block = made.private_block(0x0065, "Image Private Header", create=True)
        block.add_new(0x09, "FD", 1000.0 if number else 0.0)
        block.add_new(0x37, "FD", [float(part) for part in direction])
        block.add_new(0x50, "DS", str(count))
        block.add_new(0x51, "SQ", items)
        write(made, folder / f"{number}")
    return folder


@pytest.mark.parametrize("count", [2, 5, 9, 12])
def test_grid_of_uih(load: Callable[..., Any], tmp_path: Path, count: int) -> None:
    """Each slice lies where its item says; gradients, given along the image's axes, turn with it."""
    volumes = np.random.default_rng(count).integers(0, 999, (3, count, 6, 8), np.uint16)
    affine = placed((0.3, -0.2, 0.1), (4.2, 3.5, 3.0))
    inside = np.array([(0, 0, 0), (1, 0, 0), (0, 0.6, 0.8)])  # along row, column and normal
    image = load(write_grids(tmp_path, volumes, affine, inside))
    assert np.array_equal(image.array, volumes)
    np.testing.assert_allclose(affine_of(image.spatial), affine, atol=1e-5)
    additions = Additions.of(image.meta)
    assert additions.axes[0].values == [0, 1000, 1000]
    # BIDS, "Gradient orientation file formats": the first element is inverted where axes are right-handed
    np.testing.assert_allclose(np.array(additions.bids["bvec"]).T, inside * [-1, 1, 1], atol=1e-6)


def test_grid_that_does_not_place_its_slices(load: Callable[..., Any], tmp_path: Path) -> None:
    volumes = np.ones((1, 4, 6, 8), np.uint16)
    write_grids(tmp_path, volumes, placed(), np.zeros((1, 3)))
    made = pydicom.dcmread(tmp_path / "0")
    del made[0x0065, 0x1051]
    write(made, tmp_path / "0")
    with pytest.raises(UnsupportedError, match="grid of 4 slices that doesn't say where they lie"):
        load(tmp_path / "0")
