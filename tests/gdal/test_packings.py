"""Files whose pixels are packed in a way that GDAL can't undo: it fails, or hands out other numbers."""

from __future__ import annotations

import pytest

pytest.importorskip("rasterio", reason="rasterio isn't installed")

import mlarray
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_gdal.nitf import compressions
from mlarray_gdal.packings import packings_of
from tests.gdal.test_format import BANDS, _quiet, vrt, write  # noqa: F401 (silences rasterio)
from tests.gdal.test_grids import FIRST, changed, old, written


def section(number):
    """Return where a section of the first message begins."""
    at = 16
    while FIRST[at + 4] != number:
        at += int.from_bytes(FIRST[at : at + 4], "big")
    return at


def field(flags, *, bits=False):
    """Return a message of edition 1 with a section 4, and a bitmap before it where it is told."""
    message = old(flags=0)[:-4]
    if bits:
        message = message[: 8 + 7] + b"\xc0" + message[8 + 8 :] + (6).to_bytes(3, "big") + bytes(3)
    message += (12).to_bytes(3, "big") + bytes([flags]) + bytes(8) + b"7777"
    return message[:4] + len(message).to_bytes(3, "big") + message[7:]


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (field(0x40), "second order"),
        (field(0x40, bits=True), "second order"),
        (field(0x10), "more flags"),
        (changed((section(5) + 9, 0xC3), (section(5) + 10, 0x51)), "second order"),  # 50001, ECMWF's
        (changed((section(5) + 10, 61)), "logarithms"),
        (changed((section(5) + 10, 200)), "run lengths"),
        (changed((section(5) + 10, 99)), r"template 5\.99"),
    ],
)
def test_fields_that_gdal_makes_other_numbers_of(tmp_path, message, told):
    """Of second order in edition 1 it says so in its own output alone, and hands out 1e294 and the like."""
    with pytest.raises(
        UnsupportedError, match=f"doesn't undo: {told}.*grib_set -r -s packingType=grid_simple"
    ):
        mlarray.read(written(tmp_path, message))


@pytest.mark.parametrize("bits", [False, True])
def test_plain_fields(tmp_path, bits):
    assert packings_of(written(tmp_path, field(0x00, bits=bits), field(0x20, bits=bits), FIRST)) == []
    assert packings_of(written(tmp_path, changed((section(5) + 10, 40)))) == ["JPEG 2000"]


def nitf(folder, *, placed=False, **how):
    """Have GDAL write a NITF; only copies are compressed."""
    from rasterio.shutil import copy

    grid = {"crs": "EPSG:4326", "place": (0.1, 0, 10, 0, -0.1, 50)} if placed else {"crs": None}
    path = write(folder / "a.tif", "GTiff", BANDS[:1].astype("u1"), **grid)
    copy(path, folder / "a.ntf", driver="NITF", **how, **({"ICORDS": "D"} if placed else {}))
    path.unlink()
    return folder / "a.ntf"


def test_a_nitf_says_which_compression_gdal_fails_on(tmp_path):
    """As long as it says it is, it wasn't cut: here a JPEG of arithmetic codes, which GDAL lacks."""
    path = nitf(tmp_path, IC="C3")
    content = bytearray(path.read_bytes())
    content[content.index(b"\xff\xc0") + 1] = 0xCD  # differential, SOF13 (ITU-T T.81, table B.1)
    path.write_bytes(content)
    told = r"compressed as JPEG \(its IC is C3\), which GDAL .* can't decode"
    with pytest.raises(UnsupportedError, match=told) as caught:
        mlarray.read(path)
    assert "gdal_translate -co IC=NC" in caught.value.hint
    path.write_bytes(content[:-100])
    with pytest.raises(CorruptError, match="is damaged"):
        mlarray.read(path)


@pytest.mark.parametrize("placed", [False, True])
@pytest.mark.parametrize(("kind", "told"), [("NC", []), ("C3", ["JPEG (its IC is C3)"])])
def test_compressions_of_a_nitf(tmp_path, kind, told, placed):
    assert compressions(nitf(tmp_path, placed=placed, IC=kind)) == told


@pytest.mark.parametrize("at", [0, 342, 354, 360, 363, 369])
@pytest.mark.parametrize("what", [b"9x9", b"-01"])
def test_a_header_of_a_nitf_that_makes_no_sense(tmp_path, at, what):
    path = nitf(tmp_path, IC="C3")
    content = bytearray(path.read_bytes())
    content[at : at + 3] = what
    path.write_bytes(content)
    assert compressions(path) == ([] if at else ["JPEG (its IC is C3)"])


def test_a_virtual_raster_of_a_compression_without_a_codec(tmp_path):
    path = write(tmp_path / "a.tif", "GTiff", BANDS[:1])
    content = path.read_bytes()
    entry = (259).to_bytes(2, "little") + (3).to_bytes(2, "little") + (1).to_bytes(4, "little")
    assert content.count(entry) == 1
    at = content.index(entry) + 8
    path.write_bytes(content[:at] + (34933).to_bytes(2, "little") + content[at + 2 :])  # PNG
    (tmp_path / "a.vrt").write_text(vrt("a.tif"))
    with pytest.raises(UnsupportedError, match=r"a compression, 34933, that GDAL .* has no codec for"):
        mlarray.read(tmp_path / "a.vrt")
