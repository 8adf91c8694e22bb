"""OIF and OIB under the compliance suite, on files of known content."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import CorruptError
from mlarray_io.testing import FormatTests
from mlarray_oif import OifFormat
from mlarray_oif.settings import channels_of
from tests.oif.made import write_oib, write_oif

pytest.importorskip("oiffile")

VOXELS = np.random.default_rng(6).integers(0, 4095, (2, 3, 11, 13), "u2")


class TestOif(FormatTests):
    has_signature = False  # other programs write compound files and texts too
    mutants = 10

    @pytest.fixture
    def format(self):
        return OifFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("oif")
        return [write_oib(folder / "a.oib", VOXELS), write_oif(folder / "b.oif", VOXELS)]

    def copy(self, format, sample, target):
        if sample.suffix == ".oif":
            folder = f"{target.name}.files"
            shutil.copytree(f"{sample}.files", target.with_name(folder), dirs_exist_ok=True)
        return shutil.copyfile(sample, target)

    def reference(self, path, image):
        return VOXELS, np.diag([0.4, 0.5, 0.25, 1]), None


@pytest.mark.parametrize("write", [write_oif, write_oib])
def test_axes_sizes_and_channels(tmp_path, write):
    image = mlarray.read(write(tmp_path / f"a.{write.__name__[-3:]}", VOXELS))
    spatial = image.meta.spatial
    assert spatial.axis_labels == ["channel", "spatial_z", "spatial_y", "spatial_x"]
    assert spatial.axis_units == ["", "um", "um", "um"]
    np.testing.assert_allclose(spatial.spacing, [0.4, 0.5, 0.25])  # z: 1000 to 1800 nm in three planes
    channels = Additions.of(image.meta).channels
    assert [(channel.name, channel["Fluor"], channel["EmissionWavelength"]) for channel in channels] == [
        ("CHS1", "DAPI", 461.0),
        ("CHS2", "GFP", 510.0),
    ]
    assert image.meta.source["settings"]["Reference Image Parameter"]["ValidBitCounts"] == 12


def test_a_missing_plane_is_refused(tmp_path):
    path = write_oif(tmp_path / "a.oif", VOXELS)
    (tmp_path / "a.oif.files" / "s_C002Z001.tif").unlink()
    with pytest.raises(CorruptError, match="1 of 6 planes are missing"):
        mlarray.read(path)


def test_planes_in_the_folder_belong_to_it(tmp_path):
    (tmp_path / "in").mkdir()
    write_oif(tmp_path / "in" / "a.oif", VOXELS)
    mlarray.convert(tmp_path / "in", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").rglob("*.mla")] == ["a.mla"]


def test_channels_are_in_the_order_of_their_numbers():
    told = {f"GUI Channel {number} Parameters": {"CH Name": f"CHS{number}"} for number in range(1, 13)}
    assert [one.name for one in channels_of(told, 12)] == [f"CHS{number}" for number in range(1, 13)]
