"""Images as DICOM: what is written comes back, and what can't be held is said or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest

from mlarray_core import Additions, AxisValues, Rescale
from mlarray_core.errors import NotFoundError, OptionError, UnsupportedError
from mlarray_dicom import DicomFormat
from mlarray_io.testing.specimens import opened
from tests.dicom.write.objects import (
    SPACE,
    Held,
    assert_frames,
    assert_world,
    files,
    frames,
    image,
    oblique,
    read,
    written,
)
from tests.dicom.written import with_raw, write_series

if TYPE_CHECKING:
    from pathlib import Path

NOISE = np.random.default_rng(5)
VOLUME = NOISE.integers(-1000, 3000, (5, 36, 34)).astype(np.int16)
FOUR = NOISE.integers(0, 4000, (3, 4, 33, 34)).astype(np.uint16)
RGB = NOISE.integers(0, 256, (4, 33, 34, 3)).astype(np.uint8)
TIME = ["temporal", *SPACE]


def with_axis(voxels: np.ndarray, label: str, values: list[Any], unit: str = "") -> Held:
    made = image(voxels, [label, *SPACE], extra={"modality": "MR"})
    Additions(axes={0: AxisValues(label, unit, values)}, unknown={}).store(made.meta)
    return made


@pytest.mark.parametrize("modality", ["CT", "MR", "PT", "OT"])
@pytest.mark.parametrize("suffix", [".dcm", ".dcms"])
def test_volumes_lie_where_they_were(tmp_path: Path, modality: str, suffix: str) -> None:
    """Oblique volumes of each class: by the frames themselves, and read again."""
    target = tmp_path / f"out{suffix}"
    written(image(VOLUME), target, modality=modality)
    if not (suffix == ".dcm" and modality in ("PT", "OT")):  # parametric maps: their values are mapped
        assert_frames(frames(target), VOLUME[None], oblique())
    voxels, meta = read(target)
    np.testing.assert_array_equal(voxels, VOLUME)
    assert voxels.dtype == VOLUME.dtype
    np.testing.assert_allclose(meta.spatial.direction, image(VOLUME).meta.spatial.direction, atol=1e-9)
    headers = [pydicom.dcmread(file, stop_before_pixels=True) for file in files(target)]
    assert {header.Modality for header in headers} == {modality}
    assert {header.ImageType[0] for header in headers} == {"DERIVED"}
    assert len({header.SOPInstanceUID for header in headers}) == len(headers)
    assert len({header.SeriesInstanceUID for header in headers}) == 1


@pytest.mark.parametrize("suffix", [".dcm", ".dcms"])
def test_times_come_back(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    written(with_axis(FOUR, "temporal", [0.0, 1500.0, 4000.0], "ms"), target)
    assert_frames(frames(target), FOUR, oblique())
    voxels, meta = read(target)
    np.testing.assert_array_equal(voxels, FOUR)
    assert meta.spatial.axis_labels == TIME
    if suffix == ".dcm":
        assert (Additions.of(meta).axes[0].unit, Additions.of(meta).axes[0].values) == ("s", [0, 1.5, 4])


@pytest.mark.parametrize("suffix", [".dcm", ".dcms"])
def test_diffusion_comes_back(tmp_path: Path, suffix: str) -> None:
    """Gradients are turned into the patient's frame and out of it again."""
    made = with_axis(FOUR, "b_value", [0.0, 800.0, 1000.0])
    additions = Additions.of(made.meta)
    additions.bids = {"bvec": [[0.0, 0.6, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 1.0]]}
    additions.store(made.meta)
    target = tmp_path / f"out{suffix}"
    written(made, target)
    voxels, meta = read(target)
    np.testing.assert_array_equal(voxels, FOUR)
    found = Additions.of(meta).bids
    assert found["bval"] == [0, 800, 1000]
    np.testing.assert_allclose(found["bvec"], additions.bids["bvec"], atol=1e-6)


