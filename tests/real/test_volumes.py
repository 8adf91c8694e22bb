"""Real KLB, Interfile, N5, precomputed and Scanco volumes of `scripts/real-files`."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import UnsupportedError
from tests.real.readers import klb_by_bzip2
from tests.real.test_microscopes import named, path_of, pytestmark  # noqa: F401 (skips where none are here)

BLOCKS = [(0, 0, 0), (1, 2, 3), (2, 5, 5)]
"""Of colour, column and row; those that are fetched, of 1, 100 and 100 each. N5 has zeros for the others."""


def test_klb():
    """The voxels that lie beside it in the authors' repository, as they are."""
    pytest.importorskip("pyklb", reason="pyklb isn't installed")
    image = mlarray.read(path_of("klb/img.klb"))
    theirs = np.fromfile(path_of("klb/img.raw"), "<u2").reshape(29, 151, 101)
    np.testing.assert_array_equal(image.to_numpy(), theirs)
    assert image.meta.source["metadata"] == "Testing metadata"


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("klb/img.klb", ["spatial_z", "spatial_y", "spatial_x"]),
        ("klb/times.klb", ["temporal", "channel", "spatial_z", "spatial_y", "spatial_x"]),
    ],
)
def test_blocks_of_klb(name, labels):
    """Each block unpacked by Python's own bzip2, and put where the header says."""
    pytest.importorskip("pyklb", reason="pyklb isn't installed")
    image, theirs = mlarray.read(path_of(name)), klb_by_bzip2(path_of(name))
    np.testing.assert_array_equal(image.to_numpy(), theirs.reshape(image.shape))
    assert image.meta.spatial.axis_labels == labels
    assert list(image.spacing) == [1, 1, 1]


@pytest.mark.parametrize("name", [one for one in named("interfile") if one.endswith(".hv")])
def test_interfile(name):
    """STIR's, by its header: little-endian floats, x first."""
    path = path_of(name)
    path_of(f"{name.removesuffix('hv')}v")
    header = path.read_text(encoding="ascii")
    told = {
        key: [float(value) for _, value in sorted(re.findall(rf"{key} \[(\d)\] *:= *(\S+)", header))]
        for key in ("matrix size", r"scaling factor \(mm/pixel\)", r"first pixel offset \(mm\)")
    }
    sizes, spacing, offset = told.values()
    image = mlarray.read(path)
    assert "LITTLEENDIAN" in header
    theirs = np.fromfile(path.with_suffix(".v"), "<f4").reshape([int(size) for size in sizes[::-1]])
    np.testing.assert_array_equal(image.to_numpy(), theirs)
    assert image.spacing == pytest.approx(spacing[::-1])
    assert list(image.meta.spatial.origin or []) == pytest.approx(offset)


@pytest.mark.parametrize("name", [one for one in named("interfile") if one.endswith(".hv")])
def test_interfile_by_xmedcon(name, tmp_path):
    """Of one volume, most values are negative, which it makes 0 unless it is told not to."""
    program = shutil.which("medcon")
    if program is None:
        pytest.skip("XMedCon isn't installed")
    nibabel = pytest.importorskip("nibabel", reason="nibabel isn't installed")
    for path in (path_of(name), path_of(f"{name.removesuffix('hv')}v")):
        shutil.copyfile(path, tmp_path / path.name)
    command = [program, "-n", "-f", Path(name).name, "-c", "nifti", "-o", "theirs.nii", "-w"]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    theirs = nibabel.load(tmp_path / "theirs.nii")
    image = mlarray.read(path_of(name))
    np.testing.assert_array_equal(image.to_numpy(), np.asarray(theirs.dataobj).T)
    assert list(image.spacing) == pytest.approx(list(theirs.header.get_zooms())[::-1])


def blocks_of(picture):
    """Return what an N5 holds of a picture of which only `BLOCKS` are there: rows, columns, colours."""
    found = np.zeros_like(picture)
    for colour, column, row in BLOCKS:
        place = slice(100 * row, 100 * row + 100), slice(100 * column, 100 * column + 100), colour
        found[place] = picture[place]
    return found


@pytest.mark.parametrize("packed", ["raw", "gzip", "bzip2", "xz"])
def test_n5(packed):
    """The picture that the reference implementation, in Java, was given."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow isn't installed")
    pytest.importorskip("tensorstore", reason="tensorstore isn't installed")
    folder = path_of(f"n5/n5-java.n5/{packed}/attributes.json").parent
    picture = np.asarray(pillow.open(path_of("n5/reference_image.png")))
    np.testing.assert_array_equal(mlarray.read(folder).to_numpy(), blocks_of(picture))


def test_n5_packed_by_javas_lz4():
    with pytest.raises(UnsupportedError, match="lz4"):
        mlarray.read(path_of("n5/n5-java.n5/lz4/attributes.json").parent)


@pytest.mark.parametrize("name", [one for one in named("precomputed") if "channel" in one])
def test_precomputed(name):
    """Neuroglancer's own, without chunks; its script says 3, 4 and 5 nm, and three levels."""
    pytest.importorskip("tensorstore", reason="tensorstore isn't installed")
    channels = {"one_channel": (), "two_channels": (2,)}[Path(name).parent.name]
    image = mlarray.read(path_of(name).parent)
    assert (image.shape, image.dtype) == ((*channels, 30, 20, 10), np.uint16)
    assert list(image.spacing) == [5, 4, 3]
    np.testing.assert_allclose(image.meta.spatial.origin, [1.5, 2, 2.5])
    assert not image.to_numpy().any()


@pytest.mark.parametrize("name", [one for one in named("scanco") if one.endswith(("aim", "AIM"))])
def test_scanco(name):
    """Of Scanco's own program (plain, and runs of two values) and of n88tools (runs of bytes)."""
    library = pytest.importorskip("py_aimio", reason="aimio-py isn't installed")
    path = path_of(name)
    voxels, header = library.read_aim(str(path))
    image = mlarray.read(path)
    np.testing.assert_array_equal(image.to_numpy(), voxels, strict=True)
    np.testing.assert_allclose(image.spacing, header["element_size"][::-1])
    np.testing.assert_allclose(image.meta.spatial.origin, header["origin"])


@pytest.mark.parametrize("name", [one for one in named("scanco") if one.endswith("ISQ")])
def test_isq(name):
    """Their README: a binary image of 25 voxels a side; 1500 um by the header."""
    library = pytest.importorskip("py_aimio", reason="aimio-py isn't installed")
    image = mlarray.read(path_of(name))
    np.testing.assert_array_equal(image.to_numpy(), library.read_isq(str(path_of(name)))[0], strict=True)
    assert image.shape == (25, 25, 25)
    assert np.unique(image.to_numpy()).tolist() == [0, 1]
    assert list(image.spacing) == pytest.approx([0.06] * 3)
    assert image.meta.spatial.axis_units == ["mm"] * 3
