"""What comes back from TIFF over `.mla` to TIFF, and what is told when it doesn't."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

import mlarray
from mlarray_core import Additions

from .pages import write_pages

GREY = np.arange(600, dtype="u2").reshape(20, 30)


def there_and_back(tmp_path, **options):
    """Return the losses on the way back."""
    mlarray.convert(tmp_path / "a.tif", tmp_path / "a.mla")
    return [
        loss.what for loss in mlarray.convert(tmp_path / "a.mla", tmp_path / "b.tif", options=options).losses
    ]


@pytest.mark.parametrize("nodata", ["0", "-9999", "nan"])
def test_nodata_of_gdal_comes_back(tmp_path, nodata):
    """GDAL_NODATA (42113) is text; rasterio 1.4.4 reads it from ours."""
    geo = [(33550, 12, 3, (1.0, 1.0, 0.0), True), (33922, 12, 6, (0.0,) * 6, True)]
    extra = [(42113, 2, len(nodata) + 1, nodata, True), *geo]
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype("f4"), metadata=None, extratags=extra)
    there_and_back(tmp_path)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages[0].tags.valueof(42113).strip("\0") == nodata
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(tmp_path / "b.tif") as file:
        np.testing.assert_equal(file.nodata, float(nodata))


def test_ground_control_points_come_back(tmp_path):
    points = tuple(float(value) for value in range(24))
    tifffile.imwrite(tmp_path / "a.tif", GREY, metadata=None, extratags=[(33922, 12, 24, points, True)])
    assert there_and_back(tmp_path) == []
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages[0].tags.valueof(33922) == points


@pytest.mark.parametrize(
    ("photometric", "losses"), [(8, []), (9, []), (6, ["that samples are YCbCr"]), (2, [])]
)
def test_colours_come_back_or_are_told(tmp_path, photometric, losses):
    """TIFF 6.0, "PhotometricInterpretation"; 9 is ICCLab (TIFF Technical Note 4 of Photoshop)."""
    colours = np.random.default_rng(0).integers(0, 255, (20, 30, 3), "u1")
    page = (20, 30, [colours.tobytes()], None, None)
    whole = ((530, 3, [1, 1]),)  # YCbCrSubSampling: none
    write_pages(tmp_path / "a.tif", [page], bits=8, photometric=photometric, samples=3, extra=whole)
    assert there_and_back(tmp_path) == losses
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert int(file.pages[0].photometric) == (1 if losses else photometric)
    np.testing.assert_array_equal(mlarray.read(tmp_path / "b.tif").to_numpy(), colours)


@pytest.mark.parametrize("photometric", [5, 6, 8])
def test_colours_that_are_no_rgb_become_no_png(tmp_path, photometric):
    samples = 4 if photometric == 5 else 3
    page = (20, 30, [bytes(20 * 30 * samples)], None, None)
    write_pages(tmp_path / "a.tif", [page], bits=8, photometric=photometric, samples=samples)
    with pytest.raises(Exception, match="CMYK, Lab or YCbCr"):
        mlarray.convert(tmp_path / "a.tif", tmp_path / "a.png")


def test_calibration_of_imagej_is_kept_and_told(tmp_path):
    """Signed 16-bit pictures of ImageJ: stored + c0, with c0 -32768 (ij.measure.Calibration)."""
    text = "ImageJ=1.53t\nmin=-300.0\nmax=300.0\nc0=-32768.0\nc1=1.0\nvunit=Gray Value\n"
    raw = (GREY + 32468).astype("u2")
    write_pages(tmp_path / "a.tif", [(20, 30, [raw.tobytes()], None, None)], text)
    image = mlarray.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.to_numpy(), raw)
    rescale = Additions.of(image.meta).rescale
    assert (rescale.slope, rescale.intercept, rescale.applied) == (1.0, -32768.0, False)
    assert any("rescale" in loss for loss in there_and_back(tmp_path))
    (tmp_path / "b.tif").unlink()
    assert not any("rescale" in loss for loss in there_and_back_imagej(tmp_path))
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        info = file.imagej_metadata
    assert (info["c0"], info["c1"], info["vunit"]) == (-32768.0, 1.0, "Gray Value")


def there_and_back_imagej(tmp_path):
    done = mlarray.convert(tmp_path / "a.mla", tmp_path / "b.tif", options={"flavour": "imagej"})
    return [loss.what for loss in done.losses]


def test_an_upright_image_loses_no_direction(tmp_path):
    """TIFF's X, Y and Z lead along x, y and z: the direction of z, y, x is the reversed unit matrix."""
    image = mlarray.MLArray(np.zeros((3, 4, 5), "u1"), spacing=(2, 1, 1))
    image.meta.spatial.direction = [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    image.meta.spatial.axis_labels = ["spatial_z", "spatial_y", "spatial_x"]
    assert not any("direction" in loss.what for loss in mlarray.write(image, tmp_path / "a.tif").losses)
    image.meta.spatial.direction = [[0, 0, -1], [0, 1, 0], [1, 0, 0]]
    assert any("direction" in loss.what for loss in mlarray.write(image, tmp_path / "b.tif").losses)


@pytest.mark.parametrize(
    ("compression", "lossy"), [("png", {}), ("lerc", {"compression": "LERC", "certain": False})]
)
def test_marks_of_lossy_codecs(tmp_path, compression, lossy):
    tifffile.imwrite(tmp_path / "a.tif", GREY, compression=compression)
    assert Additions.of(mlarray.read(tmp_path / "a.tif").meta).lossy == lossy
