"""Contours drawn into grids: analytic shapes, other rasterisers, and what else a structure set can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest

import mlarray
from mlarray_core.errors import (
    CorruptError,
    LimitError,
    MLArrayError,
    PluginError,
    SelectionError,
    UnsupportedError,
)
from mlarray_dicom import DicomFormat
from mlarray_dicom.options import DicomOptions
from mlarray_io import Context, Source
from tests.dicom.contours.drawn import (
    circle,
    cube,
    dice,
    keyhole,
    series,
    sphere,
    structure_set,
    torus,
    turned,
)
from tests.dicom.written import item

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture(scope="module")
def ct(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the series that contours are drawn on."""
    folder = tmp_path_factory.mktemp("study")
    series(folder / "ct")
    return folder


def drawn(folder: Path, structures: dict[str, Any], **options: Any) -> mlarray.MLArray:
    """Return structures drawn into the series beside them."""
    names = ("numbers", "kind", "ContourSlabThickness")
    given = {name: options.pop(name) for name in names if name in options}
    return mlarray.read(structure_set(folder / "set.dcm", structures, **given), options=options)


def centres() -> np.ndarray:
    """Return x, y, z of the voxels of the series."""
    index = np.indices((64, 64, 64)).astype(float)
    return np.tensordot(cube()[:3, :3], index, 1) + cube()[:3, 3][:, None, None, None]


RING = [keyhole(circle(20, z), circle(9, z)) for z in range(-10, 11)]
SLANT = (0.5, -0.35, 0.2)
SHAPES: dict[str, tuple[list[np.ndarray], float]] = {
    "sphere": (sphere(20), 4 / 3 * np.pi * 20**3),
    "torus": (torus(19, 8), 2 * np.pi**2 * 19 * 8**2),
    "keyhole": (RING, np.pi * (20**2 - 9**2) * 21),
    "every other slice": (sphere(20, 2.0), 4 / 3 * np.pi * 20**3),
    "finer than slices": (sphere(20, 0.4), 4 / 3 * np.pi * 20**3),
    "sagittal": (turned(sphere(20), (0, np.pi / 2, 0)), 4 / 3 * np.pi * 20**3),
    "slanted": (turned(torus(19, 8), SLANT), 2 * np.pi**2 * 19 * 8**2),
    "slanted, fine": (turned(torus(19, 8, 0.4), SLANT), 2 * np.pi**2 * 19 * 8**2),
    "slanted keyhole": (turned(RING, SLANT), np.pi * (20**2 - 9**2) * 21),
}


def inside(name: str) -> np.ndarray:
    """Return the voxels whose centres lie in a shape."""
    from scipy.spatial.transform import Rotation

    x, y, z = centres()
    if name.startswith("slanted"):
        turn = Rotation.from_euler("xyz", SLANT).as_matrix()
        x, y, z = np.tensordot(turn.T, np.stack([x, y, z]), 1)
    around = np.hypot(x, y)
    if "keyhole" in name:
        return (around < 20) & (around > 9) & (np.abs(z) < 10.5)
    if name.startswith(("torus", "slanted")):
        return np.hypot(around - 19, z - 0.5) < 8
    return np.sqrt(x**2 + y**2 + z**2) < 20


@pytest.mark.parametrize("name", SHAPES)
def test_analytic_shapes(ct: Path, name: str) -> None:
    curves, volume = SHAPES[name]
    image = drawn(ct, {name: curves})
    mask = np.asarray(image[...]) == 1
    assert mask.sum() == pytest.approx(volume, rel=0.01)
    assert dice(mask, inside(name)) > 0.99
    assert image.meta.spatial.spacing == [1, 1, 1]
    assert image.meta.spatial.origin == [-32, -32, -32]


@pytest.mark.parametrize(("name", "least"), [("every other slice", 0.98), ("slanted", 0.98)])
def test_the_nearest_plane_on_request(ct: Path, name: str, least: float) -> None:
    """Without a shape between planes these are steps, which is what some programs draw."""
    image = drawn(ct, {name: SHAPES[name][0]}, between="nearest")
    mask = np.asarray(image[...]) == 1
    assert least < dice(mask, inside(name)) < 0.985
    assert mask.sum() == pytest.approx(SHAPES[name][1], rel=0.01)
    slabs = np.asarray(drawn(ct, {"a": [circle(9, -2), circle(5, 2)]}, between="nearest")[...]) == 1
    assert len({int(one.sum()) for one in slabs if one.any()}) == 2


