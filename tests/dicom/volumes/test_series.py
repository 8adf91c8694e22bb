"""What belongs together: repeats, duplicates, splits, names, selection, and what is left out."""

from __future__ import annotations

import gc
import shutil
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest

import mlarray
from mlarray_core import Additions, AxisValues
from mlarray_core.errors import CorruptError, MLArrayError, SelectionError, UnsupportedError
from mlarray_dicom import DicomFormat
from mlarray_dicom.options import DicomOptions
from mlarray_io import Context, Source
from mlarray_io.engine.select import choose, images_of
from tests.dicom.written import MR, dataset, write, write_series

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VOLUME = np.arange(3 * 4 * 6, dtype=np.uint16).reshape(3, 4, 6)
AFFINE = np.array([[0, 0, 0.75, -5], [0, 0.5, 0, 6], [2, 0, 0, 7], [0, 0, 0, 1.0]])

TURNED = [[1, 0, 0, 0, 1, 0], [0, 1, 0, -1, 0, 0]]


def repeated(folder: Path, times: int, **attributes: Any) -> np.ndarray:
    """Write a volume several times; callables get the index of the repeat."""
    folder.mkdir(exist_ok=True)
    whole = np.stack([VOLUME + 100 * index for index in range(times)])
    for repeat in range(times):
        for z, plane in enumerate(whole[repeat]):
            own = {k: v(repeat) if callable(v) else v for k, v in attributes.items()}
            place = (-5, 6, 7 + 2 * z)
            one = {"InstanceNumber": 1 + z + 3 * repeat, **own}
            write(dataset(plane, place, **one), folder / f"{z}_{repeat}")
    return whole


@pytest.mark.parametrize(
    ("keyword", "values", "label", "name"),
    [
        ("TemporalPositionIdentifier", [3, 1, 2], "temporal", "time"),
        ("TriggerTime", [20.5, 0.0, 10.25], "temporal", "trigger time"),
        ("AcquisitionNumber", [1, 2, 3], "temporal", "acquisition"),
        ("DiffusionBValue", [0.0, 1000.0, 500.0], "b_value", "b-value"),
        ("SeriesDescription", ["x", "x", "x"], "non_spatial", "repeat"),
    ],
)
def test_repeats(
    load: Callable[..., Any], tmp_path: Path, keyword: str, values: list[Any], label: str, name: str
) -> None:
    """Frames at the same positions get an axis of what tells them apart, or of the order of their numbers."""
    whole = repeated(tmp_path / "s", 3, **{keyword: lambda repeat: values[repeat]})
    image = load(tmp_path / "s")
    order = np.argsort(values) if label == "temporal" else [0, 1, 2]
    np.testing.assert_array_equal(image.array, whole[order])
    assert image.spatial.axis_labels == [label, "spatial_z", "spatial_y", "spatial_x"]
    axis = Additions.of(image.meta).axes[0]
    assert axis.name == name
    assert any("nothing but instance numbers" in note for note in image.notes) == (name == "repeat")
    if keyword != "SeriesDescription":
        assert axis.values == [values[index] for index in order]


def test_several_volumes_of_one_b_value(load: Callable[..., Any], tmp_path: Path) -> None:
    """Diffusion names the axis even where the order of numbers makes it."""
    values = [0.0, 0.0, 1000.0]
    repeated(tmp_path / "s", 3, DiffusionBValue=lambda repeat: values[repeat])
    axis = Additions.of(load(tmp_path / "s").meta).axes[0]
    assert (axis.name, axis.values) == ("b-value", values)


def test_times_of_volumes(load: Callable[..., Any], tmp_path: Path) -> None:
    """Volumes are told by when they were acquired, if that rises; midnight does no harm."""
    moments = [("20200101", "235959.5"), ("20200102", "000001.25"), ("20200102", "000003")]
    attributes = {
        "AcquisitionDate": lambda repeat: moments[repeat][0],
        "AcquisitionTime": lambda repeat: moments[repeat][1],
    }
    repeated(tmp_path / "s", 3, **attributes)
    axis = Additions.of(load(tmp_path / "s").meta).axes[0]
    assert axis == AxisValues("time", "s", [0, 1.75, 3.5])


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"EchoTime": lambda repeat: [5.0, 7.5][repeat]}, "echo 5"),
        ({"ImageType": lambda repeat: ["ORIGINAL", "PRIMARY", "MP"[repeat]]}, "type ORIGINAL/PRIMARY/M"),
        ({"ConvolutionKernel": lambda repeat: ["B30f", "B70f"][repeat]}, "kernel B30f"),
        ({"PixelSpacing": lambda repeat: [[0.5, 0.75], [0.6, 0.75]][repeat]}, "spacing 0.5/0.75"),
        ({"ImageOrientationPatient": lambda repeat: TURNED[repeat]}, "orientation 1/0"),
        ({"SeriesNumber": lambda repeat: repeat + 1}, "number 1"),
    ],
)  # fmt: skip
def test_splits(load_all: Callable[..., Any], tmp_path: Path, attributes: dict[str, Any], why: str) -> None:
    """One series becomes several images where one array can't hold it; each says why."""
    whole = repeated(tmp_path / "s", 2, SOPClassUID=MR, Modality="MR", **attributes)
    first, second = load_all(tmp_path / "s")
    np.testing.assert_array_equal(first.array, whole[0])
    np.testing.assert_array_equal(second.array, whole[1])
    assert why in first.ref.facts["why_split"]
    assert first.ref.name != second.ref.name


