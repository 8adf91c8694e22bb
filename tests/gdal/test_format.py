"""Rasters that GDAL wrote, of known content; GRIB as ECMWF's own library reads it."""

from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import CorruptError, MLArrayError, NotFoundError, UnsafeError, UnsupportedError
from mlarray_gdal import GdalFormat
from mlarray_io import Confidence, Source
from mlarray_io.testing import FormatTests

rasterio = pytest.importorskip("rasterio", reason="rasterio isn't installed")
DATA = Path(__file__).parent.parent / "data" / "gdal"
RNG = np.random.default_rng(9)
BANDS = RNG.integers(0, 4000, (2, 30, 40)).astype(np.uint16)
PLACE = (30.0, 0.0, 500000.0, 0.0, -20.0, 5000000.0)
CENTRES = np.array([[0.0, 30.0, 500015.0], [-20.0, 0.0, 4999990.0], [0.0, 0.0, 1.0]])
"""Of `PLACE`, which leads to corners: rows x and y, columns rows and columns of the array."""


@pytest.fixture(autouse=True)
def _quiet():
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def write(path, driver, bands=BANDS, crs="EPSG:32632", place=PLACE, **how):
    count, height, width = bands.shape
    how = {
        "driver": driver,
        "height": height,
        "width": width,
        "count": count,
        "dtype": bands.dtype.name,
    } | how
    with rasterio.open(path, "w", crs=crs, transform=rasterio.Affine(*place), **how) as file:
        file.write(bands)
    path.with_name(f"{path.name}.aux.xml").unlink(missing_ok=True)
    return path


GRID = (
    "ncols 4\nnrows 3\nxllcorner 100\nyllcorner 200\ncellsize 10\nNODATA_value -9999\n"
    "1 2 3 4\n5 6 7 8\n9 10 11 -9999\n"
)


class TestGdal(FormatTests):
    mutants = 10

    @pytest.fixture
    def format(self):
        return GdalFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("samples")
        write(folder / "a.img", "HFA")
        write(folder / "packed.img", "HFA", COMPRESSED="YES")
        write(folder / "a.ntf", "NITF", BANDS[:1], crs=None)
        write(folder / "a.jp2", "JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES", GMLJP2="NO")
        (folder / "a.asc").write_text(GRID)
        return [DATA / "example.grib", *sorted(folder.iterdir())]

    def reference(self, path, image):
        if path.suffix == ".grib":
            return None
        if path.suffix == ".asc":
            values = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, -9999]])
            return values, np.array([[0, 10, 105], [-10, 0, 225], [0, 0, 1]]), None
        if path.suffix == ".ntf":
            # the last bytes of the file, big-endian (MIL-STD-2500C, 5.4.3)
            raw = np.frombuffer(path.read_bytes()[-BANDS[0].nbytes :], ">u2").reshape(30, 40)
            np.testing.assert_array_equal(raw, BANDS[0])
            return BANDS[0], None, None
        if path.suffix == ".jp2":
            codecs = pytest.importorskip("imagecodecs")
            np.testing.assert_array_equal(codecs.jpeg2k_decode(path.read_bytes()), np.moveaxis(BANDS, 0, -1))
        return BANDS, CENTRES, None


@pytest.mark.slow
class TestManyMutants(TestGdal):
    mutants = 200


@pytest.mark.parametrize(
    "place",
    [PLACE, (30.0, 4.0, 500000.0, 3.0, -20.0, 5000000.0), (-1.0, 0.0, 10.0, 0.0, 2.0, 20.0)],
)
def test_places_lead_to_centres(place, tmp_path):
    path = write(tmp_path / "a.img", "HFA", place=place)
    image = mlarray.read(path)
    assert image.meta.spatial.coord_system == (
        None if place[1] else "EPSG:32632"
    )  # it drops that of turned ones
    affine = np.array(mlarray_affine(image))
    with rasterio.open(path) as file:
        for row, column in ((0, 0), (3, 7)):
            found = affine @ [row, column, 1]
            np.testing.assert_allclose(found[:2], file.xy(row, column), rtol=1e-12)


def mlarray_affine(image):
    from mlarray_core import geometry

    return geometry.affine_of(image.meta.spatial, 2)


def test_a_geojp2_is_placed_and_a_plain_one_is_a_picture(tmp_path):
    placed = write(tmp_path / "a.jp2", "JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES", GMLJP2="NO")
    assert GdalFormat().sniff(Source(placed)) is Confidence.PARSED
    assert mlarray.read(placed).meta.spatial.coord_system == "EPSG:32632"
    plain = write(tmp_path / "b.jp2", "JP2OpenJPEG", crs=None, GMLJP2="NO", GeoJP2="NO")
    assert GdalFormat().sniff(Source(plain)) is Confidence.NO