@pytest.mark.parametrize("name", ["sphere", "torus", "keyhole"])
def test_against_shapely(ct: Path, name: str) -> None:
    """Pixel by pixel: the polygons of a slice, differing where one lies within another."""
    shapely = pytest.importorskip("shapely")
    curves, _ = SHAPES[name]
    mask = np.asarray(drawn(ct, {name: curves})[...]) == 1
    x, y, _ = centres()
    other = np.zeros_like(mask)
    for points in curves:
        polygon = shapely.make_valid(shapely.Polygon(points[:, :2]))
        z = round(float(points[0, 2])) + 32
        other[z] ^= shapely.contains_xy(polygon, x[z], y[z])
    assert dice(mask, other) > 0.998


def by_rt_utils(path: Path, folder: Path, first: float, step: float) -> np.ndarray:
    """Return the mask that rt-utils makes of the one structure of a set; slices lie at first + n * step."""
    rt_utils = pytest.importorskip("rt_utils")
    made = pydicom.dcmread(path)
    headers = sorted(map(pydicom.dcmread, folder.iterdir()), key=lambda one: one.ImagePositionPatient[2])
    for contour in made.ROIContourSequence[0].ContourSequence:
        image = headers[round((float(contour.ContourData[2]) - first) / step)]
        contour.ContourImageSequence = [
            item(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)
        ]
    name = made.StructureSetROISequence[0].ROIName
    mask: np.ndarray = rt_utils.RTStruct(headers, made).get_roi_mask_by_name(name).transpose(2, 0, 1)
    return mask


@pytest.mark.parametrize("name", ["sphere", "torus", "keyhole"])
def test_against_rt_utils(tmp_path: Path, name: str) -> None:
    """It takes the pixels that a curve touches too (OpenCV's fillPoly): at 0.19 mm that is little."""
    pytest.importorskip("cv2")
    affine = cube(320, 0.1875)
    affine[2, 0], affine[2, 3] = 5, -20
    series(tmp_path / "ct", (9, 320, 320), affine)
    curves = [points for points in SHAPES[name][0] if points[0, 2] % 5 == 0]
    path = structure_set(tmp_path / "set.dcm", {name: curves})
    mask = np.asarray(mlarray.read(path)[...]) == 1
    other = by_rt_utils(path, tmp_path / "ct", -20, 5)
    assert dice(mask, other) > 0.99
    from scipy import ndimage

    around = np.ones((1, 3, 3), bool)
    assert not (other & ~ndimage.binary_dilation(mask, around)).any()
    assert not (ndimage.binary_erosion(mask, around) & ~other).any()


@pytest.mark.parametrize("name", ["sphere", "torus", "keyhole"])
def test_rt_utils_is_coarse_at_1_mm(ct: Path, name: str) -> None:
    """There its border of whole pixels is 6 to 10 % of the volume, so it is no measure: the exact one is."""
    pytest.importorskip("cv2")
    curves, volume = SHAPES[name]
    path = structure_set(ct / "set.dcm", {name: curves})
    mask = np.asarray(mlarray.read(path)[...]) == 1
    other = by_rt_utils(path, ct / "ct", -32, 1)
    assert 1.05 < other.sum() / volume < 1.1
    assert mask.sum() == pytest.approx(volume, rel=0.01)
    assert dice(other, inside(name)) < 0.975 < 0.99 < dice(mask, inside(name))


@pytest.mark.parametrize("name", ["sphere", "torus", "keyhole"])
def test_against_matplotlib(ct: Path, name: str) -> None:
    path = pytest.importorskip("matplotlib.path")
    curves, _ = SHAPES[name]
    mask = np.asarray(drawn(ct, {name: curves})[...]) == 1
    x, y, _ = centres()
    other = np.zeros_like(mask)
    for points in curves:
        z = round(float(points[0, 2])) + 32
        inside_it = path.Path(points[:, :2], closed=False).contains_points(
            np.column_stack([x[z].ravel(), y[z].ravel()])
        )
        other[z] ^= inside_it.reshape(64, 64)
    assert dice(mask, other) > 0.998


def test_edges_are_half_open(ct: Path) -> None:
    """Squares that share an edge through pixel centres share no pixel, and leave none out."""

    def square(x: float, y: float) -> np.ndarray:
        return np.array([(x, y, 0), (x + 4, y, 0), (x + 4, y + 4, 0), (x, y + 4, 0)], float)

    image = drawn(ct, {f"{x} {y}": [square(x, y)] for x in (-4, 0) for y in (-4, 0)})
    voxels = np.asarray(image[...])
    assert [int((voxels == value).sum()) for value in (1, 2, 3, 4)] == [16] * 4
    z, y, x = np.nonzero(voxels)
    assert (y.min(), y.max(), x.min(), x.max()) == (28, 35, 28, 35)
    assert set(z) == {32}