def test_image_types_along_one_stack(load: Callable[..., Any], tmp_path: Path) -> None:
    """A difference that isn't at the same places splits nothing."""
    kinds = [["ORIGINAL", "PRIMARY", "AXIAL", "ADD"], ["ORIGINAL", "PRIMARY", "AXIAL"]]
    folder = write_series(tmp_path / "s", VOLUME, AFFINE, ImageType=lambda index: kinds[index % 2])
    assert load(folder).array.shape == (3, 4, 6)


def test_uneven_repeats(load: Callable[..., Any], tmp_path: Path) -> None:
    """A volume that was interrupted is refused, with the counts."""
    repeated(tmp_path / "s", 2)
    (tmp_path / "s" / "2_1").unlink()
    with pytest.raises(
        UnsupportedError, match="repeat unevenly: 1 with 1, 2 with 2 slices; the first with 1 at"
    ):
        load(tmp_path / "s")


def test_a_slice_that_is_there_twice(load: Callable[..., Any], tmp_path: Path) -> None:
    """It is the slice that is named, not one of those that are there once."""
    folder = write_series(tmp_path / "s", VOLUME, AFFINE)
    twice = write_series(tmp_path / "again", VOLUME[1:2] + 1, AFFINE)
    for file in twice.iterdir():
        made = pydicom.dcmread(file)
        made.ImagePositionPatient = [float(f"{part:.9g}") for part in AFFINE[:3, 3] + AFFINE[:3, 0]]
        made.SeriesInstanceUID = pydicom.dcmread(next(folder.iterdir())).SeriesInstanceUID
        made.save_as(folder / "twice.dcm")
    with pytest.raises(UnsupportedError, match="2 with 1, 1 with 2 slices; the first with 2 at") as caught:
        load(folder)
    assert "twice" in str(caught.value.hint)


def test_phases_that_cover_different_slices(load_all: Callable[..., Any], tmp_path: Path) -> None:
    """Two acquisitions of a CT whose slices only partly coincide are two images."""
    whole = repeated(tmp_path / "s", 2, AcquisitionNumber=lambda repeat: repeat + 1)
    (tmp_path / "s" / "2_1").unlink()
    first, second = load_all(tmp_path / "s")
    np.testing.assert_array_equal(first.array, whole[0])
    np.testing.assert_array_equal(second.array, whole[1][:2])
    assert first.ref.facts["why_split"] == "acquisition 1"


def test_doses_of_beams_are_no_time_series(load_all: Callable[..., Any], tmp_path: Path) -> None:
    for beam in (1, 2):
        made = dataset(
            (VOLUME * beam).astype(np.uint32), (0, 0, 0), SOPClassUID="1.2.840.10008.5.1.4.1.1.481.2",
            GridFrameOffsetVector=[0, 2, 4], DoseGridScaling="0.5", DoseUnits="GY", InstanceNumber=beam,
        )  # fmt: skip
        write(made, tmp_path / str(beam))
    assert [image.array.shape for image in load_all(tmp_path)] == [(3, 4, 6)] * 2


def test_copies_with_other_content(load: Callable[..., Any], tmp_path: Path) -> None:
    """Two slices at one place with nothing to tell them apart are refused, not put on a time axis."""
    repeated(tmp_path / "s", 2, InstanceNumber=1)
    with pytest.raises(UnsupportedError, match="nothing says in which order"):
        load(tmp_path / "s")


def test_duplicates(load: Callable[..., Any], tmp_path: Path) -> None:
    folder = write_series(tmp_path / "s", VOLUME, AFFINE)
    shutil.copytree(folder, folder / "again")
    image = load(folder)
    np.testing.assert_array_equal(image.array, VOLUME)
    assert "3 files are there twice and left out once" in image.context.report.warnings


def test_selection(tmp_path: Path) -> None:
    """An image is chosen by number, UID, description or name; several and none chosen is an error."""
    write_series(
        tmp_path / "a", VOLUME, AFFINE, SeriesInstanceUID="1.2.8", SeriesNumber=8, SeriesDescription="late"
    )
    write_series(
        tmp_path / "b", VOLUME, AFFINE, SeriesInstanceUID="1.2.7", SeriesNumber=7, SeriesDescription="early"
    )
    source = Source(tmp_path)
    found = images_of(source, DicomFormat(), DicomOptions(), Context())
    assert [image.key for image in found] == ["1", "2"]
    assert [image.facts["series"] for image in found] == ["7", "8"]
    for wanted in ("2", "1.2.8", "late", found[1].name):
        assert choose(found, wanted, source) is found[1]
    with pytest.raises(SelectionError, match=r"holds 2 images.*early.*late"):
        choose(found, None, source)


