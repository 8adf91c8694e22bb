"""The resolutions of an image: its stored levels, and every n-th voxel where none is coarse enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlarray_core import geometry
from mlarray_core.errors import MetadataError
from mlarray_core.levels import pyramid
from mlarray_core.levels.overlay import fit
from mlarray_io.sdk.boxes import slab_shape, tiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from mlarray_io.sdk.format import Box, Reader

    Array = np.ndarray[Any, Any]

FIRST = 1 << 20
"""Bytes of one entry of the coarsest resolution, about: what is sent for the first picture."""
SLAB = 64 << 20
"""Bytes that are read at once to take every n-th voxel."""


@dataclass(frozen=True)
class Version:
    """One resolution.

    Attributes
    ----------
    reader
        That holds its voxels.
    steps
        Every how many voxels of the reader are taken, along each axis.
    factors
        How many voxels of the image one stands for, along each axis.
    shifts
        Where the first voxel is, along each spatial axis, in voxels of the image.
    """

    reader: Reader
    steps: tuple[int, ...]
    factors: tuple[int, ...]
    shifts: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of each axis."""
        return tuple(-(-size // step) for size, step in zip(self.reader.shape, self.steps, strict=True))

    @property
    def sampled(self) -> bool:
        """Whether voxels are left out, rather than averaged when the file was made."""
        return max(self.steps, default=1) > 1

    def read(self, box: Box) -> Array:
        """Return the voxels of a box, reading what lies between them only where chunks make it cheaper."""
        if not self.sampled:
            return self.reader[box]
        import numpy as np

        found = np.empty([part.stop - part.start for part in box], self.reader.dtype)
        for part in tiles(found.shape, self._pieces(found.shape)):
            fine = tuple(
                slice((b.start + p.start) * step, (b.start + p.stop - 1) * step + 1)
                for b, p, step in zip(box, part, self.steps, strict=True)
            )
            found[part] = self.reader[fine][tuple(slice(None, None, step) for step in self.steps)]
        return found

    def _pieces(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return boxes, in voxels of this resolution, that are read at once: few chunks, or single planes."""
        chunks = self.reader.chunks or (1,) * len(shape)
        cheap = tuple(max(1, chunk // step) for chunk, step in zip(chunks, self.steps, strict=True))
        size = self.reader.dtype.itemsize * math.prod(self.steps)
        pieces = list(slab_shape(tuple(shape), size, cheap, None, SLAB))
        for axis in range(max(0, len(shape) - 2)):
            if self.steps[axis] >= chunks[axis]:
                pieces[axis] = 1  # planes between two that are taken are not read
        return tuple(pieces)


def versions_of(reader: Reader) -> tuple[list[Version], list[str]]:
    """Return the resolutions of an image, the finest first, and why levels of the source are left out.

    Parameters
    ----------
    reader
        Of the image.
    """
    count = len(reader.shape)
    axes = geometry.spatial_axes(reader.meta.spatial.axis_labels, count)
    found = [Version(reader, (1,) * count, (1,) * count, (0.0,) * len(axes))]
    reasons = []
    for number, level in enumerate(reader.levels, 1):
        try:
            place = fit(reader.shape, reader.meta.spatial, level.shape, level.meta.spatial)
        except MetadataError as error:
            reasons.append(f"level {number} is not shown: {error.message}")
        else:
            found.append(Version(level, (1,) * count, place.factors, place.shifts))
    return [*found, *_sampled(found[-1], axes)], reasons


def _sampled(last: Version, axes: Sequence[int]) -> list[Version]:
    """Return what is needed below the coarsest stored resolution."""
    spacing = geometry.decompose(geometry.affine_of(last.reader.meta.spatial, len(axes)))[0]
    found = []
    if bytes_of_entry(last, axes) <= FIRST:
        return []
    for level in pyramid.plan(last.reader.shape, axes, spacing):
        factors = tuple(a * b for a, b in zip(last.factors, level.factors, strict=True))
        found.append(Version(last.reader, level.factors, factors, last.shifts))
        if bytes_of_entry(found[-1], axes) <= FIRST:
            break
    return found


def bytes_of_entry(version: Version, axes: Sequence[int]) -> int:
    """Return the bytes of one entry: of all spatial axes, and one index along the others."""
    return math.prod(version.shape[axis] for axis in axes) * version.reader.dtype.itemsize
