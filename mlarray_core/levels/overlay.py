"""Whether an image is a coarser version of another one, by shape and by place. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_core.errors import MetadataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_core.meta import MetaSpatial

Matrix = np.ndarray[Any, np.dtype[np.float64]]
TOLERANCE = 1e-5
"""How far a voxel size may be from a whole multiple, as a part of it: what rounded decimals make of it."""
NEAR = 1e-3
"""The same for where voxels lie, in voxels of the full image."""


@dataclass(frozen=True)
class Fit:
    """How a coarser version lies over an image.

    Parameters
    ----------
    factors
        Voxels of the image along each axis that one voxel stands for.
    shifts
        Where the centre of the first voxel is along each spatial axis, in voxels of the image: half of a
        factor less one when it is the block's centre.
    """

    factors: tuple[int, ...]
    shifts: tuple[float, ...]


def fit(shape: Sequence[int], spatial: MetaSpatial, coarse_shape: Sequence[int], coarse: MetaSpatial) -> Fit:
    """Return how a coarser version lies over an image.

    Parameters
    ----------
    shape, spatial
        Of the image.
    coarse_shape, coarse
        Of what may be a coarser version: blocks of 1, 2, 4, 8 ... voxels along each spatial axis become one,
        a block that the image's end cuts short too, or left out.

    Raises
    ------
    MetadataError
        It is none: its size or its geometry says otherwise.
    """
    if len(coarse_shape) != len(shape):
        raise MetadataError(f"it has {len(coarse_shape)} axes, not {len(shape)}")
    axes = geometry.spatial_axes(spatial.axis_labels, len(shape))
    between = None if _is_bare(spatial) or _is_bare(coarse) else _between(spatial, coarse, len(axes))
    factors = [1] * len(shape)
    for axis, (size, small) in enumerate(zip(shape, coarse_shape, strict=True)):
        if axis in axes:
            at = axes.index(axis)
            factors[axis] = factor_between(size, small, None if between is None else between[at, at])
        elif size != small:
            raise MetadataError(f"axis {axis} has {small} of {size} and isn't spatial")
    if max(factors, default=1) == 1:
        raise MetadataError("it isn't coarser")
    steps = [factors[axis] for axis in axes]
    centres = tuple((step - 1) / 2 for step in steps)
    if between is None:
        return Fit(tuple(factors), centres)
    _check_sizes(between, steps)
    if not (_is_placed(spatial) and _is_placed(coarse)):
        return Fit(tuple(factors), centres)
    return Fit(tuple(factors), _shifts(between[:-1, -1], steps, centres))


def factor_between(size: int, small: int, ratio: float | None = None) -> int:
    """Return the power of two that `size` voxels were divided by to give `small`, rounded up or down.

    Parameters
    ----------
    size, small
        How many voxels there are along an axis.
    ratio
        Of the voxels' sizes, if known: it tells factors apart that give the same number of voxels.

    Raises
    ------
    MetadataError
        There is none.
    """
    powers = [1 << halvings for halvings in range(size.bit_length() + 1)]
    able = [power for power in powers if 0 < small in (size // power, -(-size // power))]
    if not able:
        raise MetadataError(f"{small} voxels aren't {size} divided by 2, 4, 8 ...")
    near = ratio if ratio is not None and ratio > 0 else size / small
    return min(able, key=lambda power: abs(math.log2(power / near)))


def _between(spatial: MetaSpatial, coarse: MetaSpatial, count: int) -> Matrix:
    """Return the matrix from indices of the coarser version to those of the image."""
    fine, steps = geometry.affine_of(spatial, count), geometry.affine_of(coarse, count)
    return np.asarray(np.linalg.solve(fine, steps), np.float64)


def _check_sizes(between: Matrix, steps: list[int]) -> None:
    if not np.allclose(between[:-1, :-1] / steps, np.eye(len(steps)), rtol=0, atol=TOLERANCE):
        sizes = ", ".join(f"{size:g}" for size in np.diag(between)[:-1])
        raise MetadataError(f"its voxels are {sizes} times as large, not {', '.join(map(str, steps))}")


def _shifts(shifts: Matrix, steps: list[int], centres: tuple[float, ...]) -> tuple[float, ...]:
    """Return where the first voxel lies; that it is the centre, when it is by all but rounding."""
    if (shifts < -NEAR).any() or (shifts > np.subtract(steps, 1) + NEAR).any():
        raise MetadataError("its voxels lie beside those that they stand for")
    return tuple(
        centre if abs(shift - centre) < NEAR else float(shift)
        for shift, centre in zip(shifts, centres, strict=True)
    )


def _is_bare(spatial: MetaSpatial) -> bool:
    return spatial.spacing is None and not _is_placed(spatial)


def _is_placed(spatial: MetaSpatial) -> bool:
    return spatial.affine is not None or spatial.origin is not None or spatial.direction is not None
