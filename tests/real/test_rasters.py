"""Real GRIB, NITF and ERDAS Imagine files of `scripts/real-files`, compared with readers other than GDAL."""

from __future__ import annotations

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import UnsupportedError
from tests.real.readers import fields_by_eccodes
from tests.real.test_microscopes import named, path_of, pytestmark  # noqa: F401 (skips where none are here)

pytest.importorskip("rasterio", reason="rasterio isn't installed")

REFUSED = {
    "reduced_gg": "reduced grid",
    "spherical_harmonics": "spectral coefficients",
    "tp_on_different_grid_resolutions": r"several sizes \(72 x 37, 90 x 46\)",
}
GRIBS = [name for name in named("gdal") if name.endswith((".grib", ".grb", ".grib2"))]
PLANES = {"i_3004g.ntf": ">u1", "U_4002A.NTF": ">u2"}
"""Of one block and one band: the samples end the file (MIL-STD-2500C, 5.4.3)."""


@pytest.mark.parametrize("name", [one for one in GRIBS if not any(stem in one for stem in REFUSED)])
def test_grib(name):
    """Every field a band, in the order of the file."""
    path = path_of(name)
    voxels = mlarray.read(path).to_numpy()
    fields = fields_by_eccodes(path)
    assert len(fields) == (len(voxels) if voxels.ndim > 2 else 1)
    for band, field in zip(voxels if voxels.ndim > 2 else [voxels], fields, strict=True):
        np.testing.assert_allclose(band, field, rtol=1e-6, atol=1e-6 * np.abs(field).max())


@pytest.mark.parametrize(("stem", "match"), REFUSED.items())
def test_grib_that_gdal_would_get_wrong(stem, match):
    with pytest.raises(UnsupportedError, match=match):
        mlarray.read(path_of(f"gdal/{stem}.grib"))


@pytest.mark.parametrize("name", [one for one in named("gdal") if "_jp2.ntf" in one or "/p1_" in one])
def test_nitf_of_jpeg_2000(name):
    """By OpenJPEG as imagecodecs has it, from the code stream on."""
    codecs = pytest.importorskip("imagecodecs", reason="imagecodecs isn't installed")
    path = path_of(name)
    content = path.read_bytes()
    theirs = codecs.jpeg2k_decode(content[content.index(b"\xff\x4f\xff\x51") :])
    theirs = np.moveaxis(theirs, -1, 0) if theirs.ndim > 2 else theirs
    np.testing.assert_array_equal(mlarray.read(path).to_numpy(), theirs)


@pytest.mark.parametrize(("name", "dtype"), PLANES.items())
def test_nitf_as_it_lies_in_the_file(name, dtype):
    path = path_of(f"gdal/{name}")
    voxels = mlarray.read(path).to_numpy()
    size = voxels.size * np.dtype(dtype).itemsize
    theirs = np.frombuffer(path.read_bytes()[-size:], dtype)
    np.testing.assert_array_equal(voxels, theirs.reshape(voxels.shape))


def test_nitf_of_rows():
    """IMODE R: the samples of a row, band after band."""
    path = path_of("gdal/i_3201c.ntf")
    voxels = mlarray.read(path).to_numpy()
    bands, rows, columns = voxels.shape
    theirs = np.frombuffer(path.read_bytes()[-voxels.size :], "u1").reshape(rows, bands, columns)
    np.testing.assert_array_equal(voxels, theirs.transpose(1, 0, 2))


def test_nitf_of_signed_samples():
    """From -8 to 5; GDAL 3.10 has none below 0."""
    with pytest.raises(UnsupportedError, match="signed"):
        mlarray.read(path_of("gdal/p0_03a.ntf"))


def test_nitf_without_an_image():
    with pytest.raises(UnsupportedError, match="holds no raster"):
        mlarray.read(path_of("gdal/i_3060a.ntf"))


def test_erdas_imagine():
    """The histogram that ERDAS Imagine itself wrote into the file, from 0 on."""
    image = mlarray.read(path_of("gdal/dem_azimuth50_pa.img"))
    told = image.meta.source["bands"][0]["STATISTICS_HISTOBINVALUES"].strip("|").split("|")
    counts = np.bincount(image.to_numpy().ravel(), minlength=len(told))
    np.testing.assert_array_equal(counts[1:], [int(count) for count in told[1:]])  # 0 is its missing value
