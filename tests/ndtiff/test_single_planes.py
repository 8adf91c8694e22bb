"""Folders of Micro-Manager with a file for each plane, as its documentation describes them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import CorruptError, NotFoundError, UnsafeError
from mlarray_io import Source
from mlarray_io.engine.registry import installed
from mlarray_io.testing import FormatTests
from mlarray_ndtiff import MicroManagerFormat
from tests.mutants import read_damaged
from tests.ndtiff.made import VOXELS, write_folder


class TestMicroManager(FormatTests):
    @pytest.fixture
    def format(self):
        return MicroManagerFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("planes")
        return [write_folder(folder / "one", 1), write_folder(folder / "two", 2)]

    def reference(self, path, image):
        stored = tifffile.imread(sorted(path.glob("*.tif")))
        order = (2, 3, 2) if path.name == "one" else (2, 2, 3)
        stored = stored.reshape(*((2, 2, 3) if path.name == "one" else order), 6, 7)
        # files are sorted by time and the channel's name, or by channel and time
        stored = stored[:, ::-1] if path.name == "one" else stored.transpose(1, 0, 2, 3, 4)
        return stored, np.diag([0.5, 0.65, 0.65, 1]), None


@pytest.mark.parametrize("version", [1, 2])
def test_what_is_told(tmp_path, version):
    image = mlarray.read(write_folder(tmp_path / "Pos0", version))
    np.testing.assert_array_equal(image.to_numpy(), VOXELS)
    labels = ["temporal", "channel", "spatial_z", "spatial_y", "spatial_x"]
    assert image.meta.spatial.axis_labels == labels
    assert image.spacing == [0.5, 0.65, 0.65]
    assert image.meta.source["stage_position_um"] == {"X": 12.5, "Y": -3, "Z": 7}
    additions = Additions.of(image.meta)
    assert additions.axes[0].values == [0.01, 1.0305]
    assert [(channel.name, channel.color) for channel in additions.channels] == [
        ("DAPI", "#0000FF"),
        ("Cy5", "#FF0000"),
    ]


def test_each_position_is_an_image(tmp_path):
    for position in (0, 1):
        write_folder(tmp_path / "run" / f"Pos{position}", 2, position)
    assert installed().identify(Source(tmp_path / "run" / "Pos1" / "metadata.txt")).name == "micromanager"
    mlarray.convert(tmp_path / "run", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.mla")) == ["Pos0.mla", "Pos1.mla"]


def changed(folder, change):
    path = folder / "metadata.txt"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_what_leads_astray(tmp_path):
    folder = write_folder(tmp_path / "a", 1)
    first = "img_000000000_DAPI_000.tif"
    (folder / first).rename(tmp_path / first)
    with pytest.raises(NotFoundError):
        mlarray.read(folder)
    (folder / first).symlink_to(tmp_path / first)
    with pytest.raises(UnsafeError):
        mlarray.read(folder)
    (folder / first).unlink()
    tifffile.imwrite(folder / first, VOXELS[0, 0, 0, :3], photometric="minisblack")
    with pytest.raises(CorruptError):
        mlarray.read(folder).to_numpy()
    changed(folder, lambda content: content["FrameKey-0-0-1"].update(FileName="../secret.tif"))
    with pytest.raises(UnsafeError):
        mlarray.read(folder)
    (folder / "metadata.txt").write_text('{"Summary": {}, "FrameKey-0-0-0": {"FileName"')
    with pytest.raises(CorruptError, match="no JSON"):
        mlarray.read(folder)


def test_mutants(tmp_path):
    folder = write_folder(tmp_path / "a", 2)
    planes = sorted(folder.glob("*.tif"))
    counts = read_damaged(
        MicroManagerFormat(), folder, [folder / "metadata.txt", planes[0], planes[-1]], seed=3
    )
    assert min(counts["read"], counts["refused"]) > 10
