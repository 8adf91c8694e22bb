"""Images to write, and what independent programs find in what was written."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom

from mlarray_core import Meta, geometry
from mlarray_dicom import DicomFormat
from mlarray_dicom.options import DicomOptions
from mlarray_io import Context, Reader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SPACE = ["spatial_z", "spatial_y", "spatial_x"]


def oblique() -> np.ndarray:
    """Return an affine (columns z, y, x; LPS, mm) whose axes follow none of the patient's."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("xyz", [0.2, 0.3, -0.1]).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn[:, ::-1] * (2.5, 0.7, 0.9)
    affine[:3, 3] = 10, -20, 30
    return affine


class Held(Reader):
    """An image in memory."""

    def __init__(self, voxels: np.ndarray, meta: Meta) -> None:
        self.voxels, self.meta = voxels, meta
        self.shape, self.dtype = voxels.shape, voxels.dtype

    def __getitem__(self, box: Any, /) -> np.ndarray:
        return self.voxels[box]


def image(
    voxels: np.ndarray,
    labels: Sequence[str] = SPACE,
    affine: np.ndarray | None = None,
    world: str = "LPS",
    units: Sequence[str] | None = None,
    **meta: Any,
) -> Held:
    """Return an image with an oblique place, unless another is given."""
    place = oblique() if affine is None else affine
    spatial = geometry.spatial_meta(place, axis_labels=labels, axis_units=units, coord_system=world)
    return Held(voxels, Meta(spatial=spatial, **meta))


def written(reader: Reader, target: Path, **options: Any) -> Context:
    """Write an image and return what was said about it."""
    context = Context()
    DicomFormat().write(reader, target, DicomOptions(**options), context)
    return context


def read(path: Path, **options: Any) -> tuple[np.ndarray, Meta]:
    """Read the one image of a file or folder."""
    from tests.dicom.conftest import images

    (found,) = images(path, **options)
    return found.array, found.meta


def files(path: Path) -> list[Path]:
    """Return the files of a target, in the order of their names."""
    return sorted(path.iterdir()) if path.is_dir() else [path]


def frames(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return each frame with its affine (columns row, column index), by pydicom and PS3.3, C.7.6.2.1.1."""
    found = []
    for file in files(path):
        header: Any = pydicom.dcmread(file)
        count = int(header.get("NumberOfFrames", 1))
        pixels = header.pixel_array.reshape(count, *header.pixel_array.shape[count > 1 :])
        for number in range(count):
            macros = _macros(header, number)
            place = np.zeros((3, 3))
            cosines = np.array(macros("PlaneOrientationSequence").ImageOrientationPatient, float)
            spacing = np.array(macros("PixelMeasuresSequence").PixelSpacing, float)
            place[:, 0], place[:, 1] = cosines[3:] * spacing[0], cosines[:3] * spacing[1]
            place[:, 2] = macros("PlanePositionSequence").ImagePositionPatient
            scale = macros("PixelValueTransformationSequence")
            slope, intercept = scale.get("RescaleSlope", 1), scale.get("RescaleIntercept", 0)
            real = macros("RealWorldValueMappingSequence")
            if "RealWorldValueSlope" in real:
                slope, intercept = real.RealWorldValueSlope, real.RealWorldValueIntercept
            found.append((pixels[number] * float(slope) + float(intercept), place))
    return found


def _macros(header: Any, number: int) -> Any:
    """Return what finds a functional group of a frame; of a single-frame object, all is in the data set."""
    groups = header.get("PerFrameFunctionalGroupsSequence")
    if not groups:
        return lambda _: header
    shared = header.SharedFunctionalGroupsSequence[0]
    empty = [pydicom.Dataset()]
    return lambda name: groups[number].get(name, shared.get(name, empty))[0]


def assert_frames(found: list[tuple[np.ndarray, np.ndarray]], voxels: np.ndarray, affine: np.ndarray) -> None:
    """Check that frames hold the voxels (repeats, z, y, x) of an image at their positions, each once."""
    seen = set()
    inverse = np.linalg.inv(affine)
    for pixels, place in found:
        corner = inverse @ (*place[:, 2], 1.0)
        z = round(float(corner[0]))
        np.testing.assert_allclose(corner, (z, 0, 0, 1), atol=1e-4)
        np.testing.assert_allclose(place[:, :2], affine[:3, 1:3], atol=1e-6)
        repeat = next(
            t for t in range(len(voxels)) if (t, z) not in seen and np.array_equal(voxels[t, z], pixels)
        )
        seen.add((repeat, z))
    assert len(seen) == voxels.shape[0] * voxels.shape[1]


def by_dcm2niix(path: Path, folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the images that dcm2niix makes, (t, z, y, x) or (z, y, x), and their affines in LPS."""
    import nibabel

    folder.mkdir()
    alone = "n" if path.is_dir() else "y"
    options = ["-z", "n", "-b", "n", "-f", "%s", "-s", alone, "-o", str(folder), str(path)]
    command = [sys.executable, "-m", "dcm2niix", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = []
    for file in sorted(folder.glob("*.nii")):
        nifti: Any = nibabel.load(file)
        affine = np.diag([-1.0, -1, 1, 1]) @ nifti.affine
        found.append((np.asanyarray(nifti.dataobj).T, affine[:, [2, 1, 0, 3]]))
    return found


def assert_world(found: tuple[np.ndarray, np.ndarray], voxels: np.ndarray, affine: np.ndarray) -> None:
    """Check that an image has the same voxels (z, y, x) at the same positions, in whatever order."""
    other, place = found
    assert other.size == voxels.size
    index = np.indices(voxels.shape).reshape(3, -1)
    world = affine @ np.vstack([index, np.ones(index.shape[1])])
    there = (np.linalg.inv(place) @ world)[:3]
    nearest = np.rint(there).astype(int)
    np.testing.assert_allclose(there, nearest, atol=0.02)
    np.testing.assert_array_equal(other[tuple(nearest)], voxels.reshape(-1))
