"""Gradient directions of all makers, as dcm2niix gives them: its y axis runs against the columns here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.dicom.written import MR, dataset, write

if TYPE_CHECKING:
    from collections.abc import Callable

GRADIENTS = [(0, None), (1000, (0.6, 0.0, 0.8)), (1000, (0.0, 0.6, 0.8))]
"""b-value and direction of three volumes, as the maker counts it."""
PLAIN = [1.0, 0, 0, 0, 1, 0]


def volumes(folder: Path, describe: Any, gradients: Any = GRADIENTS, **attributes: Any) -> Path:
    """Write three slices for each gradient; `describe` adds what the maker says of it."""
    folder.mkdir(exist_ok=True)
    number = 0
    for b, direction in gradients:
        for z in range(3):
            number += 1
            values = {"InPlanePhaseEncodingDirection": "COL", "ImageOrientationPatient": PLAIN, **attributes}
            normal = np.cross(values["ImageOrientationPatient"][:3], values["ImageOrientationPatient"][3:])
            made = dataset(
                np.full((2, 3), number, np.int16), 2.0 * z * normal, InstanceNumber=number, SOPClassUID=MR,
                Modality="MR", **values,
            )  # fmt: skip
            describe(made, b, direction)
            write(made, folder / f"{number:03d}")
    return folder


def ge(*, standard: bool) -> Any:
    """GE: (0043,1039) and (0019,10BB) to (0019,10BD), since DV28 with the standard's b-value."""

    def describe(made: Any, b: float, direction: Any) -> None:
        made.Manufacturer = "GE MEDICAL SYSTEMS"
        if standard and b:
            made.DiffusionBValue = float(b)
        block = made.private_block(0x0019, "GEMS_ACQU_01", create=True)
        for element, part in zip((0xBB, 0xBC, 0xBD), direction or (0, 0, 0), strict=True):
            block.add_new(element, "DS", str(part))
        made.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [int(b), 8, 0, 0])

    return describe


def canon(made: Any, b: float, direction: Any) -> None:
    """Canon V6.0: the standard's b-value, and the direction in Image Comments."""
    made.Manufacturer, made.DiffusionBValue = "CANON_MEC", float(b)
    if b:
        made.ImageComments = "b={}({:.3f},{:.3f},{:.3f})".format(b, *direction)


def toshiba(made: Any, b: float, direction: Any) -> None:
    """Toshiba: nothing for b = 0, else the standard's attributes, in the patient."""
    made.Manufacturer = "TOSHIBA"
    if b:
        made.DiffusionBValue, made.DiffusionGradientOrientation = float(b), list(direction)


def directions(image: Any) -> np.ndarray:
    """Return the directions along row, column and normal of the image, of the weighted volumes."""
    bids = image.additions.bids
    return (np.array(bids["bvec"]).T * [-1, 1, 1])[np.array(bids["bval"]) > 0]  # BIDS inverts the first


DCM2NIIX = {
    "ge": [(-0.6, 0, 0.8), (0, 0.6, 0.8)],
    "canon": [(0, 0.6, 0.8), (-0.6, 0, 0.8)],
    "toshiba": [(0.6, 0, 0.8), (0, -0.6, 0.8)],
}
"""Columns of the .bvec that dcm2niix 1.0.20260724 writes for these headers: x, y upwards, z."""


@pytest.mark.parametrize(
    ("maker", "describe"),
    [("ge", ge(standard=True)), ("ge", ge(standard=False)), ("canon", canon), ("toshiba", toshiba)],
)
def test_makers(load: Callable[..., Any], tmp_path: Path, maker: str, describe: Any) -> None:
    image = load(volumes(tmp_path / "s", describe))
    assert image.additions.bids["bval"] == [0, 1000, 1000]
    wanted = np.array(DCM2NIIX[maker]) * [1, -1, 1]  # dcm2niix turns the rows around
    np.testing.assert_allclose(directions(image), wanted, atol=1e-6)