def test_gaps_stay_empty_and_slabs_are_heeded(ct: Path) -> None:
    """A slice left out of a dense stack is empty; a lone contour fills a slice, or the slab that it says."""
    dense = [circle(5, z) for z in (0, 1, 2, 4, 5)]
    lone = [circle(5, 10, (12, 0))]
    voxels = np.asarray(drawn(ct, {"dense": dense, "lone": lone})[...])
    assert [z - 32 for z in range(64) if (voxels[z] == 1).any()] == [0, 1, 2, 4, 5]
    assert [z - 32 for z in range(64) if (voxels[z] == 2).any()] == [10]
    voxels = np.asarray(drawn(ct, {"lone": lone}, ContourSlabThickness=4)[...])
    assert [z - 32 for z in range(64) if (voxels[z] == 1).any()] == [8, 9, 10, 11]


def test_shapes_between_planes(ct: Path) -> None:
    """A cone's radius changes evenly; a keyhole's channel is no border; what ends, ends halfway."""
    cone = np.asarray(drawn(ct, {"a": [circle(20.5, 0), circle(12.5, 4)]})[...]) == 1
    for z, radius in ((0, 20.5), (1, 18.5), (2, 16.5), (3, 14.5), (4, 12.5)):
        assert cone[32 + z].sum() == pytest.approx(np.pi * radius**2, rel=0.02), z
    assert [z - 32 for z in range(64) if cone[z].any()] == [-2, -1, 0, 1, 2, 3, 4, 5]
    holes = [keyhole(circle(20.5, 0), circle(6.5, 0)), keyhole(circle(20.5, 4), circle(10.5, 4))]
    ring = np.asarray(drawn(ct, {"a": holes})[...]) == 1
    assert ring[34].sum() == pytest.approx(np.pi * (20.5**2 - 8.5**2), rel=0.02)
    branches = [circle(8, 0, (-12, 0)), circle(8, 0, (12, 0)), circle(8, 4, (-12, 0))]
    ended = np.asarray(drawn(ct, {"a": branches})[...]) == 1
    areas = [int(ended[z][:, 33:].sum()) for z in range(30, 38)]
    assert areas[:4] == [areas[2]] * 4  # -2 to 1
    assert areas[4:] == [0] * 4
    whole = [int(ended[z][:, :32].sum()) for z in range(30, 38)]
    assert whole == [whole[0]] * 8


