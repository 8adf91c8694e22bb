"""Real pictures, rasters and volumes of `scripts/real-files`, compared with independent readers."""

from __future__ import annotations

import gzip
import shutil

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import UnsupportedError
from tests.real.readers import exr_by_ffmpeg, volume_by_bvbabel
from tests.real.test_microscopes import named, path_of, pytestmark  # noqa: F401 (skips where none are here)


@pytest.mark.parametrize("name", [one for one in named("envi") if not one.endswith(".hdr")])
def test_envi(name):
    """By GDAL; lines, bands, samples."""
    rasterio = pytest.importorskip("rasterio")
    path = path_of(name)
    path_of(f"{name.removesuffix('.raw')}.hdr")
    with pytest.warns(), rasterio.open(path) as file:
        theirs = file.read().transpose(1, 0, 2)
    np.testing.assert_array_equal(mlarray.read(path).to_numpy(), theirs)


@pytest.mark.parametrize("name", [one for one in named("esri") if one.endswith(".zip")])
def test_esri(name, tmp_path):
    """By GDAL; rain and vapour as R cut them out of maps of PRISM, with more behind the header."""
    rasterio = pytest.importorskip("rasterio")
    shutil.unpack_archive(path_of(name), tmp_path)
    (path,) = tmp_path.glob("*.bil")
    image = mlarray.read(path)
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(image.to_numpy(), file.read(1))
        width, _, left, _, height, top = tuple(file.transform)[:6]
        assert file.crs.to_epsg() is None  # of NAD 83, by OGC's name
        assert float(image.meta.source["NODATA"]) == pytest.approx(file.nodata)
    expected = [[0, width, left + width / 2], [height, 0, top + height / 2], [0, 0, 1]]
    np.testing.assert_allclose(image.affine, expected, rtol=1e-9, atol=1e-9)
    assert image.meta.spatial.axis_units == ["degree", "degree"]
    assert image.meta.source["prj"].startswith('GEOGCS["GCS_North_American_1983"')


def test_an_esri_header_that_contradicts_itself():
    """1600 pixels of 16 bits in rows of 1020 bytes."""
    path_of("esri/darkReference_arcgis")
    with pytest.raises(UnsupportedError, match="BANDROWBYTES"):
        mlarray.read(path_of("esri/darkReference_arcgis.hdr"))


@pytest.mark.parametrize("name", named("brainvoyager"))
def test_brainvoyager(name, tmp_path):
    packed = path_of(name)
    path = tmp_path / packed.stem
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    theirs = volume_by_bvbabel(path)
    if path.suffix == ".vmp":  # it takes lags and correlations apart
        theirs = theirs.sum(axis=-1)[None]
    np.testing.assert_array_equal(mlarray.read(path).to_numpy(), theirs)


@pytest.mark.parametrize("name", named("exr"))
def test_openexr(name):
    path = path_of(name)
    np.testing.assert_array_equal(mlarray.read(path).to_numpy(), exr_by_ffmpeg(path))


def test_an_animated_jpeg_xl():
    """The frames of the conformance suite, by Pillow: to the rounding of a decoder."""
    image = mlarray.read(path_of("jpegxl/animation_spline.jxl")).to_numpy()
    theirs = mlarray.read(path_of("jpegxl/animation_spline.apng")).to_numpy()
    assert np.abs(image.astype(int) - theirs).max() <= 1


def test_jpeg_xl_splines():
    image = mlarray.read(path_of("jpegxl/splines.jxl")).to_numpy()
    theirs = mlarray.read(path_of("jpegxl/splines.png")).to_numpy()
    assert np.abs(image.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("name", ["small.svs", "boxes.tiff"])
def test_slides(name):
    """By OpenSlide, whose Python package's tests they are from: to the rounding of a JPEG decoder."""
    openslide = pytest.importorskip("openslide", reason="openslide isn't installed")
    path = path_of(f"tiff/{name}")
    with openslide.OpenSlide(path) as slide:
        theirs = np.asarray(slide.read_region((0, 0), 0, slide.dimensions).convert("RGB"))
        sizes = [float(slide.properties[f"openslide.mpp-{axis}"]) for axis in "yx"]
    image = mlarray.read(path)
    assert np.abs(image.to_numpy().astype(int) - theirs).max() <= 1
    if name == "small.svs":  # the other's resolution is of a printer
        assert list(image.spacing)[:2] == pytest.approx(sizes)
