"""FITS, compared with cfitsio (fitsio) and written by astropy or by the telescopes' own programs."""

import gzip
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import CorruptError, LimitError, MLArrayError, UnsupportedError
from mlarray_core.rescale import undo_rescale
from mlarray_fits import FitsFormat
from mlarray_io.testing import FormatTests

fits = pytest.importorskip("astropy.io.fits", reason="astropy isn't installed")
DATA = Path(__file__).parent.parent / "data" / "fits"
RNG = np.random.default_rng(4)
VOLUME = RNG.integers(-900, 900, (5, 6, 7)).astype(np.int16)


def save(path, voxels, compressed=None, **cards):
    if compressed:
        unit = fits.CompImageHDU(voxels, **compressed)
        units = fits.HDUList([fits.PrimaryHDU(), unit])
    else:
        units = fits.HDUList([unit := fits.PrimaryHDU(voxels)])
    unit.header.update(cards)
    units.writeto(path)
    return path


class TestFits(FormatTests):
    mutants = 8

    @pytest.fixture
    def format(self):
        return FitsFormat()

    @pytest.fixture
    def samples(self):
        return sorted(DATA.iterdir())

    def reference(self, path, image):
        fitsio = pytest.importorskip("fitsio", reason="fitsio, an independent reader, isn't installed")
        with fitsio.FITS(str(path)) as file:
            return file[int(image.key)].read(), None, None


@pytest.mark.slow
class TestManyMutants(TestFits):
    mutants = 200


def test_units_are_listed(tmp_path):
    """HST STIS: pictures SCI 1 and 2, and ERR and DQ whose one value stands in PIXVALUE."""
    path = DATA / "o4sp040b0_raw.fits"
    with pytest.raises(MLArrayError, match="SCI"):
        mlarray.read(path)
    assert mlarray.read(path, image="4").dtype == np.uint16
    assert mlarray.read(path, image="SCI,2").shape == (44, 62)
    image = mlarray.read(path, image="1")
    assert image.meta.source["primary"]["keywords"]["TELESCOP"] == "HST"
    assert image.meta.source["keywords"]["EXTNAME"] == "SCI"
    done = mlarray.convert(path, tmp_path / "out.mla", image="1")
    assert [one.what for one in done.skipped] == ["unit 2 ERR", "unit 3 DQ", "unit 5 ERR", "unit 6 DQ"]
    assert "PIXVALUE" in done.skipped[0].why


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("compressed", [None, {"compression_type": "GZIP_2", "quantize_level": 0}])
def test_types(kind, compressed, tmp_path):
    """Integers of the other sign by BZERO (FITS 4.0, table 11), extreme values included."""
    if compressed and kind in ("i8", "u8", "i1"):
        pytest.skip("the FITS tile convention as astropy writes it has no such integers")
    voxels = VOLUME.astype(kind)
    if np.dtype(kind).kind in "iu":
        voxels[0, 0, :2] = np.iinfo(kind).min, np.iinfo(kind).max
    image = mlarray.read(save(tmp_path / "a.fits", voxels, compressed))
    assert image.dtype == np.dtype(kind)
    np.testing.assert_array_equal(image[...], voxels)
    assert Additions.of(image.meta).rescale is None
    assert Additions.of(image.meta).lossy == {}


def scaled(path, stored, slope, zero, **cards):
    """Write stored integers with factors, which astropy would apply if it were asked to."""
    unit = fits.PrimaryHDU(stored)
    unit.header.update(cards)
    unit.header["BSCALE"], unit.header["BZERO"] = slope, zero
    unit.writeto(path, output_verify="ignore")
    content = path.read_bytes()
    assert b"BSCALE" in content
    return path


def test_scaling_and_its_inverse(tmp_path):
    """Value = BZERO + BSCALE * stored (FITS 4.0, 4.4.2.5); the stored integers come back exactly."""
    path = scaled(tmp_path / "a.fits", VOLUME, 0.37, -12.5)
    image = mlarray.read(path)
    np.testing.assert_allclose(image[...], VOLUME * 0.37 - 12.5, rtol=1e-6)
    rescale = Additions.of(image.meta).rescale
    assert (rescale.slope, rescale.intercept, rescale.dtype, rescale.applied) == (0.37, -12.5, "int16", True)
    np.testing.assert_array_equal(undo_rescale(image[...], rescale), VOLUME)
    stored = mlarray.read(path, raw=True)
    np.testing.assert_array_equal(stored[...], VOLUME)
    assert not Additions.of(stored.meta).rescale.applied


