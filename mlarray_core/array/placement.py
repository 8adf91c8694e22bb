"""The part of `MLArray` that says where an image lies in its world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_core.meta.labels import is_spatial

if TYPE_CHECKING:
    import numpy.typing as npt

    from mlarray_core.array.state import ImageState
    from mlarray_core.meta import MetaSpatial

Matrix = np.ndarray[Any, np.dtype[np.float64]]


class Placed:
    """What has a place in a world.

    It stores either an affine, or spacing, origin and direction; whichever it stores, all can be read.
    """

    __slots__ = ()
    _state: ImageState

    @property
    def _spatial(self) -> MetaSpatial:
        return self._state.meta.spatial

    @property
    def spatial_ndim(self) -> int | None:
        """Number of spatial axes, None without an array."""
        storage = self._state.known_voxels
        if storage is None:
            return None
        labels = self._spatial.axis_labels
        return len(storage.shape) if labels is None else sum(map(is_spatial, labels))

    @property
    def spacing(self) -> list[float] | None:
        """Distance of neighbouring voxels along each spatial axis, in array order; None when not known.

        In `meta.spatial.axis_units`, as origin and affine are.
        """
        spacing: list[float] | None = geometry.stored_part(self._spatial, "spacing")
        return spacing

    @spacing.setter
    def spacing(self, value: npt.ArrayLike | None) -> None:
        geometry.set_stored_part(self._spatial, "spacing", value)

    @property
    def origin(self) -> list[float] | None:
        """World position (x, y, z) of the centre of the first voxel; None when not known."""
        origin: list[float] | None = geometry.stored_part(self._spatial, "origin")
        return origin

    @origin.setter
    def origin(self, value: npt.ArrayLike | None) -> None:
        geometry.set_stored_part(self._spatial, "origin", value)

    @property
    def direction(self) -> list[list[float]] | None:
        """Matrix whose column i is the world direction of spatial axis i; None when not known."""
        direction: list[list[float]] | None = geometry.stored_part(self._spatial, "direction")
        return direction

    @direction.setter
    def direction(self, value: npt.ArrayLike | None) -> None:
        geometry.set_stored_part(self._spatial, "direction", value)

    @property
    def affine(self) -> Matrix | None:
        """Homogeneous matrix from voxel indices (array order) to world x, y, z; None without an array.

        Missing parts count as ones, zeros and identity.
        """
        if self.spatial_ndim is None:
            return None
        return geometry.affine_of(self._spatial, self.spatial_ndim)

    @affine.setter
    def affine(self, value: npt.ArrayLike | None) -> None:
        self._spatial.affine = value  # type: ignore[assignment]

    @property
    def translation(self) -> list[float] | None:
        """Last column of the affine, None without an array."""
        affine = self.affine
        return None if affine is None else affine[:-1, -1].tolist()

    @property
    def scale(self) -> list[float] | None:
        """Norms of the affine's columns, None without an array."""
        affine = self.affine
        return None if affine is None else geometry.scale_rotation_shear(affine)[0].tolist()

    @property
    def rotation(self) -> list[list[float]] | None:
        """The affine's matrix divided by its scale, None without an array."""
        affine = self.affine
        return None if affine is None else geometry.scale_rotation_shear(affine)[1].tolist()

    @property
    def shear(self) -> list[list[float]] | None:
        """Rotation transposed times the affine's matrix, rows divided by scale; None without an array."""
        affine = self.affine
        return None if affine is None else geometry.scale_rotation_shear(affine)[2].tolist()
