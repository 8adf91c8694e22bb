"""Reference systems beside ESRI's rasters, as GDAL and others write them."""

from __future__ import annotations

import shutil

import pytest

import mlarray
from mlarray_core.errors import UnsafeError
from mlarray_io.search.criteria import Found
from mlarray_io.search.sources import Search
from mlarray_raw.projection import LARGEST, system_of, unit_of
from tests.raw.known import DATA

NAD83 = (
    'GEOGCS["GCS_North_American_1983",DATUM["D_North_American_1983",SPHEROID["GRS_1980",6378137,298.257222101]],'
    'PRIMEM["Greenwich",0],UNIT["Degree",0.017453292519943295]]'
)
TRANSVERSE = 'PROJCS["x",GEOGCS["y",UNIT["Degree",0.0174532925199433]],PROJECTION["z"],UNIT["{}",{}]]'
HEIGHTS = 'VERTCS["NAVD_1988",VDATUM["v"],UNIT["Meter",1.0],AUTHORITY["EPSG",5703]]'
"""ESRI writes the system of heights behind that of the map."""


def test_a_raster_in_a_zone():
    """GDAL wrote it, with the system in a file of its own."""
    spatial = mlarray.read(DATA / "esri.bil").meta.spatial
    assert (spatial.coord_system, spatial.axis_units) == ("EPSG:32632", ["m", "", "m"])
    assert mlarray.read(DATA / "signed.bil").meta.spatial.coord_system is None


@pytest.mark.parametrize(
    ("text", "unit", "system"),
    [
        (NAD83, "degree", None),
        (NAD83[:-1] + ',AUTHORITY["EPSG","4269"]]', "degree", "EPSG:4269"),
        (NAD83.replace("GCS_North_American_1983", "GCS_WGS_1984"), "degree", "EPSG:4326"),
        (TRANSVERSE.format("Meter", "1.0"), "m", None),
        (TRANSVERSE.format("Foot", "0.3048"), "ft", None),
        (TRANSVERSE.format("Foot_US", "0.3048006096012192"), "", None),
        (TRANSVERSE.format("Meter", "1.0e"), "", None),
        (TRANSVERSE.format("Meter", "1.0").replace('"x"', '"WGS_1984_UTM_Zone_33S"'), "m", "EPSG:32733"),
        (TRANSVERSE.format("Meter", "1.0").replace('"x"', '"WGS_1984_UTM_Zone_61S"'), "m", None),
        ('GEOGCS["y",UNIT["Grad",0.015707963267948967]]', "", None),
        (TRANSVERSE.format("Foot_US", "0.3048006096012192") + f",{HEIGHTS}", "", None),
        (f"{NAD83},{HEIGHTS}", "degree", None),
        (TRANSVERSE.format("Meter", '1.0,AUTHORITY["EPSG",9001]')[:-1], "", None),  # cut short
        (TRANSVERSE.replace('"x"', '"[x"').format("Meter", "1.0"), "m", None),
        ('GEOGCS["y"]', "", None),
        ("", "", None),
    ],
)
def test_units_and_numbers(text, unit, system):
    assert (unit_of(text), system_of(text)) == (unit, system)


def copied(folder, text):
    shutil.copyfile(DATA / "signed.bil", folder / "signed.bil")
    header = (DATA / "signed.hdr").read_text()
    (folder / "signed.hdr").write_text(f"{header}\nULXMAP 8\nULYMAP 50\n")
    (folder / "signed.prj").write_text(text)
    return mlarray.read(folder / "signed.bil").meta


@pytest.mark.parametrize("text", ["Projection GEOGRAPHIC\nUnits DD\n", NAD83 + " " * LARGEST])
def test_what_is_no_well_known_text_is_left_alone(tmp_path, text):
    meta = copied(tmp_path, text)
    assert "prj" not in meta.source
    assert meta.spatial.axis_units is None


def test_degrees(tmp_path):
    meta = copied(tmp_path, NAD83)
    assert meta.source["prj"] == NAD83
    assert sorted(meta.spatial.axis_units) == ["", "degree", "degree"]


@pytest.mark.parametrize("end", [".prj", ".PRJ"])
def test_the_file_of_the_system_belongs_to_the_image(tmp_path, end):
    """Whatever case its suffix has, as some systems write: it is read, and not named as left out."""
    copied(tmp_path, NAD83)
    (tmp_path / "signed.prj").rename(tmp_path / f"signed{end}")
    assert [type(one) for one in Search().search([str(tmp_path)])] == [Found]
    assert mlarray.read(tmp_path / "signed.bil").meta.source["prj"] == NAD83


def test_a_link_out_of_its_folder(tmp_path):
    (tmp_path / "inner").mkdir()
    copied(tmp_path / "inner", NAD83)
    (tmp_path / "inner" / "signed.prj").rename(tmp_path / "signed.prj")
    (tmp_path / "inner" / "signed.prj").symlink_to(tmp_path / "signed.prj")
    with pytest.raises(UnsafeError, match=r"signed\.prj"):
        mlarray.read(tmp_path / "inner" / "signed.bil")
