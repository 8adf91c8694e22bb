"""Names and positions that a file states, and what MATLAB marks, as other programs write them."""

from __future__ import annotations

import errno
import json
import os

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import UnsupportedError, WriteError

h5py = pytest.importorskip("h5py")

from mlarray_hdf5.lasting_file import LastingFile  # noqa: E402


def test_axistags_name_the_axes_and_sizes_stay_with_them(tmp_path):
    """As ilastik exports them: `element_size_um` is that of z, y, x (ilastik4ij, "Import HDF5")."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("exported_data", data=np.zeros((2, 3, 10, 12, 2), "u1"))
        data.attrs["element_size_um"] = [2.0, 0.5, 0.4]
        tags = [
            {"key": k, "typeFlags": f, "resolution": 0} for k, f in zip("tzyxc", (8, 2, 2, 2, 1), strict=True)
        ]
        data.attrs["axistags"] = json.dumps({"axes": tags})
    spatial = mlarray.read(tmp_path / "a.h5").meta.spatial
    assert spatial.axis_labels == ["temporal", "spatial_z", "spatial_y", "spatial_x", "channel"]
    assert spatial.spacing == [2.0, 0.5, 0.4]
    assert spatial.axis_units == ["", "um", "um", "um", ""]


@pytest.mark.parametrize(
    ("names", "sizes", "spacing"),
    [
        ("xyzc", [3.0, 2.0, 1.0], [1.0, 2.0, 3.0]),
        ("cyx", [3.0, 2.0, 1.0], [2.0, 1.0]),
        ("tc", [3.0, 2.0, 1.0], None),
    ],
)
def test_sizes_go_by_name(tmp_path, names, sizes, spacing):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("a", data=np.zeros([4] * len(names), "u1"))
        data.attrs["element_size_um"] = sizes
        data.attrs["axistags"] = json.dumps({"axes": [{"key": key} for key in names]})
    assert mlarray.read(tmp_path / "a.h5").meta.spatial.spacing == spacing


def test_dimension_labels(tmp_path):
    """HDF5's own: `H5DSset_label`; an unknown name stays as it is spelt, none is z by its place."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("img", data=np.zeros((5, 2, 20, 30), "u2"))
        for axis, name in enumerate(["t", "Stain", "y", "x"]):
            data.dims[axis].label = name
        file.create_dataset("half", data=np.zeros((5, 2), "u2")).dims[1].label = "depth"
    labels = mlarray.read(tmp_path / "a.h5", image="/img").meta.spatial.axis_labels
    assert labels == ["temporal", "Stain", "spatial_y", "spatial_x"]
    assert mlarray.read(tmp_path / "a.h5", image="/half").meta.spatial.axis_labels == ["non_spatial", "depth"]


