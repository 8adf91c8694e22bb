"""Where the voxels lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from mlarray_core.errors import MetadataError
from mlarray_core.meta.base import BaseMeta, is_unset
from mlarray_core.meta.checks import (
    JsonDict,
    each,
    finite,
    invertible,
    length,
    mistyped,
    positive,
    shown,
    square,
    text,
    whole,
)
from mlarray_core.meta.frozen import FrozenList
from mlarray_core.meta.labels import AxisLabelEnum, CoordSystemEnum, is_spatial

if TYPE_CHECKING:
    from collections.abc import Iterable

GEOMETRY_FIELDS = ("spacing", "origin", "direction", "affine")
_PARTS = GEOMETRY_FIELDS[:3]
_STORED = (
    *GEOMETRY_FIELDS,
    "shape",
    "axis_labels",
    "axis_units",
    "_num_spatial_axes",
    "_num_non_spatial_axes",
    "coord_system",
)


@dataclass(eq=False, repr=False)
class MetaSpatial(BaseMeta):
    """Geometry and meaning of the axes. Holds an affine, or spacing, origin and direction, never both.

    Attributes
    ----------
    spacing
        Distance of neighbouring voxels along each spatial axis, in array order and in `axis_units`; > 0.
    origin
        World position of the centre of the first voxel: x, y, z.
    direction
        Invertible matrix whose column i is the world direction of spatial axis i.
    affine
        Invertible homogeneous matrix from voxel indices (array order) to world x, y, z; its last row is
        0 ... 0 1.
    shape
        Shape of the array; read-only.
    axis_labels
        What each axis of the array is, see `AxisLabel`; None when all are spatial.
    coord_system
        Which way world x, y, z point, see `CoordSystem`, or any other name of a world; None when unknown.
    axis_units
        Unit of each axis of the array, such as ``mm``, ``um``, ``s``; an empty string for none.
    _num_spatial_axes, _num_non_spatial_axes
        How many axes `axis_labels` call spatial, and how many not; read-only.
    """

    AxisLabel: ClassVar[type[AxisLabelEnum]] = AxisLabelEnum
    CoordSystem: ClassVar[type[CoordSystemEnum]] = CoordSystemEnum
    _PATH: ClassVar[str] = "spatial"
    _READ_ONLY: ClassVar[frozenset[str]] = frozenset({"shape", "_num_spatial_axes", "_num_non_spatial_axes"})

    spacing: list[int | float] | None = None
    origin: list[int | float] | None = None
    direction: list[list[int | float]] | None = None
    affine: list[list[int | float]] | None = None
    shape: list[int] | None = None
    axis_labels: list[str] | None = None
    coord_system: str | None = None
    axis_units: list[str] | None = None
    _num_spatial_axes: int | None = None
    _num_non_spatial_axes: int | None = None

    @classmethod
    def _names(cls) -> tuple[str, ...]:
        """Return the fields in the order of files, `coord_system` last: equal metadata are equal bytes."""
        return _STORED

    @property
    def ndim(self) -> int | None:
        """Number of axes of the array, as far as shape or labels say it."""
        known = self.axis_labels if self.shape is None else self.shape
        return None if known is None else len(known)

    @property
    def spatial_ndim(self) -> int | None:
        """Number of spatial axes, as far as labels, shape or geometry say it."""
        if self.axis_labels is not None:
            return sum(map(is_spatial, self.axis_labels))
        if self.shape is not None:
            return len(self.shape)
        return self._geometry_ndim()

    def _geometry_ndim(self) -> int | None:
        if self.affine is not None:
            return len(self.affine) - 1
        parts = (self.spacing, self.origin, self.direction)
        return next((len(part) for part in parts if part is not None), None)

    def _validate_and_cast(self) -> None:
        self._cast_axes()
        self._cast_geometry()
        self._check_lengths(self.ndim, self.spatial_ndim)

    def _cast_axes(self) -> None:
        if self.shape is not None:
            self._put("shape", FrozenList(each(self.shape, "spatial.shape", whole)))
        if self.axis_labels is not None:
            self._put("axis_labels", each(self.axis_labels, "spatial.axis_labels", text))
        if self.axis_units is not None:
            self._put("axis_units", each(self.axis_units, "spatial.axis_units", _unit))
        if self.coord_system is not None:
            self._put("coord_system", _world(self.coord_system))
        labels = self.axis_labels
        count = None if labels is None else sum(map(is_spatial, labels))
        self._put("_num_spatial_axes", count)
        self._put("_num_non_spatial_axes", None if labels is None or count is None else len(labels) - count)

    def _cast_geometry(self) -> None:
        parts = [name for name in _PARTS if getattr(self, name) is not None]
        if self.affine is not None and parts:
            raise MetadataError(
                f"can't be set together with {' and '.join(parts)}",
                field="spatial.affine",
                hint="Set one of the two to None first",
            )
        if self.spacing is not None:
            self._put("spacing", each(self.spacing, "spatial.spacing", positive))
        if self.origin is not None:
            self._put("origin", each(self.origin, "spatial.origin", finite))
        if self.direction is not None:
            self._put("direction", square(self.direction, "spatial.direction"))
            invertible(self.direction, "spatial.direction")
        if self.affine is not None:
            self._put("affine", _homogeneous(self.affine))

    def _check_lengths(self, ndim: int | None, spatial_ndim: int | None) -> None:
        length(self.shape, ndim, "spatial.shape", "axis")
        length(self.axis_labels, ndim, "spatial.axis_labels", "axis")
        length(self.axis_units, ndim, "spatial.axis_units", "axis")
        for name in _PARTS:
            length(getattr(self, name), spatial_ndim, f"spatial.{name}", "spatial axis")
        if self.affine is not None and spatial_ndim is not None and len(self.affine) != spatial_ndim + 1:
            size = spatial_ndim + 1
            raise MetadataError(
                f"expected a {size} x {size} matrix for {spatial_ndim} spatial axes, "
                f"got {len(self.affine)} x {len(self.affine)}",
                field="spatial.affine",
            )

    def _check_context(self, ndim: int | None, spatial_ndim: int | None, shape: list[int] | None) -> None:
        """Check everything again (it may have been edited in place) and against the array."""
        if shape is not None and self.shape is not None and list(self.shape) != shape:
            message = f"expected {shape}, the array's, got {list(self.shape)}"
            raise MetadataError(message, field="spatial.shape")
        self._validate_and_cast()
        if self.axis_labels is None and spatial_ndim is None:
            spatial_ndim = ndim
        self._check_lengths(ndim, spatial_ndim)

    def copy_from(self, other: Self, *, overwrite: bool = False) -> None:
        """Copy the fields of another instance, but for `shape`.

        An affine here keeps the other's spacing, origin and direction out. Spacing, origin or direction
        here are completed from the other's affine.

        Parameters
        ----------
        other
            Where to copy from.
        overwrite
            Copy every field; otherwise only those that aren't set here.
        """
        self._copy_fields(other, self._user_names(), overwrite=overwrite)

    def _copy_fields(self, other: Self, names: Iterable[str], *, overwrite: bool) -> None:
        self._same_class(other)
        changes = {name: getattr(other, name) for name in names}
        if not overwrite:
            changes = self._fill(changes)
        self._assign(changes)

    def _fill(self, changes: JsonDict) -> JsonDict:
        if self.affine is not None:
            changes.update(dict.fromkeys(_PARTS))
        elif any(getattr(self, name) is not None for name in _PARTS) and changes["affine"] is not None:
            changes.update(_split(changes["affine"]), affine=None)
        return {name: value for name, value in changes.items() if is_unset(getattr(self, name))}


def _unit(value: object, path: str) -> str:
    return "" if value is None else text(value, path)


def _world(value: object) -> str:
    if not isinstance(value, str):
        raise mistyped("spatial.coord_system", "a string such as 'RAS' or 'LPS', or None", value)
    return text(value, "spatial.coord_system")


def _homogeneous(value: object) -> list[list[int | float]]:
    affine = square(value, "spatial.affine")
    if len(affine) < 2:
        raise MetadataError("expected a matrix of at least 2 x 2", field="spatial.affine")
    last = len(affine) - 1
    if affine[last] != [0] * last + [1]:
        raise MetadataError(
            f"expected zeros and a one, got {shown(affine[last])}", field=f"spatial.affine[{last}]"
        )
    invertible([row[:last] for row in affine[:last]], "spatial.affine")
    return affine


def _split(affine: list[list[int | float]]) -> JsonDict:
    """Return the spacing, origin and direction that make up an affine (with its shear, in the direction)."""
    rows = affine[:-1]
    spacing = [math.hypot(*column) for column in zip(*(row[:-1] for row in rows), strict=True)]
    return {
        "spacing": spacing,
        "origin": [row[-1] for row in rows],
        "direction": [[value / size for value, size in zip(row[:-1], spacing, strict=True)] for row in rows],
    }