def test_phase_encoding_along_rows(load: Callable[..., Any], tmp_path: Path) -> None:
    """MRtrix3, Frame::get_DW_scheme: x and y change places, and x its sign; the sign of the whole is free."""
    describe = ge(standard=False)
    image = load(volumes(tmp_path / "s", describe, InPlanePhaseEncodingDirection="ROW"))
    mrtrix = np.array([(0.0, -0.6, -0.8), (0.6, 0.0, -0.8)])
    np.testing.assert_allclose(directions(image), -mrtrix, atol=1e-6)


def test_oblique(load: Callable[..., Any], tmp_path: Path) -> None:
    """Directions along the image turn into the patient and back: they don't depend on how it lies."""
    a = np.radians(25)
    tilted = [1.0, 0, 0, 0, float(np.cos(a)), float(np.sin(a))]
    image = load(volumes(tmp_path / "s", ge(standard=True), ImageOrientationPatient=tilted))
    np.testing.assert_allclose(directions(image), np.array(DCM2NIIX["ge"]) * [1, -1, 1], atol=1e-6)


def test_scaled_gradients(load: Callable[..., Any], tmp_path: Path) -> None:
    """A gradient of GE that is shorter than 1 means a smaller b-value (dcm2niix, issues 163 and 245)."""
    half = 0.70710678
    shells = [(0, None), (2000, (1.0, 0, 0)), (2000, (half, 0, 0))]
    image = load(volumes(tmp_path / "s", ge(standard=False), shells))
    assert image.additions.bids["bval"] == [0, 2000, 1000]
    np.testing.assert_allclose(np.abs(directions(image)[:, 0]), [1, 1], atol=1e-6)


def test_a_trace_has_no_direction(load: Callable[..., Any], tmp_path: Path) -> None:
    """Zeros for b > 0 would be a lie: no directions at all, and a note."""
    gradients = [(0, None), (1000, (0.6, 0.0, 0.8)), (1000, (0.0, 0.0, 0.0))]
    image = load(volumes(tmp_path / "s", toshiba, gradients))
    assert image.additions.bids["bval"] == [0, 1000, 1000]
    assert "bvec" not in image.additions.bids
    assert "1 of 3 diffusion volumes say no direction: bvec is left out" in image.notes


def test_b_zero_has_no_direction(load: Callable[..., Any], tmp_path: Path) -> None:
    """Philips gives one to b = 0 too."""

    def philips(made: Any, b: float, direction: Any) -> None:
        made.Manufacturer, made.DiffusionBValue = "Philips", float(b)
        made.DiffusionGradientOrientation = list(direction or (0.0, 0.0, 1.0))

    image = load(volumes(tmp_path / "s", philips))
    assert [row[0] for row in image.additions.bids["bvec"]] == [0, 0, 0]


@pytest.mark.parametrize("private", [True, False])
def test_siemens(load: Callable[..., Any], tmp_path: Path, private: bool) -> None:
    """(0019,100C) and (0019,100E), or the CSA header alone: of nibabel's wheel, and as nibabel reads them."""
    csareader = pytest.importorskip("nibabel.nicom.csareader")
    data = Path(csareader.__file__).parent / "tests" / "data"
    headers = {0: (data / "csa2_b0.bin").read_bytes(), 1000: (data / "csa2_b1000.bin").read_bytes()}
    told = csareader.read(headers[1000])["tags"]["DiffusionGradientDirection"]["items"]

    def siemens(made: Any, b: float, direction: Any) -> None:
        made.Manufacturer = "SIEMENS"
        if private:
            block = made.private_block(0x0019, "SIEMENS MR HEADER", create=True)
            block.add_new(0x0C, "IS", int(b))
            if b:
                block.add_new(0x0E, "FD", told)
        else:
            made.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", headers[b])

    image = load(volumes(tmp_path / "s", siemens, [(0, None), (1000, told)]))
    assert image.additions.bids["bval"] == [0, 1000]
    np.testing.assert_allclose(directions(image), [told], atol=1e-7)


def test_without_phase_encoding(load: Callable[..., Any], tmp_path: Path) -> None:
    """Nothing says how GE's gradients lie in the image: none are guessed."""
    image = load(volumes(tmp_path / "s", ge(standard=True), InPlanePhaseEncodingDirection=None))
    assert "bvec" not in image.additions.bids
