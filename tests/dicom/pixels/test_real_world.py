"""Real world value mappings are applied where they are all the meaning there is, and said everywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.dicom.written import dataset, enhanced, item, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAP = "1.2.840.10008.5.1.4.1.1.30"


def mapping(slope: float, intercept: float, unit: str = "mm2/s") -> Any:
    made = item(
        RealWorldValueSlope=slope, RealWorldValueIntercept=intercept, LUTLabel="ADC",
        MeasurementUnitsCodeSequence=[item(CodeValue=unit, CodingSchemeDesignator="UCUM", CodeMeaning=unit)],
    )  # fmt: skip
    made.add_new(0x00409211, "US", 65535)
    made.add_new(0x00409216, "US", 0)
    return made


def parametric(**attributes: Any) -> Any:
    made = enhanced([(0, 0), (1, 0)], SOPClassUID=MAP, **attributes)
    made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = [mapping(0.001, -1.0)]
    return made


def test_parametric_map(load: Callable[..., Any], tmp_path: Path) -> None:
    """PS3.3, A.75: the mapping is mandatory, nothing else has a meaning; highdicom applies it too."""
    image = load(write(parametric(), tmp_path / "p"))
    np.testing.assert_allclose(image.array[:, 0, 0], [-1.0, -0.999], rtol=1e-6)
    assert (image.additions.rescale.slope, image.additions.rescale.applied) == (0.001, True)
    assert any("real world values (ADC in mm2/s)" in note for note in image.notes)


def test_stored_values(load: Callable[..., Any], tmp_path: Path) -> None:
    image = load(write(parametric(), tmp_path / "p"), raw=True)
    assert image.array[:, 0, 0].tolist() == [0, 1]
    assert image.additions.rescale.applied is False
    assert any("they are not applied" in note for note in image.notes)


def test_other_images(load: Callable[..., Any], tmp_path: Path) -> None:
    """Beside a modality transformation the mapping is a second meaning: it is said, not applied."""
    made = dataset(np.ones((2, 3), np.uint16), (0, 0, 0), RescaleSlope=2, RescaleIntercept=0)
    made.RealWorldValueMappingSequence = [mapping(0.5, 0.0)]
    image = load(write(made, tmp_path / "m"))
    assert image.array.max() == 2
    assert any("stored values times 0.5 plus 0: they are not applied" in note for note in image.notes)


def test_several_mappings(load: Callable[..., Any], tmp_path: Path) -> None:
    made = parametric()
    made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = [
        mapping(1.0, 0.0),
        mapping(2.0, 0.0),
    ]
    image = load(write(made, tmp_path / "p"))
    assert image.array[:, 0, 0].tolist() == [0, 1]
    assert any("tables or differ" in note for note in image.notes)


@pytest.mark.parametrize("sign", [1, -1])
def test_bits_that_vary(load: Callable[..., Any], tmp_path: Path, sign: int) -> None:
    """Uniformity is asked for within an instance only (C.7.6.3; vtk-dicom#211): one volume, one type."""
    for z in range(4):
        narrow = bool(z % 2)
        value, dtype = (sign * z, np.int16) if narrow else (40000 + z, np.uint16)
        made = dataset(np.full((2, 3), value, dtype), (0, 0, 2 * z), InstanceNumber=z)
        if narrow:
            made.BitsStored, made.HighBit = 12, 11
        write(made, tmp_path / str(z))
    image = load(tmp_path)
    assert image.array.dtype == np.int32
    assert image.array[:, 0, 0].tolist() == [40000, sign, 40002, 3 * sign]


def test_stored_bits_that_vary(load: Callable[..., Any], tmp_path: Path) -> None:
    """Eight and ten of sixteen bits: each file by its own, as dcm2niix and SimpleITK read them."""
    for z, bits in enumerate((8, 10, 8, 16)):
        made = dataset(
            np.full((2, 3), 0x7C00 | z, np.uint16), (0, 0, 2 * z), BitsStored=bits, HighBit=bits - 1
        )
        write(made, tmp_path / str(z))
    image = load(tmp_path)
    assert image.array.dtype == np.uint16
    assert image.array[:, 0, 0].tolist() == [0, 1, 2, 0x7C03]


def test_a_slope_of_zero(load: Callable[..., Any], tmp_path: Path) -> None:
    made = dataset(np.ones((2, 3), np.uint16), (0, 0, 0), RescaleSlope=0, RescaleIntercept=-5)
    image = load(write(made, tmp_path / "m"))
    assert image.array.max() == 1
    assert any("Rescale Slope of 0 is none" in note for note in image.notes)


def test_rescaling_outside_of_the_functional_groups(load: Callable[..., Any], tmp_path: Path) -> None:
    """Reported as lamyj/dicomifier#20: an enhanced object has no rescaling at its top level."""
    made = enhanced([(0, 0), (1, 0)], RescaleSlope=2, RescaleIntercept=-5)
    image = load(write(made, tmp_path / "e"))
    assert image.array[:, 0, 0].tolist() == [0, 1]
    assert any("outside of the functional groups" in note for note in image.notes)
