"""Real Zarr and precomputed folders, here and of `scripts/real-files`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core import geometry
from mlarray_core.errors import UnsupportedError
from tests.real.test_microscopes import FOLDER, images, path_of

DATA = Path(__file__).parents[1] / "data"
FETCHED = pytest.mark.skipif(
    FOLDER is None, reason="the real files are not here (MLARRAY_REAL_FILES is unset)"
)
CHUNKS = [(0, 0, 0), (2, 1, 1), (5, 5, 2)]
"""Of row, column and colour; those that are fetched, of 100, 100 and 1."""


def test_ome_zarr_of_neuroglancer():
    """Its script: numbers that count up, 4 and 30 nm, and two coarser levels."""
    pytest.importorskip("zarr", reason="Zarr isn't installed")
    _, reader, voxels = next(iter(images("zarr", DATA / "zarr/simple.ozx")))
    np.testing.assert_array_equal(voxels, np.arange(100, dtype="u2").reshape(10, 10))
    spatial = reader.meta.spatial
    assert (spatial.spacing, spatial.axis_units) == ([4, 30], ["nm", "nm"])
    assert spatial.axis_labels == ["spatial_y", "spatial_x"]
    assert [level.shape for level in reader.levels] == [(5, 5), (2, 2)]


@FETCHED
@pytest.mark.parametrize("packed", ["raw", "zlib", "blosc"])
def test_zarr_of_z5(packed):
    """The picture that z5, in C++, was given; zeros where its chunks weren't fetched."""
    pytest.importorskip("zarr", reason="Zarr isn't installed")
    pillow = pytest.importorskip("PIL.Image", reason="Pillow isn't installed")
    folder = path_of(f"zarr/z5py.zr/{packed}/.zarray").parent
    picture = np.asarray(pillow.open(path_of("n5/reference_image.png")))
    expected = np.zeros_like(picture)
    for row, column, colour in CHUNKS:
        place = slice(100 * row, 100 * row + 100), slice(100 * column, 100 * column + 100), colour
        expected[place] = picture[place]
    np.testing.assert_array_equal(mlarray.read(folder).to_numpy(), expected)


@FETCHED
def test_ome_zarr_of_a_slice():
    """Three axes of space, x first, and three coarser levels; voxels by tensorstore."""
    pytest.importorskip("zarr", reason="Zarr isn't installed")
    tensorstore = pytest.importorskip("tensorstore", reason="tensorstore isn't installed")
    folder = path_of("zarr/mni152_axial.ome.zarr/.zattrs").parent
    for _, reader, _ in images("zarr", folder, whole=False):
        spatial = reader.meta.spatial
        assert spatial.axis_labels == ["spatial_x", "spatial_y", "spatial_z"]
        for number, level in enumerate([reader, *reader.levels]):
            place = {"driver": "file", "path": str(folder / f"scale{number}/nibabel_converted_image")}
            theirs = tensorstore.open({"driver": "zarr", "kvstore": place}).result().read().result()
            np.testing.assert_array_equal(level[tuple(slice(0, size) for size in level.shape)], theirs)
    affine = geometry.affine_of(spatial)
    np.testing.assert_allclose(affine[:3, :3], np.eye(3) * 0.737463116645813)
    np.testing.assert_allclose(affine[:3, 3], [-75.76253509, -110.76253509, 7.14601839])
    assert number == 3


@FETCHED
def test_precomputed_packed_as_compresso():
    """Of cloud-volume's tests; tensorstore hasn't got it."""
    pytest.importorskip("tensorstore", reason="tensorstore isn't installed")
    with pytest.raises(UnsupportedError, match="'compresso'") as caught:
        mlarray.read(path_of("precomputed/compresso/info").parent)
    assert "cloud-volume" in caught.value.hint
