"""BioIO: `BioImage` finds the reader by the suffix, and has the voxels, names and sizes of the file."""

import datetime
import subprocess
import sys

import nibabel
import numpy as np
import pytest

from mlarray import Meta, MLArray
from mlarray_core import Additions, AxisValues, Channel
from mlarray_core.errors import UnsupportedError
from tests.consumers import volumes

bioio = pytest.importorskip("bioio", reason="BioIO isn't installed: pip install 'mlarray[consumers]'")
pytestmark = pytest.mark.consumers


@pytest.mark.parametrize("kind", volumes.KINDS)
def test_voxels_at_the_same_points_are_equal(kind, pairs):
    image = bioio.BioImage(pairs(kind).mla)
    letters = {"series": "XYZT", "colours": "XYZS"}.get(kind, "XYZ")
    affine = nibabel.load(pairs(kind).nifti).affine
    for data in (
        image.get_image_data(letters),
        image.get_image_dask_data(letters).compute(scheduler="threads"),
    ):
        found = volumes.at(volumes.points(kind), data, affine)
        np.testing.assert_array_equal(found, volumes.expected(kind))


def test_sizes_of_voxels(pairs):
    sizes = bioio.BioImage(pairs("oblique").mla).physical_pixel_sizes
    np.testing.assert_allclose(sizes, (3, 1.1, 0.7), rtol=1e-6)


@pytest.fixture
def movie(tmp_path):
    labels = ["temporal", "channel", "spatial_z", "spatial_y", "spatial_x"]
    units = ["", "", "um", "um", "um"]
    meta = Meta(spatial={"axis_labels": labels, "spacing": [2, 0.5, 0.25], "axis_units": units})
    Additions(
        axes={0: AxisValues("time", "ms", [0, 250, 500])},
        channels=[Channel(name="DAPI"), Channel(name="GFP")],
    ).store(meta)
    voxels = np.arange(3 * 2 * 4 * 64 * 64, dtype="u2").reshape(3, 2, 4, 64, 64)
    MLArray(voxels, meta=meta).save(tmp_path / "movie.mla", levels=1)
    return tmp_path / "movie.mla", voxels


def test_names_times_and_units(movie):
    path, voxels = movie
    image = bioio.BioImage(path)
    assert image.reader.name == "mlarray"
    assert image.dims.order == "TCZYX"
    assert image.channel_names == ["DAPI", "GFP"]
    assert image.scenes == ("Image:0",)
    assert image.time_interval == datetime.timedelta(milliseconds=250)
    assert tuple(image.physical_pixel_sizes) == (2, 0.5, 0.25)
    properties = image.dimension_properties
    assert str(properties.X.unit) == "micrometer"
    assert properties.X.type == "space"
    assert properties.T.type == "time"
    np.testing.assert_array_equal(image.get_image_data("YX", T=2, C=1, Z=3), voxels[2, 1, 3])
    np.testing.assert_array_equal(
        image.get_image_data("CZYX", T=1, C=[1], Z=slice(1, 3)), voxels[1, [1], 1:3]
    )
    assert image.metadata["spatial"]["axis_units"][-1] == "um"


def test_levels_are_resolution_levels(movie):
    path, _ = movie
    image, level = bioio.BioImage(path), MLArray.open(path).levels[0]
    assert image.resolution_levels == (0, 1)
    image.set_resolution_level(1)
    assert image.shape == level.shape
    np.testing.assert_array_equal(image.data, level)
    np.testing.assert_allclose(image.physical_pixel_sizes, level.spacing)


def test_only_what_is_asked_for_is_read(movie, monkeypatch):
    path, voxels = movie
    boxes, read = [], MLArray.read
    monkeypatch.setattr(
        MLArray, "read", lambda self, key=..., **rest: boxes.append(key) or read(self, key, **rest)
    )
    reader = bioio.BioImage(path).reader
    assert reader.shape == voxels.shape
    assert boxes == []
    np.testing.assert_array_equal(reader.get_image_data("YX", T=2, C=1, Z=3), voxels[2, 1, 3])
    assert len(boxes) == 1
    assert read(MLArray.open(path), boxes[0]).size == 64 * 64


def test_an_axis_without_a_letter_is_refused(tmp_path):
    labels = ["continuous", "spatial_y", "spatial_x"]
    MLArray(np.zeros((2, 3, 4)), axis_labels=labels).save(tmp_path / "a.mla")
    from mlarray.bioio import Reader

    with pytest.raises(UnsupportedError, match=r"BioIO has the axes .*, the image continuous, spatial_y"):
        Reader(tmp_path / "a.mla")


def test_no_spacing_is_made_up(tmp_path):
    MLArray(np.zeros((3, 4))).save(tmp_path / "a.mla")
    image = bioio.BioImage(tmp_path / "a.mla")
    assert tuple(image.physical_pixel_sizes) == (None, None, None)
    assert image.get_image_data("YX").shape == (3, 4)


def test_a_program_that_opens_something_else_does_not_wait_for_blosc2():
    code = "import sys, mlarray.bioio; print('blosc2' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