def test_grib_as_eccodes_has_it():
    """Geopotential of ERA-Interim, every message a band; the first value is of the north-west corner."""
    eccodes = pytest.importorskip("eccodes", reason="eccodes isn't installed")
    image = mlarray.read(DATA / "example.grib")
    voxels = image[...]
    with (DATA / "example.grib").open("rb") as file:
        for number in range(len(voxels)):
            message = eccodes.codes_grib_new_from_file(file)
            size = eccodes.codes_get(message, "Nj"), eccodes.codes_get(message, "Ni")
            assert eccodes.codes_get(message, "jScansPositively") == 0
            values = eccodes.codes_get_values(message).reshape(size)
            np.testing.assert_allclose(voxels[number], values, rtol=1e-12)
            eccodes.codes_release(message)


def test_grib_says_what_each_band_is():
    image = mlarray.read(DATA / "example.grib")
    assert image.shape == (24, 3, 4)
    assert image.meta.spatial.axis_labels == ["channel", "spatial_y", "spatial_x"]
    np.testing.assert_allclose(image.spacing, [90, 90])
    channels = Additions.of(image.meta).channels
    assert channels[0]["GRIB_ELEMENT"] == "GP"
    assert channels[0]["GRIB_SHORT_NAME"] == "85000-ISBL"


def test_missing_values_are_told(tmp_path):
    path = write(tmp_path / "a.img", "HFA", nodata=7)
    done = mlarray.convert(path, tmp_path / "a.mla")
    assert any("marked by 7" in text for text in done.warnings)
    assert mlarray.read(tmp_path / "a.mla").meta.source["bands"][0]["nodata"] == 7.0


def test_a_nitf_without_an_image(tmp_path):
    """Its header says 000 images (MIL-STD-2500C, table A-1), and has no lengths of one."""
    content = write(tmp_path / "a.ntf", "NITF", BANDS[:1], crs=None).read_bytes()
    length = int(content[354:360])
    header = content[:360] + b"000" + content[379:length]
    header = header[:342] + b"%012d%06d" % (len(header), len(header)) + header[360:]
    (tmp_path / "b.ntf").write_bytes(header)
    with pytest.raises(UnsupportedError, match="holds no raster"):
        mlarray.read(tmp_path / "b.ntf")


def vrt(name, *, relative="1", band="", more=""):
    return (
        f'<VRTDataset rasterXSize="40" rasterYSize="30"><VRTRasterBand dataType="UInt16" '
        f'band="1"{band}>{more}<SimpleSource>'
        f'<SourceFilename relativeToVRT="{relative}">{name}</SourceFilename>'
        "<SourceBand>1</SourceBand>"
        '<SrcRect xOff="0" yOff="0" xSize="40" ySize="30"/><DstRect xOff="0" yOff="0" xSize="40" ySize="30"/>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )


def test_a_virtual_raster_of_its_folder(tmp_path):
    write(tmp_path / "a.tif", "GTiff")
    (tmp_path / "a.vrt").write_text(vrt("a.tif"))
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.vrt")[...], BANDS[0])


def test_virtual_rasters_that_lead_elsewhere_are_refused(tmp_path):
    write(tmp_path / "a.tif", "GTiff")
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "b.tif", "GTiff")
    (folder / "link.tif").symlink_to(tmp_path / "a.tif")
    (folder / "other.vrt").write_text(vrt("b.tif"))
    function = "<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage>"
    for text in (
        vrt("../a.tif"),
        vrt(str(tmp_path / "a.tif"), relative="0"),
        vrt("/vsicurl/http://localhost/a.tif", relative="0"),
        vrt("link.tif"),
        vrt("other.vrt"),
        vrt("b.tif", band=' subClass="VRTDerivedRasterBand"', more=function),
        vrt("b.tif", more=function),
        vrt("b.tif", band=' subClass="VRTRawRasterBand"'),
        vrt("b.tif").replace("<VRTDataset", '<VRTDataset subClass="VRTWarpedDataset"'),
    ):
        (folder / "a.vrt").write_text(text)
        with pytest.raises(UnsafeError):
            mlarray.read(folder / "a.vrt", format="gdal")
    (folder / "a.vrt").write_text(
        vrt("b.tif").replace("<VRTRaster", '<!DOCTYPE a [<!ENTITY b "c">]><VRTRaster', 1)
    )
    with pytest.raises(UnsafeError, match="entities"):
        mlarray.read(folder / "a.vrt")
    (folder / "a.vrt").write_text(vrt("none.tif"))
    with pytest.raises(NotFoundError):
        mlarray.read(folder / "a.vrt")
    (folder / "a.vrt").write_text("<VRTDataset ")
    with pytest.raises(CorruptError):
        mlarray.read(folder / "a.vrt")


def test_several_images_of_a_nitf(tmp_path):
    """Two image segments, the second of which GDAL appends."""
    path = write(tmp_path / "a.ntf", "NITF", BANDS[:1], crs=None, NUMI="2")
    with rasterio.open(path, "r") as file:
        several = len(file.subdatasets) > 1
    if not several:
        pytest.skip("this GDAL lists no second image segment")
    with pytest.raises(MLArrayError, match="holds 2 images"):
        mlarray.read(path)
    np.testing.assert_array_equal(mlarray.read(path, image="0")[...], BANDS[0])