@pytest.mark.parametrize("limit", ["MOST_POINTS", "MOST_CURVES"])
def test_crowded_planes_are_named(ct: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """Where shapes would take too long, the nearest plane counts, and that is said."""
    monkeypatch.setattr(f"mlarray_dicom.contours.planes.{limit}", 100 if limit == "MOST_POINTS" else 0)
    path = structure_set(ct / "set.dcm", {"a": [circle(20, 0), circle(12, 4)]})
    context = Context()
    (ref,) = DicomFormat().images(Source(path), DicomOptions(), context)
    with DicomFormat().open(Source(path), ref, DicomOptions(), context) as reader:
        areas = reader[0:64, 0:64, 0:64].sum(axis=(1, 2))
    assert len(set(areas.tolist())) == 3
    assert any("a: 2 planes have more than" in note for note in context.report.warnings)


def test_overlapping_structures(ct: Path) -> None:
    """They get an axis; a label map of them is refused, and an axis can be asked for."""
    both = {"large": sphere(12), "small": sphere(6)}
    image = drawn(ct, both)
    assert image.shape == (2, 64, 64, 64)
    assert image.meta.spatial.axis_labels[0] == "segment"
    assert [label.name for label in image.meta.labels] == ["large", "small"]
    voxels = np.asarray(image[...])
    assert voxels.max() == 1
    assert not (voxels[1] & ~voxels[0]).any()
    with pytest.raises(UnsupportedError, match="'large' and 'small' overlap"):
        drawn(ct, both, segments="labels")
    apart = {"one": [circle(5, 0)], "two": [circle(5, 3)]}
    assert drawn(ct, apart).shape == (64, 64, 64)
    assert drawn(ct, apart, segments="axis").shape == (2, 64, 64, 64)


def test_names_colours_and_codes(ct: Path) -> None:
    image = drawn(ct, {"liver": [circle(5)], "spleen": [circle(4, 9)]}, numbers=[7, 300])
    first, second = image.meta.labels
    assert (first.value, first.name, first.color) == (7, "liver", "#00c81e")
    assert (first.code.scheme, first.code.value, first.code.meaning) == ("SCT", "10200004", "Liver")
    assert (second.value, second.name, second.color, second.code) == (300, "spleen", "#0ac81e", None)
    assert image.dtype == np.uint16
    assert set(np.unique(np.asarray(image[...]))) == {0, 7, 300}
    counted = drawn(ct, {"a": [circle(5)], "b": [circle(4, 9)]}, numbers=[0, 1])
    assert [label.value for label in counted.meta.labels] == [1, 2]
    assert image.meta.is_seg == True  # noqa: E712


def test_oblique_series(tmp_path: Path) -> None:
    """Contours in the slices of an oblique series, whose planes are no axes of the patient."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("xyz", SLANT).as_matrix()
    affine = cube()
    affine[:3] = turn @ affine[:3]
    series(tmp_path / "ct", affine=affine)
    image = mlarray.read(structure_set(tmp_path / "set.dcm", {"torus": turned(torus(19, 8), SLANT)}))
    assert dice(np.asarray(image[...]) == 1, inside("torus")) > 0.99


def test_like(tmp_path: Path) -> None:
    """Any image with a place in a patient gives the grid: finer, in RAS, of another format; others don't."""
    path = structure_set(tmp_path / "set.dcm", {"sphere": sphere(20)})
    with pytest.raises(UnsupportedError, match="RT Structure Set") as caught:
        mlarray.read(path)
    assert "--like" in str(caught.value.hint)
    half = cube(100, 0.5) @ np.diag([1, 1, 1, 1.0])
    grid = mlarray.MLArray(
        np.zeros((100, 100, 100), np.uint8), affine=(np.diag([-1.0, -1, 1, 1]) @ half).tolist()
    )
    grid.meta.spatial.coord_system = "RAS"
    grid.save(tmp_path / "grid.mla")
    for name in ("grid.mla", "grid.nii.gz"):
        if name.endswith(".gz"):
            pytest.importorskip("nibabel")
            mlarray.convert(tmp_path / "grid.mla", tmp_path / name)
        image = mlarray.read(path, options={"like": str(tmp_path / name)})
        assert image.shape == (100, 100, 100)
        assert np.asarray(image[...]).sum() / 8 == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.01)
    nowhere = mlarray.MLArray(np.zeros((9, 9, 9), np.uint8))
    nowhere.save(tmp_path / "nowhere.mla")
    for name, what in (("nowhere.mla", "world is unset"), ("missing.mla", "missing.mla")):
        with pytest.raises(MLArrayError, match=what):
            mlarray.read(path, options={"like": str(tmp_path / name)})


