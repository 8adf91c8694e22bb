"""NetCDF, compared with SciPy's reader of classic files and with h5netcdf; written by those and netCDF4."""

from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import CorruptError, MLArrayError, UnsafeError
from mlarray_core.rescale import undo_rescale
from mlarray_io import Confidence, Source
from mlarray_io.testing import FormatTests
from mlarray_netcdf import NetcdfFormat

nc4 = pytest.importorskip("netCDF4", reason="netCDF4 isn't installed")
h5py = pytest.importorskip("h5py")
DATA = Path(__file__).parent.parent / "data" / "netcdf"
RNG = np.random.default_rng(8)
VOLUME = RNG.integers(-900, 900, (3, 5, 6)).astype(np.int16)


def by_h5netcdf(path, packed):
    h5netcdf = pytest.importorskip("h5netcdf", reason="h5netcdf, an independent writer, isn't installed")
    with h5netcdf.File(path, "w") as file:
        file.dimensions = {"time": 3, "lat": 5, "lon": 6}
        for name, values, unit in (
            ("time", np.array([0.0, 6.0, 12.0]), "hours since 1990-01-01"),
            ("lat", np.linspace(50, 48, 5, dtype="f4"), "degrees_north"),
            ("lon", np.linspace(7, 9.5, 6), "degrees_east"),
        ):
            variable = file.create_variable(name, (name,), values.dtype, data=values)
            variable.attrs["units"] = unit
        variable = file.create_variable(
            "t2m",
            ("time", "lat", "lon"),
            "i2",
            data=packed,
            chunks=(1, 5, 3),
            compression="gzip",
            shuffle=True,
        )
        variable.attrs.update({"scale_factor": 0.01, "add_offset": 273.15, "long_name": "temperature"})
        variable.attrs["_FillValue"] = packed.dtype.type(-900)
    return path


def classic(path, version=1):
    scipy_io = pytest.importorskip("scipy.io", reason="SciPy, an independent writer, isn't installed")
    with scipy_io.netcdf_file(path, "w", version=version) as file:
        file.createDimension("time", None)
        file.createDimension("y", 5)
        file.createDimension("x", 6)
        for name, kind in (("a", "i2"), ("b", "f8"), ("c", "i1")):
            file.createVariable(name, kind, ("time", "y", "x"))[:] = VOLUME // 8
        file.createVariable("fixed", "f4", ("y", "x"))[:] = VOLUME[0]
    return path


class TestNetcdf(FormatTests):
    mutants = 8

    @pytest.fixture
    def format(self):
        return NetcdfFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("samples")
        by_h5netcdf(folder / "packed.nc", VOLUME)
        classic(folder / "records.nc", 2)
        with nc4.Dataset(folder / "cdf5.nc", "w", format="NETCDF3_64BIT_DATA") as file:
            file.createDimension("n", 4)
            file.createVariable("wide", "u8", ("n",))[:] = [0, 1, 2**40, 2**64 - 1]
        return [*sorted(DATA.glob("*.nc")), *sorted(folder.iterdir())]

    def reference(self, path, image):
        head = path.read_bytes()[:4]
        if head == b"CDF\x05":
            return np.array([0, 1, 2**40, 2**64 - 1], "u8"), None, None
        if head[:3] == b"CDF":
            scipy_io = pytest.importorskip("scipy.io")
            with scipy_io.netcdf_file(path, mmap=False) as file:
                found = file.variables[image.key]
                return found[:].astype(found[:].dtype.newbyteorder("=")), None, None
        h5netcdf = pytest.importorskip("h5netcdf")
        with h5netcdf.File(path, "r") as file:
            found = file[image.key]
            stored, attributes = found[...], dict(found.attrs)
            lon, lat = file["lon"][...], file["lat"][...]
        values = (stored * np.float64(attributes["scale_factor"]) + attributes["add_offset"]).astype(
            np.float32
        )
        values[stored == attributes["_FillValue"]] = np.nan
        affine = [[0, lon[1] - lon[0], lon[0]], [lat[1] - lat[0], 0, lat[0]], [0, 0, 1]]
        return values, np.array(affine), None


@pytest.mark.slow
class TestManyMutants(TestNetcdf):
    mutants = 200


def test_packing_and_its_inverse(tmp_path):
    """CF 8.1: value = stored * scale_factor + add_offset; NaN where _FillValue is (2.5.1)."""
    packed = VOLUME.copy()
    packed[1, 2, 3] = -900
    path = by_h5netcdf(tmp_path / "a.nc", packed)
    image = mlarray.read(path)
    marked = packed == -900
    np.testing.assert_array_equal(np.isnan(image[...]), marked)
    rescale = Additions.of(image.meta).rescale
    assert (rescale.slope, rescale.intercept, rescale.dtype) == (0.01, 273.15, "int16")
    np.testing.assert_array_equal(undo_rescale(image[...][~marked], rescale), packed[~marked])
    kept = mlarray.read(path, options={"missing": "keep"})
    np.testing.assert_array_equal(undo_rescale(kept[...], rescale), packed)
    np.testing.assert_array_equal(mlarray.read(path, raw=True)[...], packed)


