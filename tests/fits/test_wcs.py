"""What axes are: compared with WCSLIB, as astropy.wcs has it."""

from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions

fits = pytest.importorskip("astropy.io.fits", reason="astropy isn't installed")
wcs = pytest.importorskip("astropy.wcs", reason="astropy isn't installed")
DATA = Path(__file__).parent.parent / "data" / "fits"


def save(path, shape, **cards):
    unit = fits.PrimaryHDU(np.zeros(shape, "i2"))
    unit.header.update({name.replace("__", "-"): value for name, value in cards.items()})
    unit.writeto(path)
    return path


SKY = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": -3.0, "CRPIX1": 4.0, "CRPIX2": 2.0,
}  # fmt: skip


@pytest.mark.parametrize(
    "cards",
    [
        {**SKY, "CDELT1": -0.01, "CDELT2": 0.02},
        {**SKY, "CD1_1": -0.008, "CD1_2": 0.006, "CD2_1": 0.003, "CD2_2": 0.004},
        {**SKY, "CDELT1": -0.01, "CDELT2": 0.02, "PC1_1": 0.8, "PC1_2": -0.6, "PC2_1": 0.6, "PC2_2": 0.8},
        {**SKY, "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "CDELT1": -0.5, "CDELT2": 0.5},
        {**SKY, "CTYPE1": "GLON-CAR", "CTYPE2": "GLAT-CAR", "CDELT1": -0.1, "CDELT2": 0.1},
    ],
)
def test_size_of_a_pixel_on_the_sky(cards, tmp_path):
    path = save(tmp_path / "a.fits", (5, 6), **cards)
    spatial = mlarray.read(path).meta.spatial
    expected = wcs.utils.proj_plane_pixel_scales(wcs.WCS(fits.getheader(path)))
    np.testing.assert_allclose(spatial.spacing, expected[::-1], rtol=1e-12)
    assert spatial.axis_units == ["deg", "deg"]
    assert spatial.origin is None
    assert spatial.coord_system is None


@pytest.mark.filterwarnings("ignore::astropy.io.fits.verify.VerifyWarning")
@pytest.mark.filterwarnings("ignore::astropy.wcs.FITSFixedWarning")
@pytest.mark.parametrize(
    ("name", "unit", "within"),
    [
        ("test0.fits", 2, 1e-9),
        ("test0.fits", 4, 1e-9),
        ("scale.fits", 0, 1e-9),
        # WCSLIB takes the polynomials of the plate, whose scale differs by 0.2 % from that of the keywords
        ("dss.14.29.56-62.41.05.fits.gz", 0, 5e-3),
    ],
)
def test_pictures_of_telescopes(name, unit, within):
    image = mlarray.read(DATA / name, image=str(unit))
    with fits.open(DATA / name) as units:
        expected = wcs.utils.proj_plane_pixel_scales(wcs.WCS(units[unit].header))
    np.testing.assert_allclose(image.spacing, expected[::-1], rtol=within)


def test_cube_of_radio_astronomy(tmp_path):
    cards = {
        **SKY, "CDELT1": -0.01, "CDELT2": 0.01,
        "CTYPE3": "FREQ", "CUNIT3": "GHz", "CRVAL3": 1.42, "CRPIX3": 2.0,
        "CDELT3": 0.001, "CTYPE4": "STOKES", "CRVAL4": 1.0, "CRPIX4": 1.0, "CDELT4": 1.0,
    }  # fmt: skip
    path = save(tmp_path / "a.fits", (4, 3, 5, 6), **cards)
    meta = mlarray.read(path).meta
    assert meta.spatial.axis_labels == ["stokes", "spectral", "spatial_y", "spatial_x"]
    axes = Additions.of(meta).axes
    assert axes[0].values == ["I", "Q", "U", "V"]
    system = wcs.WCS(fits.getheader(path))
    hertz = [system.wcs_pix2world([[0, 0, at, 0]], 0)[0][2] for at in range(3)]
    assert axes[1].unit == "GHz"
    np.testing.assert_allclose(np.array(axes[1].values) * 1e9, hertz, rtol=1e-12)


def test_axes_that_are_not_linear_have_no_positions(tmp_path):
    cards = {"CTYPE3": "FREQ-LOG", "CRVAL3": 1e9, "CRPIX3": 1.0, "CDELT3": 1e6}
    meta = mlarray.read(save(tmp_path / "a.fits", (3, 5, 6), **cards)).meta
    assert meta.spatial.axis_labels[0] == "spectral"
    assert Additions.of(meta).axes == {}


def test_a_longslit_spectrum_is_no_picture(tmp_path):
    cards = {"CTYPE1": "WAVE", "CUNIT1": "Angstrom", "CRVAL1": 4000.0, "CRPIX1": 1.0, "CDELT1": 2.0}
    meta = mlarray.read(save(tmp_path / "a.fits", (3, 5), **cards)).meta
    assert meta.spatial.axis_labels == ["non_spatial", "spectral"]
    assert Additions.of(meta).axes[1].values == [4000.0, 4002.0, 4004.0, 4006.0, 4008.0]
    assert Additions.of(meta).axes[1].unit == "Å"


def test_lengths_and_what_nobody_gave(tmp_path):
    cards = {"CDELT1": 0.5, "CDELT2": 2.0, "CUNIT1": "um", "CUNIT2": "mm"}
    spatial = mlarray.read(save(tmp_path / "a.fits", (5, 6), **cards)).meta.spatial
    assert (spatial.spacing, spatial.axis_units) == ([2.0, 0.5], ["mm", "um"])
    spatial = mlarray.read(save(tmp_path / "b.fits", (5, 6), CDELT1=0.5, CDELT2=2.0)).meta.spatial
    assert spatial.spacing is None
    spatial = mlarray.read(save(tmp_path / "c.fits", (5, 6))).meta.spatial
    assert spatial.spacing is None