def test_a_crowded_folder_is_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of a series would be another grid: beyond a limit the series is to be named."""
    series(tmp_path / "ct", (5, 9, 9))
    path = structure_set(tmp_path / "set.dcm", {"a": [circle(30, -32)]})
    monkeypatch.setattr("mlarray_dicom.listing.MOST_BESIDE", 5)
    with pytest.raises(LimitError, match="more than 5 files") as caught:
        mlarray.read(path)
    assert "--like" in str(caught.value.hint)
    assert mlarray.read(path, options={"like": str(tmp_path / "ct")}).shape == (5, 9, 9)
    monkeypatch.setattr("mlarray_dicom.listing.MOST_BESIDE", 6)
    assert mlarray.read(path).shape == (5, 9, 9)


def test_in_a_folder(tmp_path: Path) -> None:
    """A folder holds its series and what is drawn on it; the series is what one gets without choosing."""
    study = tmp_path / "study"
    series(study / "ct", (5, 9, 9))
    structure_set(study / "set.dcm", {"a": [circle(30, -32)]})
    assert mlarray.read(study).dtype == np.int16
    labels = mlarray.read(study, image="plan")
    assert (labels.dtype, labels.shape) == (np.uint8, (5, 9, 9))
    refs = DicomFormat().images(Source(study), DicomOptions(), Context())
    assert [ref.primary for ref in refs] == [True, False]
    assert refs[1].facts["modality"] == "RTSTRUCT"
    assert refs[1].facts["shape"] == (5, 9, 9)


def test_contours_that_enclose_nothing(ct: Path) -> None:
    """Points, open curves and lines are named and left out; nothing else is no image."""
    line = np.array([(0, 0, 0.0), (1, 1, 1), (2, 2, 2)])
    path = structure_set(ct / "set.dcm", {"a": [circle(5.5), line, line[:2]]})
    context = Context()
    (ref,) = DicomFormat().images(Source(path), DicomOptions(), context)
    with DicomFormat().open(Source(path), ref, DicomOptions(), context) as reader:
        assert reader[0:64, 0:64, 0:64].sum() == pytest.approx(np.pi * 5.5**2, rel=0.05)
    (note,) = [note for note in context.report.warnings if "left out" in note]
    assert "1 CLOSED_PLANAR" in note
    assert "1 without an area" in note
    with pytest.raises(UnsupportedError, match="without a closed contour"):
        drawn(ct, {"a": [circle(5)]}, kind="OPEN_PLANAR")


@pytest.mark.parametrize("data", [["1", "2"], ["1", "2", "x"], ["1e300", "0", "0"], ["nan", "0", "0"]])
def test_damaged_points(ct: Path, data: Sequence[str]) -> None:
    from tests.dicom.written import with_raw

    path = structure_set(ct / "set.dcm", {"a": [circle(5)]})
    made = pydicom.dcmread(path)
    contour = made.ROIContourSequence[0].ContourSequence[0]
    with_raw(contour, "ContourData", "DS", "\\".join(data).encode())
    made.save_as(path)
    with pytest.raises(CorruptError, match="points"):
        mlarray.read(path)


def test_curves_drawn_twice_and_curves_far_away(ct: Path) -> None:
    """The same curve twice is one curve; what lies outside of the grid costs nothing."""
    far = circle(1e6, 0, (5e8, 0))
    voxels = np.asarray(drawn(ct, {"a": [circle(5.5), circle(5.5)], "far": [far]})[...])
    assert (voxels == 1).sum() == pytest.approx(np.pi * 5.5**2, rel=0.05)
    assert not (voxels == 2).any()


def test_several_series_need_a_choice(tmp_path: Path) -> None:
    series(tmp_path / "ct")
    from tests.dicom.written import write_series

    write_series(tmp_path / "mr", np.zeros((3, 4, 5), np.int16), cube(), SeriesInstanceUID="1.2.3.8")
    structure_set(tmp_path / "set.dcm", {"a": [circle(5)]})
    with pytest.raises(SelectionError, match="3 images"):
        mlarray.read(tmp_path)


def test_a_file_of_another_program(tmp_path: Path) -> None:
    """pydicom's sample: a box of 400 x 300 mm on planes of 10 mm, and two points."""
    from pydicom.data import get_testdata_file

    affine = cube(50, 10.0)
    affine[:3, 3] = -245, -245, -295
    grid = mlarray.MLArray(np.zeros((50, 50, 50), np.uint8), affine=affine.tolist())
    grid.meta.spatial.coord_system = "LPS"
    grid.save(tmp_path / "grid.mla")
    path = get_testdata_file("rtstruct.dcm", download=False)
    image = mlarray.read(path, options={"like": str(tmp_path / "grid.mla")})
    voxels = np.asarray(image[...])
    assert voxels.sum() == 40 * 30 * 3
    assert [label.name for label in image.meta.labels] == ["patient", "Isocenter 1", "Isocenter 2"]


def test_any_damage_is_explained(tmp_path: Path) -> None:
    """Structure sets whose bytes were changed or cut are refused by name, or drawn as what they say now."""
    from mlarray_io.testing import specimens

    noise = np.random.default_rng(0)
    series(tmp_path / "ct", (4, 64, 64))
    path = structure_set(tmp_path / "set.dcm", {"a": [circle(5, -30), circle(2, -30)], "b": [circle(4, -29)]})
    content = path.read_bytes()
    for number in range(60):
        mutant = bytearray(content[: noise.integers(200, len(content))] if number % 4 == 0 else content)
        for place in noise.integers(140, len(mutant), 3):
            mutant[place] ^= 1 << int(noise.integers(8))
        path.write_bytes(mutant)
        try:
            for image in specimens.images(DicomFormat(), path, 1 << 24):
                with specimens.opened(DicomFormat(), path, image, 1 << 24) as reader:
                    assert specimens.whole(reader).shape == reader.shape
        except PluginError:
            raise
        except MLArrayError:
            continue


def test_the_command_takes_a_grid(tmp_path: Path) -> None:
    from mlarray_io.commands.main import main

    path = structure_set(tmp_path / "set.dcm", {"sphere": sphere(20)})
    grid = mlarray.MLArray(np.zeros((50, 50, 50), np.uint8), affine=cube(50).tolist())
    grid.meta.spatial.coord_system = "LPS"
    grid.save(tmp_path / "grid.mla")
    arguments = ["convert", str(path), str(tmp_path / "mask.mla"), "--like", str(tmp_path / "grid.mla"), "-q"]
    assert main(arguments) == 0
    assert mlarray.MLArray.open(tmp_path / "mask.mla").shape == (50, 50, 50)
