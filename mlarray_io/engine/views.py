"""Readers that show another reader's image: in another world or voxel order, or without who was imaged.

No voxel is resampled.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlarray_core import geometry
from mlarray_core.errors import ArgumentError
from mlarray_core.meta import Additions, AxisValues
from mlarray_io.engine.registry import installed
from mlarray_io.privacy.metadata import Findings, deidentified, findings
from mlarray_io.sdk.format import Box, Reader
from mlarray_io.sdk.space.frames import reversed_slices
from mlarray_io.sdk.space.sidecar import Turn
from mlarray_io.sdk.space.vectors import in_world, turned_frames, world_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from mlarray_core.meta import Meta
    from mlarray_io.privacy.profile import Privacy
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.format import Format

VOXELS = "the voxels are as they were: text that is burned into them, and faces, stay"
"""Said with every image."""


_SPACE = 3
"""Axes of a volume, of which the slowest is that of slices."""


class WorldView(Reader):
    """The same voxels, their geometry in another world, and the vectors and tensors that they hold with it.

    Parameters
    ----------
    reader
        Of an image whose world is known.
    world
        ``RAS``, ``LPS`` or ``LAS``.

    Raises
    ------
    ArgumentError
        The world of `reader` or `world` itself is unknown.
    """

    def __init__(self, reader: Reader, world: str) -> None:
        parts = world_parts(reader.meta, reader.labels)
        framed = parts is not None and parts.frame is not None  # the frame turns, its tensors stay
        self._reader = reader if framed else in_world(reader, world)
        self.shape, self.dtype, self.chunks = reader.shape, reader.dtype, reader.chunks
        self.meta = _in_world(reader, world)
        self.levels = [WorldView(level, world) for level in reader.levels]

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        return self._reader[box]

    def close(self) -> None:
        """Close the reader behind the view."""
        self._reader.close()


class OrientedView(Reader):
    """The same image with its spatial axes permuted and flipped, so that they lead as a code says.

    Parameters
    ----------
    reader
        Of an image whose world is known.
    code
        A letter for each spatial axis, the fastest first, such as ``RAS``.

    Raises
    ------
    ArgumentError
        The world is unknown or the code doesn't fit the image.
    """

    def __init__(self, reader: Reader, code: str) -> None:
        self._reader = reader
        labels = reader.meta.spatial.axis_labels
        spatial = geometry.spatial_axes(labels, len(reader.shape))
        affine, world = (
            geometry.affine_of(reader.meta.spatial, len(spatial)),
            reader.meta.spatial.coord_system,
        )
        sizes = [reader.shape[axis] for axis in spatial]
        perm, flips, turned = geometry.reorientation(affine, world, sizes, code)
        self._axes = list(range(len(reader.shape)))
        for new, old in zip(spatial, perm, strict=True):
            self._axes[new] = spatial[old]
        self._flipped = tuple(axis for axis, flip in zip(spatial, flips, strict=True) if flip)
        self.shape, self.dtype = tuple(self._moved(reader.shape)), reader.dtype
        self.chunks = None if reader.chunks is None else tuple(self._moved(reader.chunks))
        self.meta = self._meta(reader.meta, turned, perm, Turn(perm, flips, affine, turned, world))
        self.levels = [OrientedView(level, code) for level in reader.levels]

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        wanted: list[slice] = [slice(0, 0)] * len(box)
        for new, (old, part) in enumerate(zip(self._axes, box, strict=True)):
            wanted[old] = self._mirrored(part, self.shape[new]) if new in self._flipped else part
        voxels = self._reader[tuple(wanted)].transpose(self._axes)
        turn = tuple(slice(None, None, -1 if axis in self._flipped else 1) for axis in range(voxels.ndim))
        return voxels[turn]

    def close(self) -> None:
        """Close the reader behind the view."""
        self._reader.close()

    def _moved(self, values: Sequence[Any]) -> list[Any]:
        return [values[old] for old in self._axes]

    @staticmethod
    def _mirrored(part: slice, size: int) -> slice:
        return slice(size - part.stop, size - part.start)

    def _meta(self, meta: Meta, affine: np.ndarray[Any, Any], perm: Sequence[int], turn: Turn) -> Meta:
        moved, spatial = meta.copy(), meta.spatial
        spatial_axes = geometry.spatial_axes(spatial.axis_labels, len(self.shape))
        additions = Additions.of(meta)
        axes = additions.axes
        additions.axes = {
            new: self._axis(new, axes[old]) for new, old in enumerate(self._axes) if old in axes
        }
        additions.bids = turn.fields(additions.bids)
        additions.store(moved)
        moved.bbox.bboxes = self._boxes(meta.bbox.bboxes, perm)
        if len(spatial_axes) == _SPACE and turn.reverses(0):
            moved.source = reversed_slices(meta.source.data, self._reader.shape[spatial_axes[0]])
        placed = geometry.spatial_meta(
            affine,
            axis_labels=_labels(spatial.axis_labels, self._axes),
            axis_units=None if spatial.axis_units is None else self._moved(spatial.axis_units),
            coord_system=spatial.coord_system,
        )
        moved._set_by_library(blosc2=None, spatial=placed)
        return moved

    def _axis(self, new: int, axis: AxisValues) -> AxisValues:
        """Turn the values along an axis with it."""
        if new in self._flipped and axis.values is not None:
            return replace(axis, values=axis.values[::-1])
        return axis

    def _boxes(self, boxes: list[list[list[int | float]]] | None, perm: Sequence[int]) -> Any:
        """Move bounding boxes, which have all axes or the spatial ones, with the voxels that they hold."""
        if boxes is None:
            return None
        spatial = geometry.spatial_axes(self._reader.meta.spatial.axis_labels, len(self.shape))
        return [self._bounding_box(box, list(spatial), list(perm)) for box in boxes]

    def _bounding_box(self, box: list[list[int | float]], spatial: list[int], perm: list[int]) -> Any:
        whole = len(box) == len(self.shape)
        order = self._axes if whole else perm
        axes = range(len(self.shape)) if whole else spatial
        moved = [box[old] for old in order]
        return [
            [self.shape[axis] - ends[1], self.shape[axis] - ends[0]] if axis in self._flipped else ends
            for axis, ends in zip(axes, moved, strict=True)
        ]


class DeidentifiedView(Reader):
    """The same voxels with metadata that identify nobody.

    Parameters
    ----------
    reader
        The image.
    privacy
        How it is asked for.
    """

    def __init__(self, reader: Reader, privacy: Privacy) -> None:
        self._reader = reader
        self.shape, self.dtype, self.chunks = reader.shape, reader.dtype, reader.chunks
        self.meta = deidentified(reader.meta, header_format(reader.meta), privacy)
        self.levels = [DeidentifiedView(level, privacy) for level in reader.levels]

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        return self._reader[box]

    def close(self) -> None:
        """Close the reader behind the view."""
        self._reader.close()


def header_format(meta: Meta) -> Format | None:
    """Return the format of the header that metadata hold; None when it isn't installed."""
    return installed().find(meta._image_meta_format.value or "")


