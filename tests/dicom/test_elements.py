"""An unreadable number is not an absent one: read where it has one meaning, refused by name otherwise."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlarray_core.errors import CorruptError, MLArrayError
from mlarray_dicom.elements import loose_number, number_of, numbers_of, text_of, value_of
from tests.dicom.written import dataset, with_raw, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
PLANES = np.arange(3 * 2 * 3, dtype=np.uint16).reshape(3, 2, 3)


@pytest.mark.parametrize(
    ("keyword", "vr", "content", "numbers"),
    [
        ("RescaleIntercept", "DS", b"-1024,0", (-1024.0,)),
        ("RescaleIntercept", "DS", b" -1024 \0", (-1024.0,)),
        ("PixelSpacing", "UT", b"2.5000\\2.5000 ", (2.5, 2.5)),
        ("PixelSpacing", "UN", b"0,5\\0,75", (0.5, 0.75)),
        ("PixelSpacing", "LO", b"0.5\\0.75", (0.5, 0.75)),
        ("RescaleSlope", "FD", struct.pack("<d", 0.5), (0.5,)),
        ("RescaleSlope", "FL", struct.pack("<f", 0.5), (0.5,)),
        ("DiffusionBValue", "UN", struct.pack("<d", 700), (700.0,)),
        ("DiffusionBValue", "DS", b"700", (700.0,)),
        ("RescaleSlope", "DS", b"  ", None),
        ("RescaleSlope", "DS", b"", None),
    ],
)
def test_numbers(keyword: str, vr: str, content: bytes, numbers: Any) -> None:
    """By the VR that the element has if that is one of numbers or text, else by the keyword's (PS3.6)."""
    made = with_raw(dataset(PLANES[0]), keyword, vr, content)
    assert numbers_of(made, keyword) == numbers


@pytest.mark.parametrize(
    ("vr", "content"),
    [("DS", b"1.2.3"), ("DS", b"one"), ("DS", b"nan"), ("DS", b"1e999"), ("DS", b"1_000"), ("FD", b"12345"),
     ("UN", b"\xff\xfe\x01"), ("DS", b"1,000,5")],
)  # fmt: skip
def test_what_is_no_number(vr: str, content: bytes) -> None:
    made = with_raw(dataset(PLANES[0]), "RescaleSlope", vr, content)
    with pytest.raises(CorruptError, match="RescaleSlope"):
        number_of(made, "RescaleSlope")
    assert loose_number(made, "RescaleSlope") is None


def test_two_where_one_belongs() -> None:
    made = with_raw(dataset(PLANES[0]), "RescaleSlope", "DS", b"1\\2")
    with pytest.raises(CorruptError, match="2 values where one belongs"):
        number_of(made, "RescaleSlope")


def test_absent_values() -> None:
    made = dataset(PLANES[0])
    assert (value_of(made, "RescaleSlope"), text_of(made, "PatientName")) == (None, "")


def volume(folder: Path, keyword: str, content: bytes, *, only: int | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    for z, plane in enumerate(PLANES):
        made = dataset(plane, (0, 0, 2 * z), InstanceNumber=z, RescaleSlope=1, RescaleIntercept=0)
        if only in (None, z):
            with_raw(made, keyword, "DS", content)
        write(made, folder / str(z))
    return folder


@pytest.mark.parametrize(
    ("keyword", "content", "slope", "intercept"),
    [("RescaleIntercept", b"-1024,0", 1, -1024), ("RescaleSlope", b"0,5", 0.5, 0)],
)
def test_decimal_comma(
    load: Callable[..., Any], tmp_path: Path, keyword: str, content: bytes, slope: float, intercept: float
) -> None:
    """As dcm2niix and SimpleITK read it (fo-dicom#1296): the comma can be nothing but a point."""
    image = load(volume(tmp_path / "s", keyword, content))
    np.testing.assert_array_equal(image.array, PLANES.astype(float) * slope + intercept)


def test_comma_in_one_slice(load: Callable[..., Any], tmp_path: Path) -> None:
    image = load(volume(tmp_path / "s", "RescaleSlope", b"0,5", only=1))
    np.testing.assert_array_equal(image.array, PLANES * np.array([1, 0.5, 1])[:, None, None])


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept", "PixelSpacing"])
def test_damaged_number(load: Callable[..., Any], tmp_path: Path, keyword: str) -> None:
    """Refused with the attribute and the file, not dropped."""
    with pytest.raises(CorruptError, match=rf"/1: {keyword}: can't be read as a number"):
        load(volume(tmp_path / "s", keyword, b"1..0\\1", only=1))


def dose(**attributes: Any) -> Any:
    return dataset(
        PLANES, (0, 0, -50), SOPClassUID=DOSE, Modality="RTDOSE", DoseUnits="GY", DoseGridScaling="0.5",
        **attributes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("keyword", "content"), [("DoseGridScaling", b"0,001"), ("DoseGridScaling", b"0.001")]
)
def test_dose(load: Callable[..., Any], tmp_path: Path, keyword: str, content: bytes) -> None:
    made = with_raw(dose(GridFrameOffsetVector=[0, 3, 6]), keyword, "DS", content)
    image = load(write(made, tmp_path / "d"))
    np.testing.assert_allclose(image.array, PLANES * 0.001, rtol=1e-6)


def test_offsets_with_commas(load: Callable[..., Any], tmp_path: Path) -> None:
    made = with_raw(dose(), "GridFrameOffsetVector", "DS", b"0\\2,5\\5")
    image = load(write(made, tmp_path / "d"))
    assert image.spatial.axis_labels[0] == "spatial_z"
    assert image.spatial.spacing[0] == 2.5


@pytest.mark.parametrize(
    ("keyword", "content"), [("DoseGridScaling", b"0.0.1"), ("GridFrameOffsetVector", b"0\\x\\6")]
)
def test_damaged_dose(load: Callable[..., Any], tmp_path: Path, keyword: str, content: bytes) -> None:
    made = with_raw(dose(GridFrameOffsetVector=[0, 3, 6]), keyword, "DS", content)
    with pytest.raises(CorruptError, match=keyword):
        load(write(made, tmp_path / "d"))


def test_thickness_matters_only_for_one_slice(load: Callable[..., Any], tmp_path: Path) -> None:
    """A stack has its positions; one slice has nothing else."""
    folder = volume(tmp_path / "s", "SliceThickness", b"2..5")
    assert load(folder).spatial.spacing[0] == 2
    with pytest.raises(MLArrayError, match="SliceThickness"):
        load(folder / "0")
