"""Real LIF, ND2, OIB and OIF files, and a folder of Micro-Manager's, as Bio-Formats reads them.

Bio-Formats is Java: its ``bfconvert`` is looked for among the programs.
"""

from __future__ import annotations

import numpy as np
import pytest

import mlarray
from tests.ndtiff.made import write_folder
from tests.real.readers import by_bioformats
from tests.real.test_microscopes import FOLDER, images, named, path_of

FETCHED = pytest.mark.skipif(
    FOLDER is None, reason="the real files are not here (MLARRAY_REAL_FILES is unset)"
)


def check(kind, path, theirs):
    """Compare all images of a file; axes that Bio-Formats has none for are put together with time there."""
    ours = list(images(kind, path))
    assert len(ours) == len(theirs)
    for (_, reader, voxels), (expected, sizes) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(voxels, expected.reshape(voxels.shape))
        spacing = [size for size in reader.meta.spatial.spacing if size]
        assert sorted(spacing) == pytest.approx(sorted(sizes[-len(spacing) :]))


@FETCHED
@pytest.mark.parametrize("name", named("lif"))
def test_lif(name, tmp_path):
    check("lif", path_of(name), by_bioformats(path_of(name), tmp_path))


@FETCHED
@pytest.mark.parametrize("name", named("nd2"))
def test_nd2(name, tmp_path):
    check("nd2", path_of(name), by_bioformats(path_of(name), tmp_path))


@FETCHED
def test_oib(tmp_path):
    path = path_of("oif/test.oib")
    check("oif", path, by_bioformats(path, tmp_path))


@FETCHED
@pytest.mark.filterwarnings("ignore")
def test_oif(tmp_path):
    """The same, as oiffile takes the compound file apart."""
    oiffile = pytest.importorskip("oiffile", reason="oiffile isn't installed")
    oiffile.oib2oif(path_of("oif/test.oib"), location=str(tmp_path), verbose=0)
    (path,) = tmp_path.glob("*.oif")
    np.testing.assert_array_equal(
        mlarray.read(path).to_numpy(), mlarray.read(path_of("oif/test.oib")).to_numpy()
    )
    check("oif", path, by_bioformats(path, tmp_path))


def test_a_folder_of_micro_manager(tmp_path):
    """Of version 1.4, made as its documentation says."""
    pytest.importorskip("tifffile", reason="tifffile isn't installed")
    folder = write_folder(tmp_path / "run", 1)
    check("micromanager", folder, by_bioformats(folder / "metadata.txt", tmp_path))
