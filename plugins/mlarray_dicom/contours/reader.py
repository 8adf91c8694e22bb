"""Structure sets as images: found with their grids, and read as labels or as an axis of masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, AxisValues, Channel, Meta, geometry
from mlarray_core.errors import OptionError, UnsupportedError
from mlarray_dicom.contours.between import MOST_CURVES, MOST_POINTS
from mlarray_dicom.contours.grid import Grid, grid_of_image, grid_of_reader
from mlarray_dicom.contours.slabs import Voxels
from mlarray_dicom.contours.structures import references_of, structures_of
from mlarray_dicom.header.source import read_header
from mlarray_dicom.instance import read_instance
from mlarray_io import Box, Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mlarray_dicom.contours.structures import Structure
    from mlarray_dicom.instance import Instance
    from mlarray_dicom.listing import Found
    from mlarray_dicom.options import DicomOptions
    from mlarray_io import Context

    Array = np.ndarray[Any, Any]

_CONTOURS = 0x30060039
"""ROI Contour Sequence: the voxels are what it says."""
_SPACE = ["spatial_z", "spatial_y", "spatial_x"]


@dataclass(frozen=True)
class Drawn:
    """A structure set and what it is drawn into.

    Parameters
    ----------
    instance
        The file.
    grid
        That of its series, None where another one is asked for.
    """

    instance: Instance
    grid: Grid | None


def drawn_on(instance: Instance, images: Iterable[Found]) -> Grid | None:
    """Return the grid of the image among others that a structure set was drawn on, None when it isn't there.

    Parameters
    ----------
    instance
        The structure set.
    images
        What is beside it.
    """
    for series, objects in references_of(instance.dataset).items():
        own = [one for one in images if one.group.first.text("SeriesInstanceUID") == series]
        named = [one for one in own if objects & _objects(one)]
        grids = [grid for one in named or own if (grid := grid_of_image(one)) is not None]
        if grids:
            return grids[0]
    return None


def _objects(found: Found) -> set[str]:
    group = found.group
    return {group.instances[frame.file].text("SOPInstanceUID") for frame in group.frames}


def open_structures(drawn: Drawn, options: DicomOptions, context: Context) -> Reader:
    """Open a structure set.

    Parameters
    ----------
    drawn
        The structure set.
    options
        What the user wants: a grid, an axis of segments.
    context
        Told of what the user should know.

    Raises
    ------
    OptionError
        There is no such grid.
    UnsupportedError
        It holds no closed contour, or structures overlap that are to become one label map.
    """
    path = drawn.instance.path
    instance = drawn.instance if drawn.instance.whole else read_instance(path)
    grid = drawn.grid if options.like is None else _given(options.like, instance, context)
    if grid is None:
        raise UnsupportedError(
            "its contours were drawn on a series that isn't beside it", path=path, hint=HINT
        )
    structures = structures_of(instance.dataset, path)
    if not any(structure.curves for structure in structures):
        raise UnsupportedError("a structure set without a closed contour", path=path)
    shapes = options.between == "shape"
    voxels = [Voxels(structure, grid, shapes=shapes) for structure in structures]
    _tell(structures, voxels, context)
    context.allow(int(np.prod(grid.shape)) * 2, path)
    axis = _needs_axis(structures, voxels, grid, options, path)
    reader = ContourReader(voxels, structures, grid, axis=axis)
    reader.meta = _meta(instance, structures, grid, context, axis=axis)
    return reader


HINT = "Put the series into its folder, or name a grid: --like FILE (like=)"


def _given(name: str, instance: Instance, context: Context) -> Grid:
    if context.opener is None:
        raise OptionError("no other image can be opened here", path=instance.path, field="like")
    with context.opener(name) as reader:
        grid = grid_of_reader(reader, name)
    frames = {frame.FrameOfReferenceUID for frame in instance.items("ReferencedFrameOfReferenceSequence")}
    if grid.frame and frames and grid.frame not in frames:
        context.warn(f"{name} is in another frame of reference than the contours: they may not fit")
    return grid


def _tell(structures: Sequence[Structure], voxels: Sequence[Voxels], context: Context) -> None:
    """Say how contours became voxels, and which didn't."""
    context.warn("contours are drawn into a grid: voxels whose centres they enclose, even-odd")
    for structure, drawn in zip(structures, voxels, strict=True):
        name = structure.label.name or f"structure {structure.number}"
        left = dict(structure.left_out)
        if drawn.flat:
            left["without an area"] = drawn.flat
        if drawn.crowded:
            context.warn(
                f"{name}: {drawn.crowded} planes have more than {MOST_POINTS:,} points or "
                f"{MOST_CURVES} curves: between them and others the nearest plane counts"
            )
        if left:
            counts = ", ".join(f"{count} {kind}" for kind, count in sorted(left.items()))
            context.warn(f"{name}: contours that enclose nothing are left out ({counts})")


