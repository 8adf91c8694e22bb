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
    factors = [1] * len(shape)
    for axis, (size, small) in enumerate(zip(shape, coarse_shape, strict=True)):
        if axis in axes:
            factors[axis] = factor_between(size, small)
        elif size != small:
            raise MetadataError(f"axis {axis} has {small} of {size} and isn't spatial")
    if max(factors, default=1) == 1:
        raise MetadataError("it isn't coarser")
    return Fit(tuple(factors), _shifts(spatial, coarse, [factors[axis] for axis in axes]))


def factor_between(size: int, small: int) -> int:
    """Return the power of two that `size` voxels were divided by to give `small`, rounded up or down.

    Raises
    ------
    MetadataError
        There is none.
    """
    if 0 < small <= size:
        factor = 1 << round(math.log2(size / small))
        if small in (size // factor, -(-size // factor)):
            return factor
    raise MetadataError(f"{small} voxels aren't {size} divided by 2, 4, 8 ...")


def _shifts(spatial: MetaSpatial, coarse: MetaSpatial, factors: list[int]) -> tuple[float, ...]:
    """Return where the first voxel lies, after checking that geometry and factors agree."""
    centres = tuple((factor - 1) / 2 for factor in factors)
    if _is_bare(spatial) or _is_bare(coarse):
        return centres
    between = np.linalg.inv(geometry.affine_of(spatial, len(factors))) @ geometry.affine_of(
        coarse, len(factors)
    )
    wanted = np.diag(factors).astype(np.float64)
    if not np.allclose(between[:-1, :-1] / factors, wanted / factors, rtol=0, atol=TOLERANCE):
        sizes = ", ".join(f"{size:g}" for size in np.diag(between)[:-1])
        raise MetadataError(f"its voxels are {sizes} times as large, not {', '.join(map(str, factors))}")
    if not (_is_placed(spatial) and _is_placed(coarse)):
        return centres
    shifts = between[:-1, -1]
    if (shifts < -NEAR).any() or (shifts > np.subtract(factors, 1) + NEAR).any():
        raise MetadataError("its voxels lie beside those that they stand for")
    return tuple(
        centre if abs(shift - centre) < NEAR else float(shift)
        for shift, centre in zip(shifts, centres, strict=True)
    )


def _is_bare(spatial: MetaSpatial) -> bool:
    return spatial.spacing is None and not _is_placed(spatial)


def _is_placed(spatial: MetaSpatial) -> bool:
    return spatial.affine is not None or spatial.origin is not None or spatial.direction is not None