@pytest.mark.parametrize("compression", ["none", "rle", "jpegls", "jpeg2000"])
@pytest.mark.parametrize("suffix", [".dcm", ".dcms"])
def test_colours_and_compression(tmp_path: Path, suffix: str, compression: str) -> None:
    """All compressions are lossless, also of signed values and of colours; pydicom decodes them itself."""
    for name, voxels, labels in (("ct", VOLUME, SPACE), ("rgb", RGB, [*SPACE, "components"])):
        target = tmp_path / f"{name}{suffix}"
        written(
            image(voxels, labels), target, modality="CT" if name == "ct" else "OT", compression=compression
        )
        np.testing.assert_array_equal(read(target)[0], voxels)
        assert_frames(frames(target), voxels[None], oblique())


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "uint16", "int32", "uint32", "float16", "float32", "float64"]
)
def test_types(tmp_path: Path, dtype: str) -> None:
    """Values come back as they are, whatever holds them: in one file no number is rounded."""
    voxels = np.arange(4 * 5 * 6).reshape(4, 5, 6).astype(dtype)
    for modality in ("CT", "OT"):
        target = tmp_path / f"{modality}.dcm"
        written(image(voxels), target, modality=modality)
        np.testing.assert_array_equal(read(target)[0], voxels)


def test_wide_integers(tmp_path: Path) -> None:
    """What 16 bits can't span becomes real numbers, which hold it exactly; 64 bits are refused."""
    voxels = np.array([-(2**31), 2**31 - 1, 5, 0]).astype(np.int32).reshape(1, 2, 2)
    context = written(image(voxels), tmp_path / "wide.dcm")
    np.testing.assert_array_equal(read(tmp_path / "wide.dcm")[0], voxels)
    assert any("float64" in str(loss) for loss in context.report.losses)
    with pytest.raises(UnsupportedError, match="int64"):
        written(image(voxels.astype(np.int64) * 2**20), tmp_path / "long.dcm")
    with pytest.raises(UnsupportedError, match="complex64"):
        written(image(voxels.astype(np.complex64)), tmp_path / "complex.dcms")


def test_slices_of_real_numbers_are_rounded(tmp_path: Path) -> None:
    """The loss says by how much, which is true."""
    voxels = NOISE.normal(size=(3, 8, 9)).astype(np.float32)
    context = written(image(voxels), tmp_path / "pet.dcms", modality="PT")
    (loss,) = [loss for loss in context.report.losses if "rounded" in loss.why]
    most = float(loss.what.split()[2])
    found = read(tmp_path / "pet.dcms")[0]
    assert 0 < np.abs(found - voxels).max() <= most * 1.01
    voxels[0, 0, 0] = np.nan
    with pytest.raises(UnsupportedError, match="finite"):
        written(image(voxels), tmp_path / "nan.dcms", modality="PT")


def test_rescaled_integers_are_stored_as_they_were(tmp_path: Path) -> None:
    stored = NOISE.integers(0, 4096, (3, 8, 9)).astype(np.uint16)
    made = image(stored.astype(np.float32) * 0.5 - 3)
    Additions(rescale=Rescale(0.5, -3.0, "uint16")).store(made.meta)
    for suffix in (".dcm", ".dcms"):
        written(made, tmp_path / f"out{suffix}", modality="MR")
        header = pydicom.dcmread(files(tmp_path / f"out{suffix}")[0])
        assert header.pixel_array.ravel()[0] == stored.ravel()[0]
        np.testing.assert_array_equal(read(tmp_path / f"out{suffix}")[0], made.voxels)


def test_a_plane_without_a_place(tmp_path: Path) -> None:
    """A plane keeps its spacing, and gets no place."""
    from mlarray_core import Meta, geometry

    pixels = np.arange(30, dtype=np.uint8).reshape(5, 6)
    spatial = geometry.spatial_meta(None, axis_labels=SPACE[1:], spacing=[0.3, 0.4], axis_units=["mm", "mm"])
    written(Held(pixels, Meta(spatial=spatial)), tmp_path / "plane.dcm")
    voxels, meta = read(tmp_path / "plane.dcm")
    np.testing.assert_array_equal(voxels, pixels)
    assert meta.spatial.spacing == [0.3, 0.4]
    assert "ImagePositionPatient" not in pydicom.dcmread(tmp_path / "plane.dcm")