def found_in(meta: Meta) -> Findings:
    """Return what metadata say about a person, by the names of the fields."""
    return findings(meta, header_format(meta))


def tell_voxels(meta: Meta, context: Context) -> None:
    """Say that voxels aren't changed, and why these may show who it is."""
    context.warn(VOXELS)
    for reason in found_in(meta).voxels:
        context.warn(f"look at it before it is passed on: {reason}")


def _labels(labels: list[str] | None, order: list[int]) -> list[str]:
    """Return the labels of moved axes. Spatial ones name places (slowest is z), so they stay in theirs."""
    return ["spatial"] * len(order) if labels is None else list(labels)


def _in_world(reader: Reader, world: str) -> Meta:
    spatial = reader.meta.spatial
    if geometry.normal_world(spatial.coord_system) is None:
        raise ArgumentError(
            f"the source's world is {spatial.coord_system or 'unknown'}, it can't be told as {world}",
            hint="Leave out --coord-system (coord_system=)",
        )
    count = len(geometry.spatial_axes(spatial.axis_labels, len(reader.shape)))
    affine = geometry.to_world(geometry.affine_of(spatial, count), spatial.coord_system, world)
    moved = reader.meta.copy()
    turned_frames(
        moved, geometry.normal_world(spatial.coord_system) or "", geometry.normal_world(world) or ""
    )
    placed = geometry.spatial_meta(
        affine,
        axis_labels=spatial.axis_labels or ["spatial"] * len(reader.shape),
        axis_units=spatial.axis_units,
        coord_system=geometry.normal_world(world),
    )
    moved._set_by_library(spatial=placed)
    return moved