def test_own_labels_come_back_without_the_metadata_beside(tmp_path):
    labels = ["channel", "spatial_y", "spatial_x"]
    mlarray.write(mlarray.MLArray(np.zeros((2, 4, 5), "u1"), axis_labels=labels), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        del file["image"].attrs["mlarray"]
    assert mlarray.read(tmp_path / "a.h5").meta.spatial.axis_labels == labels


def test_netcdf_dimensions_and_their_coordinates(tmp_path):
    """The layout of netCDF-4 (NetCDF Users Guide, "Dimension Scales"), as xarray with h5netcdf writes it."""
    voxels = np.arange(2 * 3 * 4, dtype="i2").reshape(2, 3, 4)
    with h5py.File(tmp_path / "a.nc", "w") as file:
        for name, values, unit in (
            ("time", [0.0, 6.0], "hours since 2020-01-01"),
            ("lat", [50, 51, 52], "degrees_north"),
        ):
            scale = file.create_dataset(name, data=np.array(values))
            scale.make_scale(name)
            scale.attrs["units"] = unit
        lon = file.create_dataset("lon", data=np.zeros(4, "f4"))
        lon.make_scale("This is a netCDF dimension but not a netCDF variable.         4")
        data = file.create_dataset("temp", data=voxels)
        data.attrs["scale_factor"], data.attrs["add_offset"], data.attrs["_FillValue"] = (
            0.5,
            273.0,
            np.int16(-1),
        )
        for axis, name in enumerate(["time", "lat", "lon"]):
            data.dims[axis].attach_scale(file[name])
    image = mlarray.read(tmp_path / "a.nc", format="hdf5")
    np.testing.assert_array_equal(image.to_numpy(), voxels)
    assert image.meta.spatial.axis_labels == ["temporal", "lat", "lon"]
    additions = Additions.of(image.meta)
    assert additions.axes[0].values == [0.0, 6.0]
    assert (additions.axes[1].name, additions.axes[1].unit) == ("lat", "degrees_north")
    assert additions.axes[1].values == [50, 51, 52]
    assert 2 not in additions.axes
    assert (additions.rescale.slope, additions.rescale.intercept, additions.rescale.applied) == (
        0.5,
        273.0,
        False,
    )


def test_xarray_writes_names_that_are_read(tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    array = xarray.DataArray(
        np.zeros((2, 3, 4)), dims=("band", "y", "x"), coords={"band": [10, 20]}, name="reflectance"
    )
    array.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    image = mlarray.read(tmp_path / "a.nc", format="hdf5", image="/reflectance")
    assert image.meta.spatial.axis_labels == ["band", "spatial_y", "spatial_x"]
    assert Additions.of(image.meta).axes[0].values == [10, 20]


@pytest.fixture
def workspace(tmp_path):
    """A MATLAB 7.3 workspace with the marks that MATLAB gives its variables."""
    numbers = np.arange(24.0).reshape(4, 3, 2)
    pairs = np.zeros((4, 3, 2), [("real", "<f8"), ("imag", "<f8")])
    pairs["real"], pairs["imag"] = numbers, -numbers
    variables = {
        "A": (numbers, "double"), "Z": (pairs, "double"), "E": (np.array([0, 3], "u8"), "double"),
        "name": (np.array([[97], [98]], "u2"), "char"), "L": ((numbers > 3).astype("u1"), "logical"),
        "S": (np.zeros((1, 6), "u4"), "string"),
    }  # fmt: skip
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        for key, (values, kind) in variables.items():
            file[key] = values
            file[key].attrs["MATLAB_class"] = np.bytes_(kind)
        file["E"].attrs["MATLAB_empty"] = np.uint8(1)
        file["sparse/data"], file["sparse/ir"], file["sparse/jc"] = np.ones(3), np.arange(3), np.arange(4)
        file["sparse"].attrs["MATLAB_class"], file["sparse"].attrs["MATLAB_sparse"] = (
            np.bytes_("double"),
            np.uint64(3),
        )
        file["struct/field"] = numbers
        file["struct/field"].attrs["MATLAB_class"] = np.bytes_("double")
    return tmp_path / "a.mat", numbers


def test_matlab_marks_say_what_is_no_image(workspace):
    """As SciPy reads the same workspace of version 5: logical is bool, two parts are complex."""
    path, numbers = workspace
    for key, expected in (("A", numbers), ("Z", numbers - 1j * numbers), ("L", numbers > 3)):
        voxels = mlarray.read(path, image=f"/{key}").to_numpy()
        assert voxels.dtype == expected.dtype
        np.testing.assert_array_equal(voxels, expected)


def test_what_is_left_out_is_named(tmp_path, workspace):
    from mlarray_hdf5.listing import list_images
    from mlarray_io import Context

    path, _ = workspace
    with h5py.File(path, "r+") as file:
        file["records"] = np.zeros(4, [("a", "f4"), ("b", "i2")])
        file["ragged"] = np.array([np.arange(2), np.arange(3)], dtype=h5py.vlen_dtype("i4"))
        file["wide"] = np.zeros((2, 2), np.longdouble)
        file["soft"] = h5py.SoftLink("/A")
    context = Context()
    assert {image.key for image in list_images(path, context)} == {"/A", "/Z", "/L", "/struct/field"}
    said = {loss.what: loss.why for loss in context.report.skipped}
    assert said.keys() == {"/E", "/name", "/S", "/sparse", "/records", "/ragged", "/wide", "/soft"}
    assert said["/sparse"] == "it is a sparse matrix"
    assert said["/ragged"] == "its values differ in length"


def test_a_missing_filter_is_named_before_anything_is_read(tmp_path, monkeypatch):
    """Filter 32008 is bitshuffle's (HDF Group, "Registered Filter Plugins"); here one that nobody has."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset(
            "d", data=np.arange(600, dtype="u2").reshape(20, 30), chunks=(20, 30), compression="gzip"
        )
        assert data.id.get_create_plist().get_nfilters() == 1
    content = (tmp_path / "a.h5").read_bytes()
    at = content.index(b"deflate") - 8
    assert content[at : at + 2] == b"\x01\0"
    (tmp_path / "a.h5").write_bytes(content[:at] + (32999).to_bytes(2, "little") + content[at + 2 :])
    with pytest.raises(UnsupportedError, match=r"needs the HDF5 filter 32999 \(deflate\)"):
        mlarray.read(tmp_path / "a.h5")


def test_filters_of_hdf5plugin_are_used_where_it_is_installed(tmp_path):
    plugin = pytest.importorskip("hdf5plugin")
    voxels = np.arange(600, dtype="u2").reshape(20, 30)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("d", data=voxels, chunks=(20, 30), **plugin.Bitshuffle())
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.h5").to_numpy(), voxels)


@pytest.mark.parametrize("room", [0, 100, 3000, 100_000, 1_000_000])
def test_a_disk_that_fills_up_ends_no_process(tmp_path, monkeypatch, room):
    """HDF5's library can't close a file without room, and crashes: it never hears of it."""
    left = room

    def put(self, data):
        nonlocal left
        left -= len(data)
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(self, data)

    real = LastingFile._put
    monkeypatch.setattr(LastingFile, "_put", put)
    voxels = np.random.default_rng(0).integers(0, 9000, (40, 128, 256)).astype("u2")
    with pytest.raises(WriteError, match="the disk is full"):
        mlarray.write(voxels, tmp_path / "a.h5")
    assert not list(tmp_path.iterdir())


def test_what_could_not_be_written_is_read_back(tmp_path, monkeypatch):
    with pytest.raises(OSError, match="no room"), LastingFile(tmp_path / "a") as file:
        file.write(b"01234567")
        monkeypatch.setattr(LastingFile, "_put", lambda *_: (_ for _ in ()).throw(OSError("no room")))
        file.seek(4)
        file.write(b"abcdefgh")
        file.seek(6)
        file.write(b"XY")
        assert file.seek(0, 2) == 12
        file.seek(2)
        assert file.read(12) == b"23abXYefgh\0\0"
    assert (tmp_path / "a").read_bytes() == b"01234567"