def test_a_volume_without_a_place(tmp_path: Path) -> None:
    """It is put somewhere, which is a loss, but not turned; planes without a place are no volume any more."""
    from mlarray_core import Meta, geometry

    pixels = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    spatial = geometry.spatial_meta(None, axis_labels=SPACE, spacing=[3, 2, 1])
    for suffix in (".dcm", ".dcms"):
        context = written(Held(pixels, Meta(spatial=spatial)), tmp_path / f"out{suffix}")
        assert any("nothing is known" in loss.what for loss in context.report.losses)
        voxels, meta = read(tmp_path / f"out{suffix}")
        np.testing.assert_array_equal(voxels, pixels)
        assert meta.spatial.spacing == [3, 2, 1]
    pages = Held(pixels, Meta(spatial=geometry.spatial_meta(None, axis_labels=["temporal", *SPACE[1:]])))
    context = written(pages, tmp_path / "pages.dcms")
    assert any("one image" in loss.what for loss in context.report.losses)
    written(pages, tmp_path / "pages.dcm")
    np.testing.assert_array_equal(read(tmp_path / "pages.dcm")[0], pixels)


def test_worlds_and_units(tmp_path: Path) -> None:
    """RAS is turned to LPS, micrometres to millimetres; an unset world is said."""
    ras = np.diag([-1.0, -1, 1, 1]) @ oblique()
    micro = oblique()
    micro[:3] *= 1000
    written(image(VOLUME, affine=ras, world="RAS"), tmp_path / "ras.dcm", modality="CT")
    written(image(VOLUME, affine=micro, units=["um"] * 3), tmp_path / "micro.dcm", modality="CT")
    for name in ("ras", "micro"):
        assert_frames(frames(tmp_path / f"{name}.dcm"), VOLUME[None], oblique())
    context = written(image(VOLUME, world=None), tmp_path / "unset.dcm")  # type: ignore[arg-type]
    assert any("world is unset" in loss.what for loss in context.report.losses)


def test_slices_against_the_normal(tmp_path: Path) -> None:
    """They are listed the other way around, which is said, and lie where they were."""
    turned = oblique() @ np.diag([-1.0, 1, 1, 1])
    context = written(image(VOLUME, affine=turned), tmp_path / "out.dcms", modality="CT")
    assert any("normal" in note for note in context.report.warnings)
    voxels, meta = read(tmp_path / "out.dcms")
    np.testing.assert_array_equal(voxels, VOLUME[::-1])
    from mlarray_core import geometry

    assert_world((voxels, geometry.affine_of(meta.spatial)), VOLUME, turned)


def test_sheared_images_are_refused(tmp_path: Path) -> None:
    sheared = oblique()
    sheared[:3, 0] += 0.2 * sheared[:3, 1]
    for suffix in (".dcm", ".dcms"):
        with pytest.raises(UnsupportedError, match="right angles") as caught:
            written(image(VOLUME, affine=sheared), tmp_path / f"out{suffix}", modality="CT")
        assert ".nii" in str(caught.value.hint)
    assert not list(tmp_path.iterdir())


def test_study_of_the_source_or_a_template(tmp_path: Path) -> None:
    """Patient, study and frame of reference are kept; series and objects are new, and refer to the source."""
    study = {
        "PatientName": "Müller^Änne", "PatientID": "77", "StudyDate": "20200101", "StudyID": "5",
        "FrameOfReferenceUID": "1.2.3.9", "SpecificCharacterSet": "ISO_IR 100", "KVP": "120",
        "Manufacturer": "Acme", "SeriesDescription": "thin",
    }  # fmt: skip
    folder = write_series(tmp_path / "source", VOLUME, oblique(), RescaleIntercept=0, RescaleSlope=1, **study)
    own = opened(DicomFormat(), folder)
    for number, (reader, options) in enumerate(((own, {}), (image(VOLUME), {"template": str(folder)}))):
        context = written(reader, tmp_path / f"{number}.dcms", **options)
        headers = [pydicom.dcmread(file) for file in files(tmp_path / f"{number}.dcms")]
        header = headers[0]
        assert (str(header.PatientName), header.PatientID, header.StudyInstanceUID) == (
            study["PatientName"],
            "77",
            "1.2.3",
        )
        assert header.FrameOfReferenceUID == "1.2.3.9"
        assert (header.SeriesInstanceUID, header.KVP) != ("1.2.3.4", None)
        assert header.Manufacturer == "mlarray"
        assert header.SeriesDescription == "thin (derived)"
        sources = {pydicom.dcmread(file).SOPInstanceUID: pydicom.dcmread(file) for file in files(folder)}
        for one in headers:
            source = sources[one.SourceImageSequence[0].ReferencedSOPInstanceUID]
            np.testing.assert_allclose(source.ImagePositionPatient, one.ImagePositionPatient, atol=1e-6)
        if number == 0:
            assert any("acquired" in loss.what for loss in context.report.losses)


