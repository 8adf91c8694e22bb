"""Real Bruker, GIPL, MRC and VTK files, here and of `scripts/real-files`, compared with SimpleITK."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core import geometry
from tests.real.test_microscopes import FOLDER, named, path_of

pytest.importorskip("SimpleITK", reason="SimpleITK, an independent reader, isn't installed")

from tests.by_simpleitk import as_read

DATA = Path(__file__).parents[1] / "data"
HERE = [
    "bruker/axial/2dseq",
    "bruker/coronal/2dseq",
    "vtk/matrix.vtk",
    "vtk/texThres.vtk",
    "mrc/EMD-3197.map",
]
FETCHED = [name for kind in ("gipl", "mrc", "vtk") for name in named(kind)] if FOLDER else []
START = {"mrc/EMD-3197.map": (-22.8, 0, 0)}
"""In angstroms: nxstart of -2 columns of 11.4, which SimpleITK warns that it leaves out."""
TILTED = "mrc/EMD-3001.map"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*HERE, *(one for one in FETCHED if one != TILTED)])
def test_voxels_and_places(name):
    path = DATA / name if name in HERE else path_of(name)
    voxels, affine, _ = as_read(path)
    affine[:-1, -1] += START.get(name, 0)
    image = mlarray.read(path)
    np.testing.assert_array_equal(image.to_numpy(), voxels)
    np.testing.assert_allclose(geometry.affine_of(image.meta.spatial), affine, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(FOLDER is None, reason="the real files are not here (MLARRAY_REAL_FILES is unset)")
def test_a_cell_that_is_no_box():
    """Columns along z, rows along x, sections along y; z is 4 degrees off, so that there is no position."""
    path = path_of(TILTED)
    image = mlarray.read(path)
    np.testing.assert_array_equal(image.to_numpy(), as_read(path)[0])
    assert list(image.spacing) == pytest.approx([4.71 / 12, 17.93 / 40, 33.03 / 72])
    assert image.meta.spatial.origin is None


@pytest.mark.parametrize(("plane", "leads"), [("axial", "LPS"), ("coronal", "LIP")])
def test_slices_of_a_banana(plane, leads):
    """By visu_pars: 80 x 64 pixels of 44 mm, five slices 2 mm apart, and one slope for all."""
    image = mlarray.read(DATA / f"bruker/{plane}/2dseq")
    assert (image.shape, image.meta.spatial.axis_units) == ((5, 64, 80), ["mm"] * 3)
    assert list(image.spacing) == pytest.approx([2, 44 / 64, 44 / 80])
    assert geometry.orientation(image.affine, "LPS") == leads
    stored = np.fromfile(DATA / f"bruker/{plane}/2dseq", "<i2").reshape(image.shape)
    np.testing.assert_allclose(image.to_numpy(), stored * 11.0270188718677, rtol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_a_banana_as_another_library_reads_it():
    """It has fastest axes first, and the place of the first pixel's corner."""
    dataset = pytest.importorskip("brukerapi.dataset", reason="brukerapi isn't installed").Dataset
    theirs = dataset(str(DATA / "bruker/axial/2dseq"))
    image = mlarray.read(DATA / "bruker/axial/2dseq")
    np.testing.assert_allclose(image.to_numpy(), np.asarray(theirs.data).T, rtol=1e-6)
    directions = geometry.affine_of(image.meta.spatial)[:3, 2::-1]
    np.testing.assert_allclose(directions, theirs.affine[:3, :3], atol=1e-6)
