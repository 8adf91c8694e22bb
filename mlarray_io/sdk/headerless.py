"""Images of formats that hold voxels and no more: what the user says of them, what writing them loses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import OptionError
from mlarray_io.sdk.options import Options, option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_core.meta import Meta, MetaSpatial

_LETTERS = {
    "t": "temporal",
    "c": "channel",
    "s": "components",
    "z": "spatial_z",
    "y": "spatial_y",
    "x": "spatial_x",
    "n": "non_spatial",
}


_NAMES = {
    **{name: label for name, label in _LETTERS.items() if name in "tczyx"},
    "time": "temporal",
    "channel": "channel",
}
"""Labels by the names that programs give axes, in lower case."""


@dataclass(frozen=True, kw_only=True)
class BareOptions(Options):
    """What the user knows about an image whose file doesn't say it."""

    axes: str | None = option(
        None,
        "the axes, slowest first: letters such as tczyx (s: colours, n: other), or labels with commas",
        reading=True,
    )
    spacing: tuple[float, ...] | None = option(
        None, "voxel size along each spatial axis, slowest first", reading=True
    )
    origin: tuple[float, ...] | None = option(
        None, "world position x,y,z of the first voxel's centre", reading=True
    )
    direction: tuple[float, ...] | None = option(
        None,
        "direction matrix, row by row; column i is the world direction of spatial axis i",
        reading=True,
    )
    unit: str | None = option(None, "unit of the spatial axes, such as mm", reading=True)
    world: str | None = option(None, "which world origin and direction are in: RAS or LPS", reading=True)
    seg: bool | None = option(None, "whether the voxels are labels", reading=True)

    @property
    def places(self) -> bool:
        """Whether the user says where voxels lie."""
        parts = (self.spacing, self.origin, self.direction, self.unit, self.world)
        return any(part is not None for part in parts)


def default_labels(ndim: int) -> list[str]:
    """Return the labels of an array that says nothing: the last three axes are space."""
    space = ["spatial_z", "spatial_y", "spatial_x"][-min(ndim, 3) :] if ndim else []
    return ["non_spatial"] * (ndim - len(space)) + space


def labels_of_names(names: Sequence[str | None]) -> list[str]:
    """Return the labels of axes that a file names: t, c, z, y, x by their meaning, others as they are spelt.

    An axis without a name, or with one that another axis had before, is ``non_spatial``: which place it has
    among others says nothing of what it is.
    """
    labels: list[str] = []
    for name in names:
        spelt = (name or "").strip()
        label = _NAMES.get(spelt.lower(), spelt)
        labels.append("non_spatial" if not label or label in labels else label)
    return labels


def bare_meta(
    options: BareOptions,
    ndim: int,
    *,
    labels: Sequence[str] | None = None,
    source: dict[str, Any] | None = None,
    spatial: MetaSpatial | None = None,
    is_seg: bool | None = None,
) -> Meta:
    """Return the metadata of an image, what the user says before what the file says.

    Parameters
    ----------
    options
        The user's.
    ndim
        Number of axes.
    labels
        Labels that the format or the file suggests; the last three axes are space otherwise.
    source
        The file's header.
    spatial
        Geometry that the file holds.
    is_seg
        Whether the file says that the voxels are labels.

    Raises
    ------
    OptionError
        A setting doesn't fit the image.
    """
    from mlarray_core.meta import Meta

    if spatial is None or options.axes is not None or options.places:
        spatial = _spatial(
            options, _labels(options, ndim, labels if spatial is None else spatial.axis_labels), spatial
        )
    return Meta(source=source or {}, spatial=spatial, is_seg=is_seg if options.seg is None else options.seg)


def _labels(options: BareOptions, ndim: int, suggested: Sequence[str] | None) -> list[str]:
    if options.axes is None:
        return list(suggested or default_labels(ndim))
    text = options.axes.strip().lower()
    if "," in text or (text not in _LETTERS and not set(text) <= set(_LETTERS)):
        labels = [part.strip() for part in text.split(",")]
    else:
        labels = [_LETTERS[letter] for letter in text]
    if len(labels) != ndim:
        raise OptionError(f"says {len(labels)} axes, the image has {ndim}", field="axes")
    return labels


def _spatial(options: BareOptions, labels: list[str], before: MetaSpatial | None) -> MetaSpatial:
    """Return the geometry that the user gives, the file's filling in what isn't given."""
    from mlarray_core import geometry
    from mlarray_core.meta import is_spatial

    count = sum(map(is_spatial, labels))
    units = _units(options, labels, before)
    world = options.world or (before.coord_system if before is not None else None)
    spacing: list[float] | None = None
    origin: list[float] | None = None
    direction: list[list[float]] | None = None
    if before is not None and count and before.spatial_ndim == count:
        spacing, origin, direction = geometry.decompose(geometry.affine_of(before, count))
    spacing = list(options.spacing) if options.spacing is not None else spacing
    origin = list(options.origin) if options.origin is not None else origin
    if options.direction is not None:
        direction = _matrix(options.direction, count)
    _fits(spacing, count, "spacing")
    _fits(origin, count, "origin")
    if origin is None and direction is None:
        return geometry.spatial_meta(
            None, axis_labels=labels, axis_units=units, coord_system=world, spacing=spacing
        )
    affine = geometry.compose(
        spacing or [1.0] * count,
        origin or [0.0] * count,
        direction or [[float(i == j) for j in range(count)] for i in range(count)],
    )
    return geometry.spatial_meta(affine, axis_labels=labels, axis_units=units, coord_system=world)


def _units(options: BareOptions, labels: list[str], before: MetaSpatial | None) -> list[str] | None:
    from mlarray_core.meta import is_spatial

    units = None if before is None else before.axis_units
    if options.unit is None:
        return units if units is None or len(units) == len(labels) else None
    kept = units if units is not None and len(units) == len(labels) else [""] * len(labels)
    return [options.unit if is_spatial(label) else unit for label, unit in zip(labels, kept, strict=True)]


def _matrix(values: Sequence[float], count: int) -> list[list[float]]:
    if len(values) != count * count:
        raise OptionError(f"expected {count} x {count} numbers, got {len(values)}", field="direction")
    return [list(values[row * count : (row + 1) * count]) for row in range(count)]


def _fits(values: Sequence[float] | None, count: int, name: str) -> None:
    if values is not None and len(values) != count:
        raise OptionError(
            f"expected {count} numbers, one for each spatial axis, got {len(values)}", field=name
        )
