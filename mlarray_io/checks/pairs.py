"""Pairs of an image and its label: what trainings need to agree, compared from headers alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mlarray_core.errors import MLArrayError
from mlarray_io.engine.select import open_one
from mlarray_io.engine.settings import Settings
from mlarray_io.places.place import place_of
from mlarray_io.search.criteria import display_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from mlarray_core.meta import Meta

HEADERS = Settings(threads=1)
"""Each of many processes reads headers; none of them needs more than its own thread."""


@dataclass(frozen=True)
class Pair:
    """An image and its label, either None when it has no partner."""

    image: str | None
    label: str | None


@dataclass(frozen=True)
class PairRow:
    """What is wrong with a pair.

    Attributes
    ----------
    image, label
        The two files as messages show them; None for one that isn't there.
    problems
        What is wrong; empty when they agree.
    """

    image: str | None
    label: str | None
    problems: tuple[str, ...] = ()

    @classmethod
    def of(cls, one: Pair, *problems: str) -> PairRow:
        """Return the row of a pair."""
        return cls(_shown(one.image), _shown(one.label), problems)

    @property
    def name(self) -> str:
        """The image, or the label when there is none."""
        return self.image or self.label or ""

    def to_json(self) -> dict[str, object]:
        """Return it as JSON can hold it."""
        return {"image": self.image, "label": self.label, "problems": list(self.problems)}


class Placed(Protocol):
    """What can be compared: an image's array and metadata, such as a `Reader`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of each axis."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the voxels."""

    @property
    def meta(self) -> Meta:
        """Where it lies, and what its axes are."""


def check(one: Pair, tolerance: float = 1e-3) -> PairRow:
    """Return what is wrong with a pair.

    Parameters
    ----------
    one
        The pair.
    tolerance
        How far apart any corner of the two may lie, in parts of a voxel of the image.
    """
    if one.image is None or one.label is None:
        return PairRow.of(one, "there is no label" if one.label is None else "there is no image")
    try:
        with (
            open_one(place_of(one.image), HEADERS) as image,
            open_one(place_of(one.label), HEADERS) as label,
        ):
            return PairRow.of(one, *problems(image.reader, label.reader, tolerance))
    except MLArrayError as error:
        return PairRow.of(one, f"{os.path.basename(error.path or '')}: {error.message}")


def lost(one: Pair, code: int | None) -> PairRow:
    """Return the row of a pair that killed its process."""
    return PairRow.of(one, f"the process died (code {code})")


def problems(image: Placed, label: Placed, tolerance: float) -> list[str]:
    """Say how the grids of two images differ, in whatever world each of them is placed.

    Parameters
    ----------
    image, label
        Both open.
    tolerance
        How far apart any corner of the two may lie, in parts of a voxel of the image.
    """
    from mlarray_core import geometry

    found = []
    shapes = [_spatial_shape(reader) for reader in (image, label)]
    if shapes[0] != shapes[1]:
        found.append(f"shape: {_spelt(shapes[0])} and {_spelt(shapes[1])}")
    if label.dtype.kind not in "biu" and label.meta.is_seg.value is not True:
        found.append(f"type: the label holds {label.dtype}, no integers")
    spatials = [reader.meta.spatial for reader in (image, label)]
    placed = [s.affine is not None or s.spacing is not None for s in spatials]
    if not all(placed):
        return found + (["geometry: only one of them has any"] if any(placed) else [])
    if len(shapes[0]) != len(shapes[1]):
        return found
    affines = [geometry.affine_of(s, len(n)) for s, n in zip(spatials, shapes, strict=True)]
    worlds = [geometry.normal_world(s.coord_system) for s in spatials]
    if None not in worlds:
        affines[1] = geometry.to_world(affines[1], worlds[1], worlds[0])
    elif worlds[0] != worlds[1]:
        found.append(f"world: {spatials[0].coord_system} and {spatials[1].coord_system}")
    return found + _apart(affines, shapes[0], tolerance)


def _apart(affines: Sequence[Any], shape: Sequence[int], tolerance: float) -> list[str]:
    """Say what puts the corners of two grids apart: spacing, origin or direction."""
    import numpy as np

    from mlarray_core import geometry

    n = len(shape)
    corners = np.stack(np.meshgrid(*[(0, size - 1) for size in shape], indexing="ij"), -1).reshape(-1, n)
    there = [corners @ affine[:-1, :n].T + affine[:-1, n] for affine in affines]
    steps = np.array(geometry.decompose(affines[0])[0])
    distance = float(np.abs(there[0] - there[1]).max())
    if distance <= tolerance * float(steps.min()):
        return []
    parts = [geometry.decompose(affine) for affine in affines]
    found = []
    for name, left, right in zip(("spacing", "origin", "direction"), *parts, strict=True):
        if not np.allclose(left, right, rtol=1e-5, atol=tolerance * float(steps.min())):
            found.append(f"{name}: {_spelt(left)} and {_spelt(right)}")
    return found or [f"geometry: corners lie up to {distance:g} apart"]


def _spatial_shape(reader: Placed) -> tuple[int, ...]:
    from mlarray_core import geometry

    axes = geometry.spatial_axes(reader.meta.spatial.axis_labels, len(reader.shape))
    return tuple(reader.shape[axis] for axis in axes)


def _spelt(value: Any) -> str:
    if isinstance(value, list | tuple):
        inner = [_spelt(one) for one in value]
        return "(" + ", ".join(inner) + ")"
    return f"{value:g}"


def _shown(source: str | None) -> str | None:
    return None if source is None else display_name(source)
