"""The part of `MLArray` that says where the voxels lie."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlarray_core import geometry
from mlarray_core.array.state import ArrayState
from mlarray_core.errors import MetadataError

Matrix = np.ndarray[Any, np.dtype[np.float64]]


class ArrayGeometry(ArrayState):
    """Geometry of an image, read from and written to ``meta.spatial``.

    An image stores either an affine, or spacing, origin and direction; whichever it stores, all can be read.
    """

    @property
    def _spatial(self) -> Any:
        if self._meta is None:
            raise MetadataError("the image is closed")
        return self._meta.spatial

    @property
    def spacing(self) -> list[float] | None:
        """Distance of neighbouring voxels along each spatial axis, in array order; None when not known."""
        spacing: list[float] | None = self._part("spacing", 0)
        return spacing

    @spacing.setter
    def spacing(self, value: Any) -> None:
        self._set_part("spacing", value)

    @property
    def origin(self) -> list[float] | None:
        """World position (x, y, z) of the centre of the first voxel; None when not known."""
        origin: list[float] | None = self._part("origin", 1)
        return origin

    @origin.setter
    def origin(self, value: Any) -> None:
        self._set_part("origin", value)

    @property
    def direction(self) -> list[list[float]] | None:
        """Matrix whose column i is the world direction of spatial axis i; None when not known."""
        direction: list[list[float]] | None = self._part("direction", 2)
        return direction

    @direction.setter
    def direction(self, value: Any) -> None:
        self._set_part("direction", value)

    def _part(self, name: str, index: int) -> Any:
        """Return a stored part as it is, to be edited in place, or derive it from the affine, to be read."""
        if self._spatial.affine is None:
            return getattr(self._spatial, name)
        from mlarray_core.meta.frozen import frozen

        return frozen(geometry.decompose(self._spatial.affine)[index])

    def _set_part(self, name: str, value: Any) -> None:
        if self._spatial.affine is not None and value is not None:
            raise MetadataError(
                "the image stores an affine, which holds this already", field=f"spatial.{name}",
                hint="Set affine, or set meta.spatial.affine to None first",
            )  # fmt: skip
        setattr(self._spatial, name, value)

    @property
    def affine(self) -> Matrix | None:
        """Homogeneous matrix from voxel indices (array order) to world x, y, z; None without an array.

        Missing parts count as ones, zeros and identity.
        """
        if self._meta is None or self.spatial_ndim is None:
            return None
        return geometry.affine_of(self._spatial, self.spatial_ndim)

    @affine.setter
    def affine(self, value: Any) -> None:
        self._spatial.affine = value

    @property
    def translation(self) -> list[float] | None:
        """Last column of the affine, None without an array."""
        affine = self.affine
        return None if affine is None else affine[:-1, -1].tolist()

    @property
    def scale(self) -> list[float] | None:
        """Norms of the affine's columns, None without an array."""
        affine = self.affine
        return None if affine is None else np.linalg.norm(affine[:-1, :-1], axis=0).tolist()

    @property
    def rotation(self) -> list[list[float]] | None:
        """The affine's matrix divided by its scale, None without an array."""
        rotation = self._rotation()
        return None if rotation is None else rotation.tolist()

    def _rotation(self) -> Matrix | None:
        affine = self.affine
        return None if affine is None else affine[:-1, :-1] / np.linalg.norm(affine[:-1, :-1], axis=0)

    @property
    def shear(self) -> list[list[float]] | None:
        """Rotation transposed times the affine's matrix, rows divided by scale; None without an array."""
        affine, rotation = self.affine, self._rotation()
        if affine is None or rotation is None:
            return None
        shear: list[list[float]] = (rotation.T @ affine[:-1, :-1] / np.array(self.scale)[:, None]).tolist()
        return shear
