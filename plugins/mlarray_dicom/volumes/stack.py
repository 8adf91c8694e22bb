"""Slices in order: sorted along their normal, repeats on an axis of their own, steps from positions."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import UnsupportedError
from mlarray_dicom.attributes import claimed, normal, point
from mlarray_dicom.volumes.repeats import repeats_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_dicom.frames.frame import Frame
    from mlarray_dicom.options import DicomOptions
    from mlarray_dicom.volumes.axes import RepeatAxis

Points = np.ndarray[Any, np.dtype[np.float64]]
Order = np.ndarray[Any, np.dtype[np.int64]]

ABSENT = -1
"""In place of the index of a frame: nothing is there."""
GAP = 1.5
"""Distances of slices from which on one is missing, in parts of the usual one: halfway to two of them."""
ROUNDED = 0.05
"""How far a gap may be from a whole number of slices, in parts of one, and positions that count as the same
from each other, in parts of a pixel: positions are rounded."""


MOST_SLICES = 1 << 20
"""Slices that a stack may have with the empty ones: a damaged spacing would make it as long as it likes."""


@dataclass
class Stack:
    """Frames in the order of the array.

    Parameters
    ----------
    order
        Index of a frame for each place of the outer axes (z, or t and z), `ABSENT` for a filled slice.
    affine
        4 x 4, columns z, y, x, rows LPS, in mm; None when the frames have no place.
    axis
        Of repeats; None when there are none.
    positions
        Distances of the slices along the normal when they are uneven, in mm.
    notes
        What the user should know.
    """

    order: Order
    affine: Points | None = None
    axis: RepeatAxis | None = None
    positions: list[float] | None = None
    notes: list[str] = field(default_factory=list)


def stacks_of(frames: Sequence[Frame], options: DicomOptions) -> list[list[Frame]]:
    """Split frames at missing slices, if that is asked for; else return them as they are."""
    if options.missing != "split" or not frames[0].placed:
        return [list(frames)]
    along, planes = _planes(frames, options.tolerance)
    gaps = np.diff(along)
    base = median(gaps.tolist()) if len(gaps) else 0.0
    cuts = [i + 1 for i, gap in enumerate(gaps) if gap > GAP * base]
    runs = np.split(np.arange(len(planes)), cuts)
    return [[frames[i] for plane in run for i in planes[plane]] for run in runs]


def stack(frames: Sequence[Frame], options: DicomOptions, path: Path, step: float | None = None) -> Stack:
    """Put placed frames in order.

    Parameters
    ----------
    frames
        Those of an image, all with a place and one orientation.
    options
        What to do about missing and uneven slices.
    path
        Of a file, for errors.
    step
        The distance of slices in mm as a segmentation says it, which leaves out empty ones.

    Raises
    ------
    UnsupportedError
        Slices are missing, unevenly spaced or unevenly repeated, which no array can say.
    CorruptError
        The distance of a single slice to the next can't be read.
    """
    along, planes = _planes(frames, options.tolerance)
    order, axis, notes = repeats_of(frames, planes)
    points = np.array([frames[plane[0]].position for plane in planes], dtype=np.float64)
    found = Stack(order, axis=axis, notes=notes)
    if len(points) == 1:
        return _single(frames[0], points[0], found, path)
    return _even(frames[0], points, along, found, options, step)


def depth(frames: Sequence[Frame]) -> Points:
    """Return the distance of each frame along the common normal, in mm.

    Raises
    ------
    UnsupportedError
        They have no orientation.
    """
    cosines = frames[0].orientation
    if cosines is None:
        raise UnsupportedError("a position without an orientation places nothing")
    points: Points = np.array([frame.position for frame in frames], dtype=np.float64)
    return points @ np.array(normal(cosines), dtype=np.float64)


def _planes(frames: Sequence[Frame], tolerance: float) -> tuple[Points, list[list[int]]]:
    """Return the distinct positions in ascending order, and the frames at each."""
    along = depth(frames)
    points = np.array([frame.position for frame in frames], dtype=np.float64)
    near = min(tolerance, ROUNDED * min(frames[0].spacing or (1.0,)))
    planes: list[list[int]] = []
    for index in np.argsort(along, kind="stable"):
        at = int(index)
        if planes and np.abs(points[at] - points[planes[-1][0]]).max() <= near:
            planes[-1].append(at)
        else:
            planes.append([at])
    depths = np.array([along[plane[0]] for plane in planes])
    same = np.flatnonzero(np.diff(depths) <= near)
    if len(same):
        first, second = (points[planes[same[0] + i][0]] for i in (0, 1))
        raise UnsupportedError(
            f"slices lie beside, not behind each other: at {point(first)} and {point(second)} mm",
            hint="If these are rounded positions of one slice, take -o tolerance=MM",
        )
    return depths, planes


def _single(reference: Frame, at: Points, found: Stack, path: Path) -> Stack:
    """Place one slice, whose thickness only the header can say."""
    thickness = claimed(reference.thickness, path)
    if thickness is None:
        found.notes.append("its slice thickness is unknown: 1 mm is assumed for the one slice")
    if reference.orientation is not None:
        found.affine = _affine(reference, at, np.array(normal(reference.orientation)) * (thickness or 1.0))
    return found


def _even(
    reference: Frame,
    points: Points,
    along: Points,
    found: Stack,
    options: DicomOptions,
    said: float | None,
) -> Stack:
    """Work out the affine from the positions, or refuse them."""
    count = len(points)
    slots = _slots_of(along, said) if said else None
    slots = _slots(along) if slots is None else slots
    if slots is not None and slots[-1] > count - 1:
        if options.missing == "error":
            raise UnsupportedError(_missing(points, slots), hint="Take -o missing=fill or -o missing=split")
        if options.missing == "fill":
            return _filled(reference, points, slots, found, options)
    step = (points[-1] - points[0]) / (count - 1)
    off = np.abs(points - (points[0] + np.arange(count)[:, None] * step)).max(axis=1)
    found.affine = _affine(reference, points[0], step)
    if off.max() > options.tolerance:
        if options.irregular == "error":
            raise UnsupportedError(
                _irregular(points, along, off, options.tolerance),
                hint="Take -o irregular=keep to convert it with the positions listed, or -o tolerance=MM",
            )
        found.positions = [float(value) for value in along - along[0]]
        found.notes.append(
            f"slices lie up to {off.max():.3f} mm off an even stack; their positions are listed"
        )
    return found


def _slots_of(along: Points, step: float) -> Order | None:
    """Return the place of each slice in a stack of a known step, None when gaps are no multiples of it."""
    ratio = np.diff(along) / step
    steps = np.rint(ratio)
    if (np.abs(ratio - steps) > ROUNDED).any() or (steps < 1).any() or steps.sum() > MOST_SLICES:
        return None
    return np.concatenate([[0], np.cumsum(steps)]).astype(np.int64)


def _slots(along: Points) -> Order | None:
    """Return the place of each slice in a stack with gaps, None when gaps are no whole number of steps."""
    gaps = np.diff(along)
    # NumPy's own median loads its masked arrays, a hundredth of the time of a conversion
    base = median(gaps.tolist()) if len(gaps) > 1 else 0.0
    if base <= 0:
        return None
    small = gaps[gaps < GAP * base]
    ratio = gaps / small.mean()
    steps = np.rint(ratio)
    if (np.abs(ratio - steps) > ROUNDED).any() or (steps < 1).any() or steps.sum() > MOST_SLICES:
        return None
    return np.concatenate([[0], np.cumsum(steps)]).astype(np.int64)


def _filled(reference: Frame, points: Points, slots: Order, found: Stack, options: DicomOptions) -> Stack:
    """Leave places for missing slices."""
    step = (points[-1] - points[0]) / slots[-1]
    off = float(np.abs(points - (points[0] + slots[:, None] * step)).max())
    if off > options.tolerance:
        raise UnsupportedError(f"slices lie up to {off:.3f} mm off an even stack, besides missing ones")
    order = np.full((*found.order.shape[:-1], int(slots[-1]) + 1), ABSENT, np.int64)
    order[..., slots] = found.order
    found.order, found.affine = order, _affine(reference, points[0], step)
    found.notes.append(f"{int(slots[-1]) + 1 - len(points)} missing slices were filled")
    return found


def _missing(points: Points, slots: Order) -> str:
    lost = int(slots[-1]) + 1 - len(slots)
    at = int(np.flatnonzero(np.diff(slots) > 1)[0])
    where = f"between {point(points[at])} and {point(points[at + 1])} mm"
    return f"{lost} slice{'s are' if lost > 1 else ' is'} missing, by the slice positions, the first {where}"


def _irregular(points: Points, along: Points, off: Points, tolerance: float) -> str:
    gaps = np.diff(along)
    worst = int(off.argmax())
    return (
        f"the spacing of the slices is uneven: from {gaps.min():.4g} to {gaps.max():.4g} mm; the slice at "
        f"{point(points[worst])} mm is {off[worst]:.3f} mm off an even stack (allowed: {tolerance:g} mm)"
    )


def _affine(reference: Frame, origin: Points, step: Points) -> Points:
    """Return columns z, y, x: a sheared stack (gantry tilt) keeps its shear (PS3.3, C.7.6.2.1.1)."""
    cosines = reference.orientation
    if cosines is None or reference.spacing is None:
        raise UnsupportedError("a position without orientation and pixel spacing places nothing")
    affine = np.eye(4)
    affine[:3, 0] = step
    affine[:3, 1] = np.multiply(cosines[3:], reference.spacing[0])
    affine[:3, 2] = np.multiply(cosines[:3], reference.spacing[1])
    affine[:3, 3] = origin
    return affine