def test_coordinates(tmp_path):
    image = mlarray.read(by_h5netcdf(tmp_path / "a.nc", VOLUME))
    spatial = image.meta.spatial
    assert spatial.axis_labels == ["temporal", "spatial_y", "spatial_x"]
    assert spatial.axis_units == ["h", "degrees_north", "degrees_east"]
    np.testing.assert_allclose(spatial.spacing, [0.5, 0.5])
    np.testing.assert_allclose(spatial.origin, [7, 50])
    np.testing.assert_array_equal(spatial.direction, [[0, 1], [-1, 0]])
    axis = Additions.of(image.meta).axes[0]
    assert (axis.unit, axis.values) == ("hours since 1990-01-01", [0.0, 6.0, 12.0])


def dataset(path, shape=(3, 5, 6), names=("z", "y", "x"), **coordinates):
    """Write a NetCDF-4 file whose coordinates are (values, attributes), and one variable `v`."""
    with nc4.Dataset(path, "w") as file:
        for name, size in zip(names, shape, strict=True):
            file.createDimension(name, size)
        for name, (values, attributes) in coordinates.items():
            variable = file.createVariable(name, np.asarray(values).dtype, (name,))
            variable[:] = values
            variable.setncatts(attributes)
        file.createVariable("v", "f4", names)[:] = RNG.normal(size=shape)
    return path


M = {"units": "m"}


def test_height_is_space_only_beside_lengths(tmp_path):
    z = ([0.0, 10.0, 20.0], {"axis": "Z", "units": "km"})
    metres = dataset(
        tmp_path / "a.nc",
        z=z,
        y=(np.arange(5.0), {**M, "axis": "Y"}),
        x=(np.arange(6.0) * 2, {**M, "axis": "X"}),
    )
    spatial = mlarray.read(metres).meta.spatial
    assert spatial.axis_labels == ["spatial_z", "spatial_y", "spatial_x"]
    assert spatial.axis_units == ["km", "m", "m"]
    assert spatial.spacing == [10.0, 1.0, 2.0]
    degrees = dataset(
        tmp_path / "b.nc",
        z=z,
        y=(np.arange(5.0), {"units": "degrees_north"}),
        x=(np.arange(6.0), {"units": "degrees_east"}),
    )
    assert mlarray.read(degrees).meta.spatial.axis_labels == ["non_spatial", "spatial_y", "spatial_x"]


def test_uneven_positions_make_no_spacing(tmp_path):
    path = dataset(
        tmp_path / "a.nc", y=([0.0, 1, 2, 3, 5], {**M, "axis": "Y"}), x=(np.arange(6.0), {**M, "axis": "X"})
    )
    meta = mlarray.read(path).meta
    assert meta.spatial.spacing is None
    assert Additions.of(meta).axes[1].values == [0, 1, 2, 3, 5]


def test_rounded_positions_are_even(tmp_path):
    """Steps of 0.1 in float32, as most files have them."""
    lon = np.arange(3000, dtype="f4") * np.float32(0.1) + 200
    path = dataset(tmp_path / "a.nc", (2, 3000), ("lat", "lon"), lon=(lon, {"units": "degrees_east"}),
                   lat=([1.0, 2.0], {"units": "degrees_north"}))  # fmt: skip
    np.testing.assert_allclose(mlarray.read(path).meta.spatial.spacing, [1, 0.1], rtol=1e-5)


def test_grid_mapping_bounds_and_scalar_coordinates(tmp_path):
    """CF 5.6, 7.1 and 5.7; the code of the projected system is the last one of its text."""
    wkt = (
        'PROJCRS["UTM 32N",BASEGEOGCRS["WGS 84",ID["EPSG",4326]],CONVERSION["UTM zone 32N",ID["EPSG",16032]],'
        'CS[Cartesian,2],ID["EPSG",32632]]'
    )
    with nc4.Dataset(tmp_path / "a.nc", "w") as file:
        for name, size in (("y", 4), ("x", 5), ("nv", 2)):
            file.createDimension(name, size)
        for name, size in (("y", 4), ("x", 5)):
            variable = file.createVariable(name, "f8", (name,))
            variable[:] = np.arange(size) * 30 + 500000
            variable.setncatts(
                {"units": "m", "standard_name": f"projection_{name}_coordinate", "bounds": f"{name}_b"}
            )
            edges = file.createVariable(f"{name}_b", "f8", (name, "nv"))
            edges[:] = np.stack([variable[:] - 15, variable[:] + 15], axis=1)
        file.createVariable("crs", "i4").setncatts(
            {"grid_mapping_name": "transverse_mercator", "crs_wkt": wkt}
        )
        height = file.createVariable("height", "f4")
        height[...] = 2.0
        height.units = "m"
        variable = file.createVariable("t", "f4", ("y", "x"))
        variable[:] = 1.0
        variable.setncatts({"grid_mapping": "crs", "coordinates": "height"})
    image = mlarray.read(tmp_path / "a.nc")
    assert image.meta.spatial.coord_system == "EPSG:32632"
    assert image.meta.source["grid_mapping"]["grid_mapping_name"] == "transverse_mercator"
    assert image.meta.source["scalar_coordinates"]["height"]["value"] == 2.0
    assert Additions.of(image.meta).axes[0].others["bounds"][0] == [499985.0, 500015.0]


