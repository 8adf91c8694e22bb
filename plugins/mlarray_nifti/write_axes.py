"""Which axis of an array becomes which dimension of a NIfTI file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlarray_core.errors import UnsupportedError
from mlarray_nifti.axes import axis_labels, unused_dims

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from mlarray_io import Reader
    from mlarray_nifti.header import Header

_TIMES = ("temporal", "continuous")


@dataclass(frozen=True)
class Plan:
    """Where the axes go.

    Parameters
    ----------
    axes
        For dim 1, 2, 3 ... the axis of the array that goes there, None for a length of one that is added.
    dims
        The sizes, dim 1 first.
    order
        All axes of the array as the file holds them, slowest first, colours last.
    spatial
        The axes of the array that become x, y and z, as far as there are any.
    components
        3 or 4 when the last axis is colour and becomes RGB24 or RGBA32, else 0.
    as_read
        Whether the labels are those that reading the source's header gave.
    """

    axes: tuple[int | None, ...]
    dims: tuple[int, ...]
    order: tuple[int, ...]
    spatial: tuple[int, ...]
    components: int = 0
    as_read: bool = False


def plan_of(reader: Reader, source: Header | None) -> Plan:
    """Decide where the axes go: back to where they were in a NIfTI source, else where NIfTI wants their kind.

    Raises
    ------
    UnsupportedError
        There are more axes than NIfTI has, or an axis without voxels.
    """
    labels, shape = reader.labels, reader.shape
    if not shape or 0 in shape:
        raise UnsupportedError(f"NIfTI can't hold an image of shape {shape}: an axis needs voxels")
    components = _colours(labels, shape, reader.dtype)
    count = len(shape) - bool(components)
    spatial = _spatial(labels[:count])
    as_read = source is not None and labels == axis_labels(source, count, components)
    axes: list[int | None]
    if source is not None and as_read:
        axes = list(reversed(range(count)))
        for at in unused_dims(source):
            axes.insert(at, None)
        while len(axes) > source.get("dim")[0] and shape[len(axes) - count] == 1 and len(axes) <= 3:
            axes.pop()
        order = tuple(range(len(shape)))
    else:
        axes = _arranged(labels[:count], spatial)
        order = (*(axis for axis in reversed(axes) if axis is not None), *range(count, len(shape)))
    dims = tuple(1 if axis is None else shape[axis] for axis in axes)
    return Plan(tuple(axes), dims, order, spatial, components, as_read)


def _colours(labels: Sequence[str], shape: Sequence[int], dtype: np.dtype[np.generic]) -> int:
    """Return how many colours the last axis holds, 0 when RGB24 and RGBA32 don't fit."""
    fits = len(shape) > 1 and labels[-1] == "components" and dtype == "uint8" and shape[-1] in (3, 4)
    return shape[-1] if fits else 0


def _spatial(labels: Sequence[str]) -> tuple[int, ...]:
    """Return the spatial axes, x first: by their names when those differ, else the fastest first."""
    axes = [axis for axis, label in enumerate(labels) if label.startswith("spatial")]
    if len(axes) > 3:
        raise UnsupportedError(
            f"NIfTI holds three spatial axes, the image has {len(axes)}",
            hint="Label the others as what they are, such as temporal or channel (-o axes=tzyx)",
        )
    names = [labels[axis] for axis in axes]
    if "spatial" in names or len(set(names)) < len(names):
        return tuple(reversed(axes))
    return tuple(sorted(axes, key=lambda axis: labels[axis]))


def _arranged(labels: Sequence[str], spatial: tuple[int, ...]) -> list[int | None]:
    """Put space into dim 1 to 3, time or else a series of volumes into dim 4, parts of a value into dim 5."""
    rest = [axis for axis in reversed(range(len(labels))) if axis not in spatial]
    if not spatial or not rest:
        return _limited([*spatial, *rest])
    fourth = next((axis for axis in rest if labels[axis] in _TIMES), None)
    if fourth is None:
        fourth = next((axis for axis in rest if labels[axis] != "components"), None)
    others = sorted((axis for axis in rest if axis != fourth), key=lambda axis: labels[axis] != "components")
    return _limited([*spatial, *[None] * (3 - len(spatial)), fourth, *others])


def _limited(axes: list[int | None]) -> list[int | None]:
    if len(axes) > 7:
        raise UnsupportedError(
            f"NIfTI holds 7 axes, three of them spatial, and this image would need {len(axes)}",
            hint="Write .mla instead, or split the image",
        )
    return axes
