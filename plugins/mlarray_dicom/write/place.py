"""Where the frames of an image lie in the patient: LPS, in mm (PS3.3, C.7.6.2.1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_core.errors import UnsupportedError
from mlarray_core.meta import is_spatial
from mlarray_core.units import factor
from mlarray_dicom.attributes import place_key
from mlarray_dicom.elements import loose_numbers

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from mlarray_io import Context, Reader

Numbers = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Place:
    """Where the voxels of a volume lie.

    Parameters
    ----------
    affine
        4 x 4, columns in the order of the array (slices, rows, columns), rows LPS, in mm.
    """

    affine: Numbers

    @property
    def orientation(self) -> list[str]:
        """Directions along a row and along a column: Image Orientation (Patient)."""
        steps = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        return [decimal(part) for part in (*steps[:, 2], *steps[:, 1])]

    @property
    def spacing(self) -> list[str]:
        """Distances between rows and between columns: Pixel Spacing."""
        return [decimal(step) for step in np.linalg.norm(self.affine[:3, 1:3], axis=0)]

    @property
    def step(self) -> str:
        """Distance between slices."""
        return decimal(float(np.linalg.norm(self.affine[:3, 0])))

    def position(self, number: int) -> list[str]:
        """Return the centre of the first voxel of a slice: Image Position (Patient)."""
        return [decimal(part) for part in self.affine[:3, 3] + number * self.affine[:3, 0]]


def decimal(value: float) -> str:
    """Return a number as a decimal string, which has 16 characters at most (PS3.5, 6.2)."""
    from pydicom.valuerep import format_number_as_ds

    return str(format_number_as_ds(float(value) + 0.0))


SAME_PLACE = 0.01
"""How far apart, in mm, two slices may be that count as one: headers round."""


def position_key(header: Dataset, place: Place | None) -> tuple[float, ...]:
    """Return where a slice lies, in steps that tell those of a volume apart; nothing without a place."""
    position = loose_numbers(header, "ImagePositionPatient") or ()
    return place_key(position, SAME_PLACE, None if place is None else float(place.step))


def place_of(reader: Reader, target: Path, context: Context) -> Place | None:
    """Return where an image lies; None for a plane of which that isn't said.

    Parameters
    ----------
    reader
        The image.
    target
        The file, for errors.
    context
        Told of what DICOM can't say.

    Raises
    ------
    UnsupportedError
        Its axes aren't at right angles.
    """
    spatial = reader.meta.spatial
    count = sum(map(is_spatial, reader.labels))
    said = spatial.affine is not None or spatial.origin is not None or spatial.direction is not None
    if count == 2:
        if said:
            context.loss("origin and direction of a plane", "DICOM places slices in three dimensions only")
        return None
    affine = geometry.affine_of(spatial, count)
    if geometry.is_sheared(affine):
        raise UnsupportedError(
            "its axes aren't at right angles, which volumes in DICOM must have",
            path=target,
            hint="Write .nii or .nrrd, which hold a sheared image, or resample it with another tool "
            "(SimpleITK, dcm2niix) first",
        )
    world = geometry.normal_world(spatial.coord_system)
    if world is not None:
        affine = geometry.to_world(affine, world, "LPS")
    elif said:
        context.loss(f"that the world is {spatial.coord_system or 'unset'}", "DICOM's is always LPS")
    else:
        context.loss(
            "that nothing is known of its place",
            "volumes in DICOM have one: from 0, 0, 0 to the left, to the back and upwards",
        )
        affine[:3, :3] = np.diag(np.diag(affine)[:3])[::-1]
    affine[:3] *= _millimetres(reader, context)
    if np.linalg.det(affine[:3, :3][:, ::-1]) < 0:
        context.warn(
            "its slices run against the normal of their rows and columns: programs that read DICOM, this one "
            "too, list them the other way around, at the same places"
        )
    return Place(affine)


def plane_spacing(reader: Reader, context: Context) -> list[str] | None:
    """Return the distances between rows and columns of a plane without a place, in mm; None if not said."""
    spacing = reader.meta.spatial.spacing
    if spacing is None:
        return None
    scale = _millimetres(reader, context)
    return [decimal(step * scale) for step in spacing[-2:]]


def _millimetres(reader: Reader, context: Context) -> float:
    """Return what turns lengths into mm."""
    units = reader.meta.spatial.axis_units or ()
    found = {unit for unit, label in zip(units, reader.labels, strict=False) if is_spatial(label)} - {""}
    scale = factor(min(found), "mm") if len(found) == 1 else None
    if found and scale is None:
        context.loss(f"unit of length {', '.join(sorted(found))}", "DICOM knows millimetres only")
    return scale or 1.0
