"""Images that every library has to put in the same place: written by nibabel, converted by us."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import nibabel
import numpy as np

import mlarray

if TYPE_CHECKING:
    from pathlib import Path

POINTS = 2000
SHAPE = (25, 30, 12)
"""Along x, y, z."""


class Pair(NamedTuple):
    """One image twice."""

    nifti: Path
    mla: Path


def oblique(*, shear: float = 0.0) -> np.ndarray:
    """Return an affine to RAS: turned about three axes, three spacings, left-handed, and sheared if asked."""
    x, y, z = np.radians((17, -23, 31))
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    skew = np.array([[1, shear, shear / 2], [0, 1, -shear], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_y @ about_x @ skew @ np.diag((-0.7, 1.1, 3.0))
    affine[:3, 3] = (12.5, -40.25, 77.0)
    return affine


def voxels(kind: str) -> np.ndarray:
    """Return voxels that all differ from their neighbours, in nibabel's order x, y, z, time."""
    random = np.random.default_rng(0)
    if kind == "labels":
        return random.integers(0, 5, SHAPE).astype("u1")
    if kind == "flat":
        return random.integers(-1000, 1000, SHAPE[:2]).astype("i2")
    if kind == "series":
        return random.integers(-1000, 1000, (*SHAPE, 4)).astype("i2")
    if kind == "colours":
        return random.integers(0, 255, (*SHAPE, 3)).astype("u1")
    return random.integers(-1000, 1000, SHAPE).astype("i2")


KINDS = ("oblique", "labels", "sheared", "flat", "series", "colours")


def pair(kind: str, folder: Path) -> Pair:
    """Write one kind of image with nibabel and convert it."""
    affine, data = oblique(shear=0.2 if kind == "sheared" else 0.0), voxels(kind)
    if kind == "colours":
        data = data.view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    image = nibabel.Nifti1Image(data, affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 0 if kind == "sheared" else 1)
    image.header.set_xyzt_units("mm", "sec")
    made = Pair(folder / f"{kind}.nii.gz", folder / f"{kind}.mla")
    nibabel.save(image, made.nifti)
    mlarray.convert(made.nifti, made.mla, labels=kind == "labels" or None, chunk_size=None)
    return made


def points(kind: str) -> np.ndarray:
    """Return random points in the world, RAS and millimetres, each nearer to one voxel than to any other."""
    random = np.random.default_rng(1)
    shape = (*SHAPE[:2], 1) if kind == "flat" else SHAPE
    indices = random.integers(0, shape, (POINTS, 3)) + random.uniform(-0.4, 0.4, (POINTS, 3))
    affine = oblique(shear=0.2 if kind == "sheared" else 0.0)
    return indices @ affine[:3, :3].T + affine[:3, 3]


def at(places: np.ndarray, data: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Return the values of the nearest voxels.

    Parameters
    ----------
    places
        Points in the world.
    data
        Spatial axes first, in the order of the affine's columns, then any others.
    affine
        4 x 4, from indices to the points' world.
    """
    indices = np.linalg.solve(affine[:3, :3], (places - affine[:3, 3]).T).T
    nearest = np.rint(indices).astype(int)
    if data.ndim == 2:
        data = data[:, :, np.newaxis]
    assert (nearest >= 0).all()
    assert (nearest < data.shape[:3]).all()
    return data[tuple(nearest.T)]


def expected(kind: str) -> np.ndarray:
    """Return what `at` gives of the arrays that were written."""
    return at(points(kind), voxels(kind), oblique(shear=0.2 if kind == "sheared" else 0.0))