def test_undefined_pixels(tmp_path):
    """BLANK is a stored integer; scaled ones become NaN, plain ones stay integers (FITS 4.0, 5.3)."""
    path = scaled(tmp_path / "a.fits", VOLUME, 0.5, 0.0, BLANK=int(VOLUME[1, 2, 3]))
    marked = VOLUME[1, 2, 3] == VOLUME
    np.testing.assert_array_equal(np.isnan(mlarray.read(path)[...]), marked)
    kept = mlarray.read(path, options={"missing": "keep"})
    np.testing.assert_array_equal(kept[...], VOLUME * np.float32(0.5))
    unit = fits.PrimaryHDU(VOLUME)
    unit.header["BLANK"] = -32768
    unit.writeto(tmp_path / "b.fits")
    image = mlarray.read(tmp_path / "b.fits")
    assert image.dtype == np.int16
    assert image.meta.source["keywords"]["BLANK"] == -32768


def test_quantised_tiles_are_marked_lossy(tmp_path):
    noisy = RNG.normal(size=(40, 50)).astype(np.float32)
    smooth = {"compression_type": "HCOMPRESS_1", "hcomp_scale": 3, "tile_shape": (20, 50)}
    for number, (voxels, how) in enumerate(
        [(noisy, {"compression_type": "RICE_1"}), (RNG.integers(0, 99, (40, 50)).astype("i2"), smooth)]
    ):
        path = save(tmp_path / f"{number}.fits", voxels, how)
        assert how["compression_type"] in Additions.of(mlarray.read(path).meta).lossy["method"]
    exact = save(tmp_path / "exact.fits", noisy, {"compression_type": "GZIP_2", "quantize_level": 0})
    assert Additions.of(mlarray.read(exact).meta).lossy == {}


def test_commentary_is_kept(tmp_path):
    unit = fits.PrimaryHDU(VOLUME)
    unit.header["HISTORY"] = "flat-fielded"
    unit.header["COMMENT"] = "by hand"
    unit.header["OBJECT"] = ("M 31", "what was seen")
    unit.writeto(tmp_path / "a.fits")
    source = mlarray.read(tmp_path / "a.fits").meta.source
    assert source["history"] == ["flat-fielded"]
    assert source["keywords"]["OBJECT"] == "M 31"


def test_gzip_is_checked_to_its_end(tmp_path):
    path = tmp_path / "a.fits.gz"
    plain = save(tmp_path / "a.fits", VOLUME).read_bytes()
    packed = bytearray(gzip.compress(plain + bytes(2880 * 40)))
    path.write_bytes(packed)
    np.testing.assert_array_equal(mlarray.read(path)[...], VOLUME)
    packed[-6] ^= 1
    path.write_bytes(packed)
    with pytest.raises(CorruptError):
        mlarray.read(path)


def test_a_file_without_images_says_what_it_holds(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1, 2])])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "a.fits")
    with pytest.raises(UnsupportedError, match="BINTABLE"):
        mlarray.read(tmp_path / "a.fits")


def test_sizes_that_lie(tmp_path):
    path = save(tmp_path / "a.fits", VOLUME)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"NAXIS1  =                    7", b"NAXIS1  =            777777777"))
    with pytest.raises((CorruptError, LimitError)):
        mlarray.read(path)
    whole = save(tmp_path / "b.fits", VOLUME).read_bytes()
    (tmp_path / "c.fits").write_bytes(whole[: 2880 + VOLUME.nbytes])  # without its padding
    np.testing.assert_array_equal(mlarray.read(tmp_path / "c.fits")[...], VOLUME)
    (tmp_path / "c.fits").write_bytes(whole[: 2880 + VOLUME.nbytes - 1])
    with pytest.raises(CorruptError, match="Was it copied whole"):
        mlarray.read(tmp_path / "c.fits")


def test_the_user_knows_better(tmp_path):
    path = save(tmp_path / "a.fits", VOLUME)
    assert mlarray.read(path).meta.spatial.axis_labels == ["non_spatial", "spatial_y", "spatial_x"]
    image = mlarray.read(path, options={"axes": "zyx", "spacing": (3.0, 1.0, 1.0), "unit": "mm"})
    assert image.spacing == [3.0, 1.0, 1.0]


def test_a_damaged_tile_is_explained(tmp_path):
    """Ones in the table and heap, which CFITSIO's codec can't unpack."""
    content = bytearray((DATA / "compressed_image.fits").read_bytes())
    at = content.rindex(b"END" + b" " * 77)
    heap = -(-at // 2880) * 2880
    content[heap : heap + 400] = b"\xff" * 400
    (tmp_path / "a.fits").write_bytes(content)
    with pytest.raises(CorruptError):
        mlarray.read(tmp_path / "a.fits")[...]


@pytest.mark.filterwarnings("ignore")
def test_damage_behind_which_astropy_begins_anew(tmp_path):
    """Found by damage: astropy 8.0.2 lists a damaged unit of a gzipped file again and again."""
    path = save(tmp_path / "a.fits.gz", VOLUME)
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(
        gzip.compress(content[:12] + b"\xc9\xb5.di\xb2~\xfa\x16\t`\x1f\t\x95Jx T " + content[31:])
    )
    with fits.open(path, memmap=False) as units:
        assert units[3]._header_offset == 0
    with pytest.raises(UnsupportedError, match="holds no image"):
        mlarray.read(path, format="fits")
