"""The grid that contours are drawn into: that of the series that they were drawn on, or one that is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_core.errors import OptionError
from mlarray_core.units import factor

if TYPE_CHECKING:
    from mlarray_dicom.listing import Found
    from mlarray_io import Reader

    Numbers = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Grid:
    """A grid of voxels.

    Parameters
    ----------
    shape
        Slices, rows, columns.
    affine
        4 x 4, columns z, y, x, rows LPS, in mm.
    frame
        UID of the frame of reference, empty when unknown.
    """

    shape: tuple[int, int, int]
    affine: Numbers
    frame: str = ""

    @property
    def step(self) -> float:
        """Distance of slices in mm."""
        return float(np.linalg.norm(self.affine[:3, 0]))

    def indices(self, points: Numbers) -> Numbers:
        """Return points (n x 3, LPS and mm) as slice, row and column."""
        inverse = np.linalg.inv(self.affine)
        found: Numbers = points @ inverse[:3, :3].T + inverse[:3, 3]
        return found

    def positions(self, indices: Numbers) -> Numbers:
        """Return where voxels lie, n x 3, of slice, row and column."""
        found: Numbers = indices @ self.affine[:3, :3].T + self.affine[:3, 3]
        return found


def grid_of_image(found: Found) -> Grid | None:
    """Return the grid of an image that was listed; None of one without a place."""
    arrangement = found.arrangement
    if arrangement is None or arrangement.affine is None or len(arrangement.shape) < 3:
        return None
    slices, rows, columns = arrangement.shape[-3:]
    affine = np.array(arrangement.affine, dtype=np.float64)
    return Grid((slices, rows, columns), affine, found.group.first.text("FrameOfReferenceUID"))


def grid_of_reader(reader: Reader, name: str) -> Grid:
    """Return the grid of any image that has one in a known world.

    Parameters
    ----------
    reader
        The image.
    name
        What errors call it.

    Raises
    ------
    OptionError
        Nobody knows where it lies in a patient.
    """
    spatial, axes = reader.meta.spatial, geometry.spatial_axes(reader.labels, len(reader.shape))
    world = geometry.normal_world(spatial.coord_system)
    if len(axes) != 3 or world is None:
        raise OptionError(
            f"{name} has no grid in a patient: it has {len(axes)} spatial axes, and its world is "
            f"{spatial.coord_system or 'unset'}",
            field="like",
            hint="Name a volume in RAS or LPS, such as the series that was drawn on",
        )
    affine = geometry.to_world(geometry.affine_of(spatial, 3), world, "LPS")
    units = {unit for unit in spatial.axis_units or () if unit and factor(unit, "mm")}
    if len(units) == 1:
        affine[:3] *= factor(units.pop(), "mm") or 1.0
    slices, rows, columns = (reader.shape[axis] for axis in axes)
    header: Any = reader.meta.source.to_plain().get("constant", {})
    values = header.get("00200052", {}).get("Value", [""]) if isinstance(header, dict) else [""]
    return Grid((slices, rows, columns), affine, str(values[0]))