def test_curved_grids_are_told(tmp_path):
    with nc4.Dataset(tmp_path / "a.nc", "w") as file:
        file.createDimension("j", 4)
        file.createDimension("i", 5)
        for name in ("lat", "lon", "v"):
            file.createVariable(name, "f4", ("j", "i"))[:] = 1.0
        file["v"].coordinates = "lat lon"
    done = mlarray.convert(tmp_path / "a.nc", tmp_path / "v.mla")  # the only one that describes no other
    assert {loss.what for loss in done.losses} == {"the coordinate lat", "the coordinate lon"}
    assert mlarray.read(tmp_path / "a.nc", image="lat").shape == (4, 5)


def test_unsigned_and_flags(tmp_path):
    """NUG's _Unsigned, with a fill value by its bits; CF 3.5's flags are a label table."""
    with nc4.Dataset(tmp_path / "a.nc", "w", format="NETCDF3_CLASSIC") as file:
        file.createDimension("y", 2)
        file.createDimension("x", 3)
        variable = file.createVariable("v", "i1", ("y", "x"), fill_value=-1)
        variable.set_auto_maskandscale(False)
        variable.setncatts({"_Unsigned": "true", "scale_factor": 0.5})
        variable[:] = np.array([[0, 1, 127], [-128, -2, -1]], "i1")
        flags = file.createVariable("land", "i1", ("y", "x"))
        flags.setncatts({"flag_values": np.array([0, 1, 2], "i1"), "flag_meanings": "sea land lake"})
        flags[:] = 1
    values = mlarray.read(tmp_path / "a.nc", image="v")[...]
    np.testing.assert_array_equal(values, [[0, 0.5, 63.5], [64, 127, np.nan]])
    image = mlarray.read(tmp_path / "a.nc", image="land")
    assert [(label.value, label.name) for label in image.meta.labels] == [
        (0, "sea"),
        (1, "land"),
        (2, "lake"),
    ]
    assert image.meta.is_seg.is_seg


def test_groups_and_choosing(tmp_path):
    with nc4.Dataset(tmp_path / "a.nc", "w") as file:
        file.createDimension("y", 4)
        group = file.createGroup("deep").createGroup("er")
        group.createDimension("x", 5)
        group.createVariable("v", "i4", ("y", "x"))[:] = 3
        group.createVariable("w", "i4", ("y", "x"))[:] = 4
        file.createVariable("line", "f4", ("y",))[:] = 1
    with pytest.raises(MLArrayError, match="deep/er/v"):
        mlarray.read(tmp_path / "a.nc")
    assert mlarray.read(tmp_path / "a.nc", image="deep/er/w")[0, 0] == 4


def test_a_classic_file_that_was_cut(tmp_path):
    """NetCDF's own library reads zeros behind the end."""
    for version in (1, 2):
        path = classic(tmp_path / f"{version}.nc", version)
        content = path.read_bytes()
        assert mlarray.read(path, image="a").shape == (3, 5, 6)
        path.write_bytes(content[:-9])
        with pytest.raises(CorruptError, match="Was it copied whole"):
            mlarray.read(path, image="a")


@pytest.mark.parametrize("kind", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"])
@pytest.mark.parametrize("records", [1, 2])
def test_sizes_of_all_classic_kinds(kind, records, tmp_path):
    """A single variable of records has no padding ("Note on padding" of the format's specification)."""
    path = tmp_path / "a.nc"
    with nc4.Dataset(path, "w", format=kind) as file:
        file.createDimension("time", None)
        file.createDimension("x", 3)
        file.title = "odd sizes"
        for number in range(records):
            file.createVariable(f"v{number}", "i1", ("time", "x"))[:] = np.arange(15).reshape(5, 3)
    np.testing.assert_array_equal(mlarray.read(path, image="v0")[...], np.arange(15).reshape(5, 3))


def test_links_out_of_the_file_are_refused(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["v"] = VOLUME
    path = dataset(tmp_path / "a.nc")
    with h5py.File(path, "a") as file:
        file["w"] = h5py.ExternalLink("secret.h5", "/v")
    with pytest.raises(UnsafeError, match="is a link"):
        mlarray.read(path)
    raw = tmp_path / "b.nc"
    with h5py.File(raw, "w") as file:
        file.attrs["_NCProperties"] = "version=2"
        file.create_dataset("v", (4, 4), "u1", external=[("/etc/hostname", 0, 16)])
    with pytest.raises(UnsafeError, match="other files"):
        mlarray.read(raw)


def test_hdf5_stays_hdf5(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["v"] = VOLUME
    assert NetcdfFormat().sniff(Source(tmp_path / "a.h5")) is Confidence.NO
    (tmp_path / "a.h5").rename(tmp_path / "b.nc")
    image = mlarray.read(tmp_path / "b.nc")
    np.testing.assert_array_equal(image[...], VOLUME)
    assert mlarray.read(tmp_path / "b.nc", format="hdf5").shape == VOLUME.shape
