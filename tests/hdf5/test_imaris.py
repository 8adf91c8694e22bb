"""Imaris files that Imaris' own writer made, and what others may hold; tests/data/README.md says how."""

from __future__ import annotations

import lzma
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

import mlarray
from mlarray_core import Additions, geometry
from mlarray_core.errors import UnsupportedError
from mlarray_hdf5 import Hdf5Format
from mlarray_io import Context, Source
from mlarray_io.engine.select import images_of, open_image
from mlarray_io.testing import FormatTests

DATA = Path(__file__).parent.parent / "data" / "imaris"


def known(name):
    """Return what the writer was given."""
    if name == "times":
        t, c, z, y, x = np.indices((2, 2, 6, 14, 16))
        return (t * 40000 + c * 7000 + z * 300 + y * 20 + x).astype("u2")
    z, y, x = np.indices((32, 256, 256))
    return ((z * 5 + y // 8 + x // 8) % 200).astype("u1")[None, None]


def unpacked(name, folder):
    path = folder / f"{name}.ims"
    path.write_bytes(lzma.decompress((DATA / f"{name}.ims.xz").read_bytes()))
    return path


@pytest.fixture
def times(tmp_path):
    return unpacked("times", tmp_path)


class TestImaris(FormatTests):
    claims_also = ("hdf5",)
    mutants = 12

    @pytest.fixture
    def format(self):
        return Hdf5Format()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        return [unpacked("times", tmp_path_factory.mktemp("imaris")), DATA / "minimal.ims"]

    def reference(self, path, image):
        if path.stem == "times":
            return known("times"), affine([100.25, 0.5, -5], [0.5, 1, 2]), None
        with h5py.File(path) as file:
            stored = file["DataSet/ResolutionLevel 0/TimePoint 0/Channel 0/Data"][()]
        # from 3 to 10 and from 0 to 0.1: the text ends in a null there
        return stored[None, None], affine([3 + 7 / 256, 3 + 7 / 256, 0.05], [7 / 128, 7 / 128, 0.1]), None


def affine(origin, sizes):
    """Return the affine of voxels that rise along x, y and z, for axes z, y, x."""
    found = np.zeros((4, 4))
    found[[0, 1, 2], [2, 1, 0]], found[:3, 3], found[3, 3] = sizes, origin, 1
    return found


def test_times_names_and_colours(times):
    image = mlarray.read(times)
    additions = Additions.of(image.meta)
    assert image.meta.spatial.axis_units == ["s", "", "um", "um", "um"]
    assert (additions.axes[0].unit, additions.axes[0].values) == ("s", [0, 90.5])
    assert additions.channels == [
        {"name": "DAPI", "color": "#FF0000"},
        {"name": "GFP", "color": "#0080FF"},
    ]
    told = image.meta.source["DataSetInfo"]
    assert told["TimeInfo"]["TimePoint2"] == "2021-03-04 05:07:37.500"
    assert told["Channel 0"]["Color"] == "1.000 0.000 0.000"


def test_levels_lie_over_each_other(tmp_path):
    path, format = unpacked("levels", tmp_path), Hdf5Format()
    source, options = Source(path), format.options_type()
    image = images_of(source, format, options, Context())[0]
    with open_image(source, format, image, options, Context()) as reader:
        whole = reader[tuple(slice(0, size) for size in reader.shape)]
        np.testing.assert_array_equal(whole, known("levels"))
        np.testing.assert_allclose(
            geometry.affine_of(reader.meta.spatial, 3), affine([-1.95, 30.05, 5.25], [0.1, 0.1, 0.5])
        )
        (level,) = reader.levels
        assert level.shape == (1, 1, 16, 128, 128)
        np.testing.assert_allclose(
            geometry.affine_of(level.meta.spatial, 3), affine([-1.9, 30.1, 5.5], [0.2, 0.2, 1])
        )


def tell(path, group, **values):
    with h5py.File(path, "r+") as file:
        for name, value in values.items():
            file.require_group(group).attrs[name] = np.array(list(str(value)), "S1")


def warned(path):
    format, context = Hdf5Format(), Context()
    source = Source(path)
    image = images_of(source, format, format.options_type(), context)[0]
    with open_image(source, format, image, format.options_type(), context) as reader:
        return reader.meta, context.report


def test_positions_that_fall(times):
    tell(times, "DataSetInfo/Image", ExtMin2=6, ExtMax2=-6)
    spatial = mlarray.read(times).meta.spatial
    expected = affine([100.25, 0.5, 5], [0.5, 1, -2])
    np.testing.assert_allclose(geometry.affine_of(spatial, 3), expected)


def test_a_plane_without_thickness_keeps_its_place(times):
    tell(times, "DataSetInfo/Image", ExtMin2=4, ExtMax2=4)
    meta, report = warned(times)
    assert meta.spatial.axis_units == ["s", "", "", "um", "um"]
    np.testing.assert_allclose(geometry.affine_of(meta.spatial, 3), affine([100.25, 0.5, 4], [0.5, 1, 1]))
    assert any("along z is unknown" in text for text in report.warnings)


def test_edges_that_are_not_told(times):
    for axis in range(3):
        tell(times, "DataSetInfo/Image", **{f"ExtMax{axis}": "nan"})
    meta, report = warned(times)
    assert meta.spatial.spacing is None
    assert any("nothing of where its edges are" in text for text in report.warnings)


@pytest.mark.parametrize("second", ["2021-03-04 05:06:07", "never"])
def test_times_that_do_not_rise(times, second):
    tell(times, "DataSetInfo/TimeInfo", TimePoint2=second)
    meta, report = warned(times)
    assert Additions.of(meta).axes == {}
    assert any("don't rise" in text for text in report.warnings)


def test_wavelengths_and_colours_of_a_table(times):
    tell(times, "DataSetInfo/Channel 0", LSMEmissionWavelength=509, LSMExcitationWavelength=0)
    tell(times, "DataSetInfo/Channel 1", ColorMode="TableColor", Name="")
    assert Additions.of(mlarray.read(times).meta).channels == [
        {"name": "DAPI", "color": "#FF0000", "EmissionWavelength": 509.0, "EmissionWavelengthUnit": "nm"},
        {"name": ""},
    ]


def test_what_is_no_image_is_told(times):
    with h5py.File(times, "r+") as file:
        file.create_group("Scene8/Content")
        file.attrs["NumberOfDataSets"] = np.array([2], "u4")
    _, report = warned(times)
    assert [one.what for one in report.skipped] == ["/Scene8"]
    assert any("one of 2 data sets is read" in text for text in report.warnings)


def test_a_filter_that_is_not_installed_is_named(times):
    with h5py.File(times, "r+") as file:
        group = file["DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"]
        del group["Data"]
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk((8, 16, 16))
        created.set_filter(32767, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((8, 16, 16))
        h5py.h5d.create(group.id, b"Data", h5py.h5t.STD_U16LE, space, created)
    with pytest.raises(UnsupportedError, match="filter 32767"):
        mlarray.read(times)


def test_images_of_the_name(times, tmp_path):
    """The suffix in capitals is found in a folder, and converted."""
    shutil.copyfile(times, tmp_path / "B.IMS")
    assert mlarray.read(tmp_path / "B.IMS").shape == (2, 2, 6, 14, 16)
