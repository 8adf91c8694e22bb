"""Which axes of an array are frames, and the frames one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_core.errors import UnsupportedError
from mlarray_io.sdk import file_order

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlarray_io import Context, Reader

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Axes:
    """Which axis of an array is what; None for one that isn't there.

    Parameters
    ----------
    repeat
        Of what repeats every position: time, b-values, channels, segments.
    slices, rows, columns
        Of space.
    components
        Of colours.
    """

    repeat: int | None
    slices: int | None
    rows: int
    columns: int
    components: int | None

    @property
    def order(self) -> list[int]:
        """The axes as a file has them, slowest first."""
        axes = (self.repeat, self.slices, self.rows, self.columns, self.components)
        return [axis for axis in axes if axis is not None]

    def plane(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return rows and columns of a frame, and its samples where there are several."""
        inner = (self.rows, self.columns, *(() if self.components is None else (self.components,)))
        return tuple(shape[axis] for axis in inner)

    def counts(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return how many repeats and how many slices there are; 1 where there is no axis."""
        repeats = 1 if self.repeat is None else shape[self.repeat]
        return repeats, 1 if self.slices is None else shape[self.slices]


def axes_of(reader: Reader, target: Path) -> Axes:
    """Return which axis of an image is what.

    Raises
    ------
    UnsupportedError
        DICOM has no place for its axes.
    """
    labels, shape = reader.labels, reader.shape
    space = geometry.spatial_axes(labels, len(shape))
    colours = [axis for axis, label in enumerate(labels) if label == "components"]
    others = [axis for axis in range(len(shape)) if axis not in space and axis not in colours]
    if len(space) not in (2, 3) or len(colours) > 1 or len(others) > 1 or 0 in shape:
        raise UnsupportedError(
            f"DICOM can't hold an image of shape {shape} with the axes {', '.join(labels)}",
            path=target,
            hint="It has frames of two spatial axes, stacked along a third and one more; "
            "write a part of the image, or .nii, .nrrd or .mla",
        )
    if colours and shape[colours[0]] != 3:
        raise UnsupportedError(
            f"DICOM has colours of 3 components, the image has {shape[colours[0]]}",
            path=target,
            hint="Leave out alpha, or write .nrrd or .mla",
        )
    slices = space[0] if len(space) == 3 else None
    repeat = others[0] if others else None
    return Axes(repeat, slices, space[-2], space[-1], colours[0] if colours else None)


def frames(reader: Reader, axes: Axes, context: Context) -> Iterator[Array]:
    """Yield all frames, those of the first repeat first, each rows x columns (x components).

    Parameters
    ----------
    reader
        The image.
    axes
        What its axes are.
    context
        Where to report progress.
    """
    plane = axes.plane(reader.shape)
    frame: Array = np.empty(int(np.prod(plane)), reader.dtype)
    filled = 0
    for piece in file_order(reader, axes.order, context):
        voxels = np.ascontiguousarray(piece).reshape(-1)
        while voxels.size:
            part = voxels[: frame.size - filled]
            frame[filled : filled + part.size] = part
            voxels, filled = voxels[part.size :], filled + part.size
            if filled == frame.size:
                yield frame.reshape(plane)
                frame, filled = np.empty_like(frame), 0