def test_names_tell_nothing_of_the_patient(tmp_path: Path) -> None:
    secret = {"PatientName": "Doe^Jane", "PatientID": "4711", "SeriesNumber": 12, "StudyDate": "20200102"}
    folder = write_series(tmp_path / "s", VOLUME, AFFINE, **secret)
    (image,) = DicomFormat().images(Source(folder), DicomOptions(), Context())
    assert image.name.startswith("12-")
    assert len(image.name) == len("12-01234567")
    told = repr((image.key, image.name, image.title, image.facts, image.aliases))
    assert not any(value in told for value in ("Doe", "Jane", "4711", "20200102"))


def test_says_what_identifies(tmp_path: Path) -> None:
    """The result names the attributes, never their values."""
    folder = write_series(tmp_path / "s", VOLUME, AFFINE, PatientName="Doe^Jane", PatientID="4711")
    fields = mlarray.convert(folder, tmp_path / "a.mla").identifying
    assert {"PatientName", "PatientID"} <= set(fields)
    assert "Doe" not in str(fields)
    assert "4711" not in str(fields)


def test_what_is_left_out(tmp_path: Path) -> None:
    """Everything that is no image is listed with the reason."""
    folder = write_series(tmp_path / "s", VOLUME, AFFINE)
    (folder / "notes.txt").write_text("not DICOM at all\n" * 20)
    plan = dataset(VOLUME[0], SOPClassUID="1.2.840.10008.5.1.4.1.1.481.5", Rows=None, Columns=None)
    del plan.PixelData
    write(plan, folder / "plan")
    context = Context()
    assert len(DicomFormat().images(Source(folder), DicomOptions(), context)) == 1
    assert sorted(map(str, context.report.skipped)) == [
        "notes.txt: is not DICOM",
        "plan: no image in it: RT Plan",
    ]
    with pytest.raises(UnsupportedError, match="no image in it: RT Plan"):
        DicomFormat().images(Source(folder / "plan"), DicomOptions(), Context())


class TestDamaged:
    """A series with one file cut short."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = write_series(tmp_path / "s", VOLUME, AFFINE)
        path = folder / f"{np.random.default_rng(0).permutation(3)[2]:04d}"
        path.write_bytes(path.read_bytes()[:-10])
        return folder

    def test_refused(self, load: Callable[..., Any], folder: Path) -> None:
        """Its last slice must not be lost without a word."""
        with pytest.raises(
            CorruptError, match=r"a slice of this series is damaged: the file is cut short: 38 of 48"
        ):
            load(folder)

    def test_rest(self, load: Callable[..., Any], folder: Path) -> None:
        image = load(folder, damaged="skip")
        np.testing.assert_array_equal(image.array, VOLUME[:2])
        assert len(image.context.report.skipped) == 1


def test_files_without_a_place_are_not_stacked(load_all: Callable[..., Any], tmp_path: Path) -> None:
    for index in range(3):
        made = dataset(VOLUME[index], ImageOrientationPatient=None, InstanceNumber=index)
        write(made, tmp_path / str(index))
    assert [image.array.shape for image in load_all(tmp_path)] == [(4, 6)] * 3


def test_cine(load: Callable[..., Any], tmp_path: Path) -> None:
    """Frames of one place are time, not depth."""
    made = dataset(
        VOLUME, ImageOrientationPatient=None, FrameTime=40, SOPClassUID="1.2.840.10008.5.1.4.1.1.3.1"
    )
    image = load(write(made, tmp_path / "cine"))
    assert image.spatial.axis_labels == ["temporal", "spatial_y", "spatial_x"]
    assert Additions.of(image.meta).axes[0].values == [0, 40, 80]


def test_dicomdir(load_all: Callable[..., Any], tmp_path: Path) -> None:
    """A DICOMDIR stands for the files that it lists."""
    from pydicom.fileset import FileSet

    study = {"StudyDate": "20200101", "StudyTime": "120000", "StudyID": "1", "AccessionNumber": "1"}
    folder = write_series(tmp_path / "s", VOLUME, AFFINE, PatientID="1", PatientName="A", **study)
    files = FileSet()
    for path in sorted(folder.iterdir()):
        files.add(path)
    files.write(tmp_path / "set")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of pydicom's temporary folder
        del files
        gc.collect()
    (image,) = load_all(tmp_path / "set" / "DICOMDIR")
    np.testing.assert_array_equal(image.array, VOLUME)


def test_nothing_there(load: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "empty.dcm"
    path.write_bytes(b"")
    with pytest.raises(MLArrayError, match="is not DICOM"):
        load(path)