def test_what_is_taken_over_keeps_its_vr(tmp_path: Path) -> None:
    """Dates and times of ACR-NEMA and short ages are spelt anew, what is none is left out."""
    odd = {"StudyDate": ("DA", b"1997.04.24"), "StudyTime": ("TM", b"14:04:38"), "PatientAge": ("AS", b"5Y"),
           "PatientBirthDate": ("DA", b"unknown ")}  # fmt: skip
    folder = write_series(
        tmp_path / "in", VOLUME, oblique(), PatientSpeciesDescription="Mouse", ScanningSequence="GR",
        InversionTime="0",
    )  # fmt: skip
    for path in folder.iterdir():
        made = pydicom.dcmread(path)
        for keyword, (vr, value) in odd.items():
            with_raw(made, keyword, vr, value)
        made.save_as(path)
    for suffix in (".dcm", ".dcms"):
        written(image(VOLUME), tmp_path / f"out{suffix}", modality="MR", template=str(folder))
        header = pydicom.dcmread(files(tmp_path / f"out{suffix}")[0])
        assert (header.StudyDate, header.StudyTime, header.PatientAge) == ("19970424", "140438", "005Y")
        assert header.PatientBirthDate == ""
        assert (header.PatientSpeciesDescription, header.PatientBreedDescription) == ("Mouse", "")
        assert "InversionTime" not in header  # it must not be there without inversion (C.8.3.1)


def test_nobody_is_recognised(tmp_path: Path) -> None:
    """What was anonymised stays so: the header is the image's, and a template would bring a patient back."""
    import mlarray

    folder = write_series(tmp_path / "ct", VOLUME, oblique(), PatientName="Doe^Jane", PatientID="77")
    mlarray.convert(folder, tmp_path / "ct.mla")
    mlarray.convert(tmp_path / "ct.mla", tmp_path / "out.dcm", anonymize=True)
    header = pydicom.dcmread(tmp_path / "out.dcm")
    assert header.PatientIdentityRemoved == "YES"
    content = (tmp_path / "out.dcm").read_bytes()
    assert not any(word in content for word in (b"Doe", b"Jane", b"1.2.3.4\0"))
    with pytest.raises(OptionError, match="brings its patient"):
        mlarray.convert(
            tmp_path / "ct.mla", tmp_path / "b.dcm", anonymize=True, options={"template": str(folder)}
        )


def test_bad_requests(tmp_path: Path) -> None:
    """Each is refused with what to do, and nothing is left."""
    with pytest.raises(NotFoundError, match="no such template"):
        written(image(VOLUME), tmp_path / "a.dcm", template=str(tmp_path / "missing"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match="no DICOM image"):
        written(image(VOLUME), tmp_path / "a.dcm", template=str(tmp_path / "empty"))
    with pytest.raises(OptionError, match="one file"):
        written(image(VOLUME), tmp_path / "a.dcms", kind="map")
    with pytest.raises(OptionError, match="compressed"):
        written(image(VOLUME.astype(np.float32)), tmp_path / "a.dcm", compression="rle")
    with pytest.raises(UnsupportedError, match="3 components"):
        written(image(np.zeros((2, 3, 4, 4), np.uint8), [*SPACE, "components"]), tmp_path / "a.dcm")
    with pytest.raises(UnsupportedError, match="uint8"):
        written(image(RGB.astype(np.uint16), [*SPACE, "components"]), tmp_path / "a.dcm")
    with pytest.raises(UnsupportedError, match="axes"):
        written(image(np.zeros((2, 2, 2, 3, 4), np.uint8), ["channel", *TIME]), tmp_path / "a.dcm")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