def _needs_axis(
    structures: Sequence[Structure], voxels: Sequence[Voxels], grid: Grid, options: DicomOptions, path: Path
) -> bool:
    """Say whether structures get an axis: where it is asked for, or where they overlap."""
    if options.segments == "axis" or len(structures) == 1:
        return options.segments == "axis"
    pair = _overlapping(voxels, grid)
    if pair is None or options.segments == "auto":
        return pair is not None
    first, second = (structures[place].label.name for place in pair)
    raise UnsupportedError(
        f"its structures {first!r} and {second!r} overlap", path=path, hint="Take -o segments=axis"
    )


def _overlapping(voxels: Sequence[Voxels], grid: Grid) -> tuple[int, int] | None:
    """Return the first two structures that share a voxel."""
    owner = np.zeros(grid.shape[1:], np.int32)
    for number in range(grid.shape[0]):
        owner[:] = 0
        for place, one in enumerate(voxels, start=1):
            for row, column, mask in one.slice(number):
                part = owner[row : row + mask.shape[0], column : column + mask.shape[1]]
                taken = part[mask & (part != 0) & (part != place)]
                if taken.size:
                    return int(taken[0]) - 1, place - 1
                part[mask] = place
    return None


def _meta(
    instance: Instance, structures: Sequence[Structure], grid: Grid, context: Context, *, axis: bool
) -> Meta:
    del instance.dataset[_CONTOURS]
    header = read_header([instance], context)
    labels = [*(["segment"] if axis else []), *_SPACE]
    units = [*([""] if axis else []), "mm", "mm", "mm"]
    spatial = geometry.spatial_meta(grid.affine, axis_labels=labels, axis_units=units, coord_system="LPS")
    meta = Meta(source=header.source(0, None), spatial=spatial, is_seg=True)
    additions = Additions(labels=sorted((one.label for one in structures), key=lambda one: one.value))
    if axis:
        values = [one.label.value for one in structures]
        additions.axes = {0: AxisValues("segment", "", [*values])}
        additions.channels = [Channel({"number": one.number, "label": one.label.name}) for one in structures]
    additions.store(meta)
    return meta


class ContourReader(Reader):
    """Structures in a grid, drawn slice by slice when they are asked for.

    Parameters
    ----------
    voxels, structures
        What is drawn.
    grid
        Into which grid.
    axis
        Whether structures have an axis of their own.
    """

    def __init__(
        self, voxels: Sequence[Voxels], structures: Sequence[Structure], grid: Grid, *, axis: bool
    ) -> None:
        self._voxels, self._axis = voxels, axis
        self._labels = [structure.label.value for structure in structures]
        self.shape = (*([len(voxels)] if axis else []), *grid.shape)
        self.dtype = np.dtype(np.uint8) if axis else np.dtype(np.min_scalar_type(max(self._labels)))
        self.chunks = (*([1] if axis else []), 1, *grid.shape[1:])

    def __getitem__(self, box: Box, /) -> Array:
        out: Array = np.zeros(tuple(part.stop - part.start for part in box), self.dtype)
        if not out.size:
            return out
        *outer, slices, rows, columns = box
        chosen = range(len(self._voxels))[outer[0]] if self._axis else range(len(self._voxels))
        for place, index in enumerate(chosen):
            target = out[place] if self._axis else out
            value = 1 if self._axis else self._labels[index]
            for plane, number in zip(target, range(slices.start, slices.stop), strict=True):
                for patch in self._voxels[index].slice(number):
                    _put(plane, patch.row - rows.start, patch.column - columns.start, patch.mask, value)
        return out


def _put(plane: Array, row: int, column: int, mask: Array, value: int) -> None:
    """Set a value where a mask, whose first pixel lies at a row and column, meets a plane."""
    top, left = max(row, 0), max(column, 0)
    bottom, right = (
        min(at + size, end) for at, size, end in zip((row, column), mask.shape, plane.shape, strict=True)
    )
    if top < bottom and left < right:
        part = mask[top - row : bottom - row, left - column : right - column]
        plane[top:bottom, left:right][part] = value
